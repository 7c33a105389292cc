import { createHash, randomBytes } from 'node:crypto';
import type { Settings } from './control.ts';

const codeMs = 5 * 60 * 1000;
const graceMs = 30 * 1000;

/** What an authorize request asked for and a listener agreed to. */
export type Agreement = {
  listenerId: string;
  redirectUri: string;
  challenge: string | null;
  scopes: readonly string[];
};

/** One consent and everything that came from it. */
type Consent = {
  listenerId: string;
  scopes: readonly string[];
  /** True where the code was redeemed without the secret; only then can it be refreshed without. */
  withoutSecret: boolean;
  at: number;
  end: 'revoked' | 'expired' | null;
};

/** The body of a good answer from the token endpoint. */
export type TokenAnswer = {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  scope?: string;
  refresh_token?: string;
};

/** Refused, with the words of Spotify's token endpoint. */
export type Refusal = { error: string; error_description?: string };

/** Who stands behind an access token; an app token has no listener. */
export type Bearer = { listenerId: string | null; scopes: readonly string[] };

export type Grants = ReturnType<typeof createGrants>;

/** Codes, tokens and consents, in memory. `now` gives milliseconds since the epoch. */
export function createGrants({ settings, now }: { settings: Settings; now: () => number }) {
  const codes = new Map<string, Agreement & { at: number }>();
  const accessTokens = new Map<string, { consent: Consent | null; endsAt: number }>();
  const refreshTokens = new Map<string, { consent: Consent; replacedAt: number | null }>();
  const consents = new Set<Consent>();
  const approved = new Map<string, Set<string>>();

  const giveAccess = (consent: Consent | null): TokenAnswer => {
    for (const [token, { endsAt }] of accessTokens) {
      // An hour longer, so that a late call is told "expired" and not "invalid".
      if (endsAt + 3_600_000 < now()) accessTokens.delete(token);
    }
    const access_token = opaque(96);
    accessTokens.set(access_token, { consent, endsAt: now() + settings.accessTokenSeconds * 1000 });
    return { access_token, token_type: 'Bearer', expires_in: settings.accessTokenSeconds };
  };

  const giveRefresh = (consent: Consent): string => {
    const token = opaque(96);
    refreshTokens.set(token, { consent, replacedAt: null });
    return token;
  };

  const endOf = (consent: Consent): Consent['end'] =>
    consent.end ?? (now() >= consent.at + settings.sixMonthsMs ? 'expired' : null);

  const those = (listenerId?: string) =>
    [...consents].filter((consent) => listenerId === undefined || consent.listenerId === listenerId);

  return {
    /** True if the listener has approved all of these scopes before. */
    hasApproved: (listenerId: string, scopes: readonly string[]): boolean => {
      const before = approved.get(listenerId);
      return before !== undefined && scopes.every((scope) => before.has(scope));
    },

    /** Remembers the approval and gives a code: for one use, within five minutes. */
    approve(agreement: Agreement): string {
      for (const [code, { at }] of codes) if (at + 2 * codeMs < now()) codes.delete(code);
      const before = approved.get(agreement.listenerId) ?? new Set();
      approved.set(agreement.listenerId, before.union(new Set(agreement.scopes)));
      const code = opaque(150);
      codes.set(code, { ...agreement, at: now() });
      return code;
    },

    /** A code is spent by the first attempt, whether it succeeds or not. */
    redeem(
      code: string,
      given: { redirectUri: string; verifier: string | null; withSecret: boolean },
    ): TokenAnswer | Refusal {
      const agreed = codes.get(code);
      codes.delete(code);
      if (!agreed) return invalidGrant('Invalid authorization code');
      if (now() >= agreed.at + codeMs) return invalidGrant('Authorization code expired');
      if (given.redirectUri !== agreed.redirectUri) return invalidGrant('Invalid redirect URI');
      if (agreed.challenge !== null && given.verifier === null) {
        return { error: 'invalid_request', error_description: 'code_verifier required' };
      }
      if (given.verifier !== null) {
        if (!/^[A-Za-z0-9._~-]{43,128}$/.test(given.verifier))
          return invalidGrant('code_verifier was invalid');
        if (challengeOf(given.verifier) !== agreed.challenge)
          return invalidGrant('code_verifier was incorrect');
      }
      if (!given.withSecret && agreed.challenge === null) {
        return { error: 'invalid_client', error_description: 'Invalid client' };
      }

      const scopes = settings.grantedScope?.split(' ').filter(Boolean) ?? agreed.scopes;
      const consent: Consent = {
        listenerId: agreed.listenerId,
        scopes,
        withoutSecret: !given.withSecret,
        at: agreed.at,
        end: null,
      };
      consents.add(consent);
      return { ...giveAccess(consent), refresh_token: giveRefresh(consent), scope: scopes.join(' ') };
    },

    /** Six months are counted from the consent; refreshing does not make them longer. */
    refresh(token: string, given: { withSecret: boolean }): TokenAnswer | Refusal {
      const known = refreshTokens.get(token);
      if (!known) return invalidGrant('Invalid refresh token');
      const { consent, replacedAt } = known;
      if (!given.withSecret && !consent.withoutSecret) {
        return { error: 'invalid_client', error_description: 'Invalid client' };
      }
      const end = endOf(consent);
      if (end) return invalidGrant(`Refresh token ${end}`);
      if (replacedAt !== null && !(settings.rotation === 'grace' && now() < replacedAt + graceMs)) {
        if (settings.rotation === 'family') consent.end = 'revoked';
        return invalidGrant('Refresh token revoked');
      }

      const answer: TokenAnswer = { ...giveAccess(consent), scope: consent.scopes.join(' ') };
      if (settings.rotation === 'none') return answer;
      known.replacedAt = replacedAt ?? now();
      return { ...answer, refresh_token: giveRefresh(consent) };
    },

    appToken: (): TokenAnswer => giveAccess(null),

    /** Who an access token speaks for, or why it speaks for nobody. */
    bearer(token: string): Bearer | 'expired' | 'invalid' {
      const known = accessTokens.get(token);
      if (!known || known.consent?.end === 'revoked') return 'invalid';
      if (now() >= known.endsAt) return 'expired';
      return { listenerId: known.consent?.listenerId ?? null, scopes: known.consent?.scopes ?? [] };
    },

    expireAccessTokens() {
      for (const known of accessTokens.values()) known.endsAt = Math.min(known.endsAt, now());
    },

    /** Takes the app off the listener's account: consent has to be asked for anew. */
    revoke(listenerId?: string) {
      for (const consent of those(listenerId)) consent.end = 'revoked';
      if (listenerId === undefined) approved.clear();
      else approved.delete(listenerId);
    },

    endSixMonths(listenerId?: string) {
      for (const consent of those(listenerId)) consent.end ??= 'expired';
    },
  };
}

function invalidGrant(error_description: string): Refusal {
  return { error: 'invalid_grant', error_description };
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function opaque(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
