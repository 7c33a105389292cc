import { MissingScope, PremiumRequired } from '../spotify/errors.ts';
import type { WebApi } from '../spotify/web-api.ts';
import type { ApiVersions } from './api-version.ts';
import type { ArtistFollowing } from './artist-following.ts';
import type { OpenGrant } from './listener-access.ts';
import type { ResponseCache } from './response-cache.ts';
import { requireScopes } from './scopes.ts';
import type { Listener } from './session-records.ts';
import { type Call, targetOf, ttl } from './spotify-call.ts';
import { topics } from './topics.ts';

export type CallingSession = {
  listener: Pick<Listener, 'accountId' | 'id'>;
  grant: OpenGrant;
  /** Invalidates cached responses with these prefixes in every process. */
  invalidate: (accountId: string, keyPrefixes: readonly string[]) => Promise<void>;
};

export type ListenerCaller = ReturnType<typeof createListenerCaller>;

type Deps = {
  apiVersions: ApiVersions;
  artistFollowing: Pick<ArtistFollowing, 'call'>;
  webApi: WebApi;
  responseCache: ResponseCache;
  /** The country for which Spotify says what is playable, unless the listener's account has another one. */
  market: string;
  now: () => number;
};

/** The cache key under which an account without Premium is remembered. */
const [withoutPremiumKey] = topics.premium() as [string];

/** Makes the calls in the table of listener-calls.ts, by the rules in it. */
export function createListenerCaller(deps: Deps) {
  const { apiVersions, artistFollowing, webApi, responseCache, market, now } = deps;

  /** Makes only the request: doesn't check scopes, and doesn't use the cache. */
  function request<Args extends unknown[], Result>(
    call: Call<Args, Result>,
    args: Args,
    { accessToken, listenerId }: { accessToken: string; listenerId: string },
  ): Promise<Result> {
    const [versioned, following] = [apiVersions.call, artistFollowing.call];
    return call.request({ webApi, accessToken, listenerId, market, now, versioned, following }, ...args);
  }

  async function send<Args extends unknown[], Result>(
    { listener, grant }: CallingSession,
    call: Call<Args, Result>,
    args: Args,
  ): Promise<Result> {
    const { id: listenerId } = listener;
    try {
      return await grant.send({
        target: targetOf(call),
        send: (accessToken) => request(call, args, { accessToken, listenerId }),
      });
    } catch (error) {
      // Spotify doesn't say which scope is missing, but the table does.
      const isUnnamed = error instanceof MissingScope && error.scopes.length === 0;
      throw isUnnamed ? new MissingScope(error.message, call.scopes) : error;
    }
  }

  /**
   * Invalidates before and after the call: a response that is in flight doesn't include the change, and a failure doesn't mean that nothing has
   * changed.
   */
  async function change<Args extends unknown[], Result>(
    session: CallingSession,
    call: Call<Args, Result>,
    args: Args,
    keyPrefixes: readonly string[],
  ): Promise<Result> {
    const { invalidate, listener } = session;
    const { accountId } = listener;
    let outdated = keyPrefixes;
    // safeguard: invalidate-after-change
    await invalidate(accountId, outdated);
    try {
      const result = await send(session, call, args);
      if (call.family === 'player-write') outdated = [...keyPrefixes, withoutPremiumKey];
      return result;
    } catch (error) {
      if (error instanceof PremiumRequired) responseCache.set(accountId, withoutPremiumKey, true);
      throw error;
    } finally {
      // safeguard: invalidate-after-change
      await invalidate(accountId, outdated);
    }
  }

  return {
    request,

    /**
     * Makes a call and returns its result. `transform` changes the result before it is cached, and is not called for a cached one. Throws
     * MissingScope if the listener hasn't granted its scopes, what the call throws, GrantLost, ClientRejected, Cooldown, RedisUnavailable or
     * ShuttingDown.
     */
    async perform<Args extends unknown[], Result, Transformed = Result>(
      session: CallingSession,
      call: Call<Args, Result>,
      args: Args,
      transform?: (result: Result) => Promise<Transformed>,
    ): Promise<Result | Transformed> {
      // Before the cache, because another browser of the listener may have been granted more.
      requireScopes(session.grant.scopes, call.scopes);
      if (call.invalidates) return change(session, call, args, call.invalidates(...args));
      const load = async () => {
        const result = await send(session, call, args);
        return transform ? transform(result) : result;
      };
      const key = call.cache?.key(...args) ?? null;
      if (!call.cache || key === null) return load();
      const { ttlMs, accepts, isPacked } = call.cache;
      // A call with `accepts` has no `transform`.
      const isCacheable = accepts && ((result: Result | Transformed) => accepts(result as Result, ...args));
      return responseCache.get(session.listener.accountId, key, ttlMs, load, { isCacheable, isPacked });
    },

    ...createCachedResponses(responseCache),

    /**
     * Returns whether Spotify has recently refused a command because the account has no Premium. New apps can't find out in any other way: their
     * profiles have no `product` ("February 2026 Web API changes").
     */
    isWithoutPremium: (accountId: string): boolean =>
      responseCache.peek(accountId, withoutPremiumKey, ttl.tenMinutes) === true,

    /** Invalidates cached responses with these prefixes in this process only. */
    invalidateHere({ listener }: CallingSession, keyPrefixes: readonly string[]): void {
      for (const prefix of keyPrefixes) responseCache.invalidate(listener.accountId, prefix);
    },
  };
}

/** Reads and writes single cached responses, by the call that they belong to. */
function createCachedResponses(responseCache: ResponseCache) {
  return {
    /** Returns the response to this call if it is in the cache; otherwise undefined. */
    peek<Args extends unknown[], Result>(
      { listener }: CallingSession,
      call: Call<Args, Result>,
      args: Args,
    ): Result | undefined {
      const at = placeInCache(call, args);
      return at ? responseCache.peek(listener.accountId, at.key, at.ttlMs) : undefined;
    },

    isCached<Args extends unknown[], Result>(
      { listener }: CallingSession,
      call: Call<Args, Result>,
      args: Args,
    ): boolean {
      const at = placeInCache(call, args);
      return at !== null && responseCache.has(listener.accountId, at.key, at.ttlMs);
    },

    /** Caches what this call would return, because it is known from another one. */
    remember<Args extends unknown[], Result>(
      { listener }: CallingSession,
      call: Call<Args, Result>,
      args: Args,
      result: Result,
    ): void {
      const at = placeInCache(call, args);
      if (at) responseCache.set(listener.accountId, at.key, result);
    },
  };
}

/** Returns where the response to a call is cached, and for how long; null if it isn't. */
function placeInCache<Args extends unknown[], Result>({ cache }: Call<Args, Result>, args: Args) {
  const key = cache?.key(...args) ?? null;
  return cache && key !== null ? { key, ttlMs: cache.ttlMs } : null;
}
