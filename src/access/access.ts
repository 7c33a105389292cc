import type { Accounts } from '../spotify/accounts.ts';
import type { AccessToken } from '../spotify/answers.ts';
import { AccessTokenRejected, InvalidGrant, SpotifyUnavailable } from '../spotify/errors.ts';
import type { Door } from './door.ts';
import { CoolDown, GrantLost } from './errors.ts';
import type { Grants, StoredGrant } from './grants.ts';
import type { Lock } from './lock.ts';

export type Access = ReturnType<typeof createAccess>;

/** One call to Spotify, given an access token that should work. */
export type SpotifyCall<T> = (accessToken: string) => Promise<T>;

/** The right to call Spotify for one session. */
export type OpenGrant = {
  scopes: readonly string[];
  /** Calls Spotify with a live token; throws what the call throws, GrantLost, CoolDown or SessionsUnavailable. */
  ask<T>(call: SpotifyCall<T>): Promise<T>;
  /** Lets the grant stand for longer, because somebody came. */
  extend(): Promise<void>;
};

type Needs = { grants: Grants; withLock: Lock; door: Door; accounts: Accounts; now: () => number };

/** How long before its end an access token is renewed. */
const earlyMs = 60_000;

/** The right to call Spotify, kept alive. */
export function createAccess({ grants, withLock, door, accounts, now }: Needs) {
  const renewing = new Map<string, Promise<StoredGrant>>();

  return {
    /**
     * The grant of a session, its token renewed where it is due; null where the session has none.
     * Throws GrantLost, SpotifyUnavailable, ClientRejected, CoolDown or SessionsUnavailable.
     */
    async open(sessionId: string): Promise<OpenGrant | null> {
      const stored = await grants.read(sessionId);
      if (stored === null) return null;

      let grant = await renewedIfDue(sessionId, stored);
      return {
        scopes: grant.scopes,
        async ask(call) {
          try {
            return await askWith(grant.accessToken, call);
          } catch (error) {
            if (!(error instanceof AccessTokenRejected)) throw error;
            grant = await renewed(sessionId, grant.accessToken);
            return askWithFresh(grant.accessToken, call);
          }
        },
        extend: () => grants.extend(sessionId, grant),
      };
    },

    /** Whether the session has a grant, asking only Redis. Throws SessionsUnavailable. */
    async has(sessionId: string): Promise<boolean> {
      return (await grants.read(sessionId)) !== null;
    },

    /** Exchanges the code of a sign-in for tokens; throws as accounts.exchange does, but CoolDown in place of RateLimited. */
    exchange: (code: string, verifier: string) =>
      door.through(() => accounts.exchange(code, verifier), { mayRepeat: false }),

    askWithFresh,
  };

  function askWith<T>(accessToken: string, call: SpotifyCall<T>): Promise<T> {
    return door.through(() => call(accessToken), { mayRepeat: true });
  }

  /** Calls Spotify with a token it made a moment ago: to refuse that is a fault of Spotify's, and no renewal will help. */
  async function askWithFresh<T>(accessToken: string, call: SpotifyCall<T>): Promise<T> {
    try {
      return await askWith(accessToken, call);
    } catch (error) {
      if (!(error instanceof AccessTokenRejected)) throw error;
      throw new SpotifyUnavailable(`${error.message}, to a fresh token`);
    }
  }

  async function renewedIfDue(sessionId: string, stored: StoredGrant): Promise<StoredGrant> {
    if (stored.expiresAt - earlyMs > now()) return stored;
    try {
      return await renewed(sessionId, stored.accessToken);
    } catch (error) {
      // The early renewal failed, but the token still holds: the page can be had.
      const passing = error instanceof SpotifyUnavailable || error instanceof CoolDown;
      if (passing && stored.expiresAt > now()) return stored;
      throw error;
    }
  }

  /** Renews this spent token, once however many ask: who comes later gets what the first one got. */
  function renewed(sessionId: string, spent: string): Promise<StoredGrant> {
    const name = `${sessionId} ${spent}`;
    const underWay = renewing.get(name);
    if (underWay) return underWay;

    const renewal = renew(sessionId, spent).finally(() => renewing.delete(name));
    renewing.set(name, renewal);
    return renewal;
  }

  async function renew(sessionId: string, spent: string): Promise<StoredGrant> {
    const result = await withLock(`grant:${sessionId}`, async () => {
      const stored = await grants.read(sessionId);
      if (stored === null) throw new GrantLost('The grant was removed before it could be renewed');
      if (stored.accessToken !== spent) return stored;
      return refreshed(sessionId, stored);
    });
    if (result === null) {
      throw new SpotifyUnavailable('Another request has been renewing this grant for too long');
    }
    return result;
  }

  async function refreshed(sessionId: string, stored: StoredGrant): Promise<StoredGrant> {
    let token: AccessToken;
    try {
      token = await door.through(() => accounts.refresh(stored.refreshToken), { mayRepeat: false });
    } catch (error) {
      if (!(error instanceof InvalidGrant)) throw error;
      // A process that was paused beyond its lease may have renewed it meanwhile: then nothing is lost.
      const standing = await grants.read(sessionId);
      if (standing !== null && standing.generation !== stored.generation) return standing;
      await grants.forget(sessionId);
      throw new GrantLost(error.message);
    }
    const kept = await grants.replace(sessionId, stored, {
      ...stored,
      accessToken: token.accessToken,
      expiresAt: now() + token.expiresInMs,
      // Spotify sends a new refresh token or none; then the old one goes on ("Refreshing tokens").
      refreshToken: token.refreshToken ?? stored.refreshToken,
      scopes: token.scopes ?? stored.scopes,
    });
    if (kept === null) throw new GrantLost('The grant was removed while it was being renewed');
    return kept;
  }
}
