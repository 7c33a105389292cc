import { type BackgroundTasks, ShuttingDown } from '../ops/background.ts';
import type { Lock } from '../redis/lock.ts';
import { AccessTokenRejected, RefreshTokenRejected, SpotifyUnavailable } from '../spotify/errors.ts';
import type { AccessToken } from '../spotify/types.ts';
import { type OnRefresh, withOutcome } from './call-outcome.ts';
import { Cooldown } from './errors.ts';
import type { QuotaTarget } from './quota-families.ts';
import type { QuotaGate } from './quota-gate.ts';

/** An access token and when it expires, in milliseconds since 1970. */
export type Token = { accessToken: string; expiresAt: number };

/** One request to the Web API, made with an access token, and what it draws on. */
export type AuthorizedRequest<T> = { target: QuotaTarget; send: (accessToken: string) => Promise<T> };

/** The store of one kind of token, and how another one is obtained in place of a spent one. */
export type TokenStore<T extends Token, Stored extends T | null> = {
  /** Names the work in the log, such as "refresh a grant". */
  taskName: string;
  token: Parameters<OnRefresh>[0];
  lockName(id: string): string;
  /** Returns what is stored now; throws GrantLost if nothing can be refreshed anymore. */
  read(id: string): Promise<Stored>;
  /** Asks the accounts service for another token. */
  request(stored: Stored): Promise<AccessToken>;
  /** Stores the new token if `stored` is unchanged, and returns what is stored then. Throws GrantLost if it was removed. */
  save(id: string, stored: Stored, token: AccessToken): Promise<T>;
  /** Called if Spotify rejects the refresh token. Returns its successor if there is one, else throws GrantLost. */
  giveUp(id: string, stored: Stored, error: RefreshTokenRejected): Promise<T>;
};

type Deps<T extends Token, Stored extends T | null> = {
  store: TokenStore<T, Stored>;
  withLock: Lock;
  quotaGate: QuotaGate;
  background: Pick<BackgroundTasks, 'finish'>;
  now: () => number;
  onRefresh: OnRefresh;
};

/** How long before its expiry an access token is refreshed. */
const refreshMarginMs = 60_000;

/** This process was suspended past its lease before it asked for a token, so another one may have asked in the meantime. */
class LeaseExpired extends SpotifyUnavailable {
  override readonly wasAsked = false;
}

/**
 * Replaces access tokens that have expired, are about to, or were rejected: for listeners' grants and for the app token.
 *
 * The race: Spotify may rotate refresh tokens, and then accepts only the newest. If two processes exchanged the same refresh token, or an older
 * response overwrote a newer one, the listener would be signed out.
 *
 * Ideally, one process would hold an exclusive lock from reading the spent token until its successor is stored. Redis can't guarantee that: a process
 * may be suspended past its lease, and resume after another one has taken the lock.
 *
 * The fallback: the lock saves calls, and compare-and-set ensures correctness. The stored token is read again under the lock; if it is no longer the
 * spent one, it is the result. Spotify is asked only while the lease is still ours. The successor is stored by compare-and-set, and a rejected
 * refresh token ends the grant only if it is still the stored one.
 *
 * From the request to Spotify until its response is stored, only that request's deadline can end the work. A browser that disconnects or a shutdown
 * can't, because the response may hold the only refresh token that Spotify still accepts.
 */
export function createTokenRefresh<T extends Token, Stored extends T | null>(deps: Deps<T, Stored>) {
  const { store, withLock, quotaGate, background, now, onRefresh } = deps;
  const inFlight = new Map<string, Promise<T>>();

  return {
    /** Returns `token`, or its successor if it is about to expire. Throws as {@link refresh} does. */
    async refreshIfDue(id: string, token: Stored): Promise<T> {
      // safeguard: refresh-margin
      // safeguard: app-token-refresh-margin
      if (token && token.expiresAt - refreshMarginMs > now()) return token;
      if (!token || token.expiresAt <= now()) return refresh(id, token);
      try {
        // The token is still valid, so there is no need to wait for a process that is refreshing it already.
        // safeguard: use-token-while-refreshing
        return (await refreshUnderLock(id, token, { wait: false })) ?? token;
      } catch (error) {
        // safeguard: use-token-during-outage
        if (isTransient(error) && token.expiresAt > now()) return token;
        throw error;
      }
    },

    refresh,
  };

  /**
   * Returns the successor of this spent token. All requests that ask for it share one refresh.
   * Throws GrantLost, SpotifyUnavailable, ClientRejected, Cooldown, RedisUnavailable or ShuttingDown.
   */
  function refresh(id: string, spent: Stored): Promise<T> {
    const key = `${id} ${spent?.accessToken}`;
    const pending = inFlight.get(key);
    if (pending) return pending;

    const refreshing = refreshUnderLock(id, spent, { wait: true })
      .then((token) => {
        if (token) return token;
        throw new SpotifyUnavailable(`Waited too long for another ${store.taskName}`);
      })
      .finally(() => inFlight.delete(key));
    inFlight.set(key, refreshing);
    return refreshing;
  }

  /** Returns null if another request holds the lock, for longer than this one may wait. */
  async function refreshUnderLock(id: string, spent: Stored, { wait }: { wait: boolean }): Promise<T | null> {
    const work = async (isHeld: () => boolean) => {
      const stored = await store.read(id);
      // safeguard: recheck-under-lock
      if (stored && stored.accessToken !== spent?.accessToken) return stored;
      // A shutdown may have begun during the wait for the lock. Until here nothing is lost by giving up.
      // safeguard: finish-refresh-before-stop
      return background.finish(store.taskName, () =>
        withOutcome(
          () => replace(id, stored, isHeld),
          (outcome) => onRefresh(store.token, outcome),
        ),
      );
    };
    const attempt = () =>
      // safeguard: finish-refresh-before-stop
      // safeguard: app-token-lock
      background.finish(store.taskName, () => withLock(store.lockName(id), work, { wait }));
    try {
      return await attempt();
    } catch (error) {
      // safeguard: retry-after-lost-lease
      if (error instanceof LeaseExpired) return attempt();
      throw error;
    }
  }

  async function replace(id: string, stored: Stored, isHeld: () => boolean): Promise<T> {
    let token: AccessToken;
    try {
      token = await quotaGate.runAccounts(async () => {
        // safeguard: refresh-only-with-lease
        if (!isHeld()) throw new LeaseExpired('The lease ended before Spotify was asked for a token');
        return store.request(stored);
      });
    } catch (error) {
      if (!(error instanceof RefreshTokenRejected)) throw error;
      return store.giveUp(id, stored, error);
    }
    return store.save(id, stored, token);
  }
}

/** Whether a later refresh may succeed. Until then, a token that hasn't expired is used. */
function isTransient(error: unknown): boolean {
  // safeguard: use-token-while-stopping
  return [SpotifyUnavailable, Cooldown, ShuttingDown].some((kind) => error instanceof kind);
}

/**
 * Makes a request with this token and, if Spotify rejects it, once more with the one that `refresh` returns. Throws what `refresh` throws, and as
 * {@link sendWithNewToken} does.
 */
export async function sendWithToken<T>(
  quotaGate: QuotaGate,
  accessToken: string,
  request: AuthorizedRequest<T>,
  refresh: () => Promise<Token>,
): Promise<T> {
  try {
    return await quotaGate.run(request.target, () => request.send(accessToken));
  } catch (error) {
    if (!(error instanceof AccessTokenRejected)) throw error;
  }
  const { accessToken: next } = await refresh();
  return sendWithNewToken(quotaGate, next, request);
}

/**
 * Makes a request with a token that was just issued. If Spotify rejects it, the fault is Spotify's: refreshing again would not help. Throws what
 * the request throws, SpotifyUnavailable in place of AccessTokenRejected, Cooldown in place of RateLimited, and RedisUnavailable.
 */
export async function sendWithNewToken<T>(
  quotaGate: QuotaGate,
  accessToken: string,
  request: AuthorizedRequest<T>,
): Promise<T> {
  try {
    return await quotaGate.run(request.target, () => request.send(accessToken));
  } catch (error) {
    if (!(error instanceof AccessTokenRejected)) throw error;
    throw new SpotifyUnavailable(`${error.message}, with a new token`);
  }
}
