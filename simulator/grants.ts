import { createHash, randomBytes } from 'node:crypto';
import type { RestoredGrant, Settings } from './types.ts';

const codeLifetimeMs = 5 * 60 * 1000;
const gracePeriodMs = 30 * 1000;
const hourMs = 3_600_000;

/** An authorize request that a listener has agreed to. */
export type Approval = {
  listenerId: string;
  redirectUri: string;
  challenge: string | null;
  scopes: readonly string[];
};

/** One consent and everything issued for it. */
type Consent = {
  listenerId: string;
  scopes: readonly string[];
  /** Whether the code was redeemed without the secret. Only then can tokens be refreshed without it. */
  isPublicClient: boolean;
  at: number;
  endedBy: 'revoked' | 'expired' | null;
};

export type TokenResponse = {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  scope?: string;
  refresh_token?: string;
};

/** An error of the token endpoint, in Spotify's words. */
export type TokenError = { error: string; error_description?: string };

/** The grant of an access token. An app token has no listener. */
export type Bearer = { listenerId: string | null; scopes: readonly string[] };

export type Grants = ReturnType<typeof createGrants>;

/** Codes, tokens and consents, in memory. `now` returns milliseconds since the epoch. */
export function createGrants({ settings, now }: { settings: Settings; now: () => number }) {
  const codes = new Map<string, Approval & { at: number }>();
  const accessTokens = new Map<string, { consent: Consent | null; expiresAt: number }>();
  const refreshTokens = new Map<string, { consent: Consent; replacedAt: number | null }>();
  const consents = new Set<Consent>();
  const approvedScopes = new Map<string, Set<string>>();

  const issueAccessToken = (consent: Consent | null): TokenResponse => {
    for (const [token, { expiresAt }] of accessTokens) {
      // Expired tokens are stored for another hour, so that a late call gets "expired" instead of "invalid".
      if (expiresAt + hourMs < now()) accessTokens.delete(token);
    }
    const access_token = opaqueToken(96);
    accessTokens.set(access_token, { consent, expiresAt: now() + settings.accessTokenSeconds * 1000 });
    return { access_token, token_type: 'Bearer', expires_in: settings.accessTokenSeconds };
  };

  const issueRefreshToken = (consent: Consent): string => {
    const token = opaqueToken(96);
    refreshTokens.set(token, { consent, replacedAt: null });
    return token;
  };

  const consentsOf = (listenerId?: string) =>
    [...consents].filter((consent) => listenerId === undefined || consent.listenerId === listenerId);

  return {
    /** Whether the listener has approved all of these scopes before. */
    hasApproved: (listenerId: string, scopes: readonly string[]): boolean => {
      const approved = approvedScopes.get(listenerId);
      return approved !== undefined && scopes.every((scope) => approved.has(scope));
    },

    /** Records the approval. Returns a code that can be redeemed once, within five minutes. */
    approve(approval: Approval): string {
      for (const [code, { at }] of codes) if (at + 2 * codeLifetimeMs < now()) codes.delete(code);
      const approved = approvedScopes.get(approval.listenerId) ?? new Set();
      approvedScopes.set(approval.listenerId, approved.union(new Set(approval.scopes)));
      const code = opaqueToken(150);
      codes.set(code, { ...approval, at: now() });
      return code;
    },

    /** Exchanges a code for tokens. The first attempt spends it, even if it fails. */
    redeem(code: string, request: CodeRequest): TokenResponse | TokenError {
      const approval = codes.get(code);
      codes.delete(code);
      if (!approval) return invalidGrant('Invalid authorization code');
      if (now() >= approval.at + codeLifetimeMs) return invalidGrant('Authorization code expired');
      const error = checkCodeRequest(approval, request);
      if (error) return error;

      const scopes = settings.grantedScope?.split(' ').filter(Boolean) ?? approval.scopes;
      const { listenerId, at } = approval;
      const consent = newConsent({ listenerId, scopes, isPublicClient: !request.hasSecret, at });
      consents.add(consent);
      return {
        ...issueAccessToken(consent),
        refresh_token: issueRefreshToken(consent),
        scope: scopes.join(' '),
      };
    },

    /** The six months count from the consent; refreshing doesn't extend them. */
    refresh(token: string, { hasSecret }: { hasSecret: boolean }): TokenResponse | TokenError {
      const stored = refreshTokens.get(token);
      if (!stored) return invalidGrant('Invalid refresh token');
      const { consent, replacedAt } = stored;
      if (!hasSecret && !consent.isPublicClient) return invalidClient;
      const hasExpired = now() >= consent.at + settings.consentLifetimeMs;
      const endedBy = consent.endedBy ?? (hasExpired ? 'expired' : null);
      if (endedBy) return invalidGrant(`Refresh token ${endedBy}`);
      if (replacedAt !== null && !(settings.rotation === 'grace' && now() < replacedAt + gracePeriodMs)) {
        if (settings.rotation === 'family') consent.endedBy = 'revoked';
        return invalidGrant('Refresh token revoked');
      }

      const response: TokenResponse = { ...issueAccessToken(consent), scope: consent.scopes.join(' ') };
      if (settings.rotation === 'none') return response;
      stored.replacedAt = replacedAt ?? now();
      return { ...response, refresh_token: issueRefreshToken(consent) };
    },

    issueAppToken: (): TokenResponse => issueAccessToken(null),

    bearer(token: string): Bearer | 'expired' | 'invalid' {
      const stored = accessTokens.get(token);
      if (!stored || stored.consent?.endedBy === 'revoked') return 'invalid';
      if (now() >= stored.expiresAt) return 'expired';
      return { listenerId: stored.consent?.listenerId ?? null, scopes: stored.consent?.scopes ?? [] };
    },

    expireAccessTokens() {
      for (const stored of accessTokens.values()) stored.expiresAt = Math.min(stored.expiresAt, now());
    },

    /** Removes the app from the listener's account, or from all. The listener has to approve it again. */
    revoke(listenerId?: string) {
      for (const consent of consentsOf(listenerId)) consent.endedBy = 'revoked';
      if (listenerId === undefined) approvedScopes.clear();
      else approvedScopes.delete(listenerId);
    },

    /** Accepts tokens that another simulator has issued: the listener has approved their scopes. */
    restore({ listenerId, scopes, consentAt, accessToken, expiresAt, refreshToken }: RestoredGrant) {
      const consent = newConsent({ listenerId, scopes, isPublicClient: false, at: consentAt });
      consents.add(consent);
      approvedScopes.set(listenerId, (approvedScopes.get(listenerId) ?? new Set()).union(new Set(scopes)));
      accessTokens.set(accessToken, { consent, expiresAt });
      refreshTokens.set(refreshToken, { consent, replacedAt: null });
    },

    expireConsents(listenerId?: string) {
      for (const consent of consentsOf(listenerId)) consent.endedBy ??= 'expired';
    },
  };
}

const newConsent = (consent: Omit<Consent, 'endedBy'>): Consent => ({ ...consent, endedBy: null });

type CodeRequest = { redirectUri: string; verifier: string | null; hasSecret: boolean };

function checkCodeRequest(
  approval: Approval,
  { redirectUri, verifier, hasSecret }: CodeRequest,
): TokenError | null {
  if (redirectUri !== approval.redirectUri) return invalidGrant('Invalid redirect URI');
  if (approval.challenge !== null && verifier === null)
    return { error: 'invalid_request', error_description: 'code_verifier required' };
  if (verifier !== null) {
    if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return invalidGrant('code_verifier was invalid');
    if (challengeFor(verifier) !== approval.challenge) return invalidGrant('code_verifier was incorrect');
  }
  return !hasSecret && approval.challenge === null ? invalidClient : null;
}

const invalidClient: TokenError = { error: 'invalid_client', error_description: 'Invalid client' };

function invalidGrant(error_description: string): TokenError {
  return { error: 'invalid_grant', error_description };
}

function challengeFor(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function opaqueToken(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
