import type { Profile } from '../spotify/types.ts';
import type { WebApi } from '../spotify/web-api.ts';
import type { ApiVersions } from './api-version.ts';
import type { ArtistFollowing } from './artist-following.ts';
import { createCachedPlaylists } from './cached-playlists.ts';
import type { StoredGrant } from './grants.ts';
import type { ListenerAccess } from './listener-access.ts';
import { type CallingSession, createListenerCaller } from './listener-caller.ts';
import { type CallName, listenerCalls, scopesFor } from './listener-calls.ts';
import { createListenerLibrary } from './listener-library.ts';
import { createRelinking, type ShownEntry } from './relinking.ts';
import type { ResponseCache } from './response-cache.ts';
import { hasScopes, requireScopes } from './scopes.ts';
import { type Call, targetOf } from './spotify-call.ts';
import type { AuthorizedRequest } from './token-refresh.ts';
import { topics } from './topics.ts';

export type ListenerApi = ReturnType<typeof createListenerApi>;

/** All calls to Spotify that a page can make for the listener who requested it. */
export type ListenerSpotify = ReturnType<ListenerApi['forSession']>;

type Deps = {
  access: ListenerAccess;
  apiVersions: ApiVersions;
  artistFollowing: ArtistFollowing;
  webApi: WebApi;
  responseCache: ResponseCache;
  /** The country for which Spotify says what is playable, unless the listener's account has another one. */
  market: string;
  now: () => number;
};

/** A method for each call in the table. */
type Calls = {
  [Name in CallName]: (typeof listenerCalls)[Name] extends Call<infer Args, infer Result>
    ? (...args: Args) => Promise<Result>
    : never;
};

type Topic = keyof typeof topics;

/**
 * Whether a listener can play things. `not-granted`: they haven't granted the scope. `without-premium`: Spotify has recently refused a command because
 * the account has no Premium.
 */
type PlayAccess = 'granted' | 'not-granted' | 'without-premium';

/** A listener, and what they have granted. */
type ScopesOf = { accountId: string; scopes: readonly string[] };

/** The state of the player, and when Spotify was asked for it. */
type PlayerResponse = Awaited<ReturnType<typeof listenerCalls.player.request>>;

export function createListenerApi(deps: Deps) {
  const { access, apiVersions, artistFollowing, webApi, responseCache, market, now } = deps;
  const caller = createListenerCaller({ apiVersions, artistFollowing, webApi, responseCache, market, now });
  const relinking = createRelinking({ apiVersions, market });

  return {
    /** Returns the profile of someone who is signing in, and so has no grant yet. Throws as `access.sendWithNewToken` does. */
    profileOf: (accessToken: string): Promise<Profile> =>
      access.sendWithNewToken(accessToken, withToken(listenerCalls.profile)),

    /** Asks Spotify what is playing, for live updates. Throws as the methods of `spotify` do. */
    async poll(sessionId: string, stored: StoredGrant): Promise<PlayerResponse> {
      requireScopes(stored.scopes, scopesFor('player'));
      const grant = await access.open(sessionId, stored, { refreshFirst: true });
      return grant.send(withToken(listenerCalls.player));
    },

    canPlay: (listener: ScopesOf): boolean => playAccess(listener) === 'granted',

    playAccess,

    /** Whether a page may show what is playing. */
    canSeePlayer: ({ scopes }: Pick<StoredGrant, 'scopes'>): boolean =>
      hasScopes(scopes, scopesFor('player')),

    /** Whether a page may offer to save what is playing. */
    canSave: ({ scopes }: Pick<StoredGrant, 'scopes'>): boolean =>
      hasScopes(scopes, scopesFor('saveToLibrary')),

    forSession,
  };

  /** Whether a page may offer to play things, and if not, why: the listener hasn't permitted it, or has been found to have no Premium. */
  function playAccess({ accountId, scopes }: ScopesOf): PlayAccess {
    if (!hasScopes(scopes, scopesFor('play'))) return 'not-granted';
    // safeguard: play-with-premium-only
    return caller.isWithoutPremium(accountId) ? 'without-premium' : 'granted';
  }

  /** A call without arguments, outside a session. */
  function withToken<Result>(call: Call<[], Result>): AuthorizedRequest<Result> {
    return {
      target: targetOf(call),
      send: (accessToken) => caller.request(call, [], { accessToken, listenerId: '' }),
    };
  }

  function forSession(session: CallingSession) {
    const calls = Object.fromEntries(
      Object.entries(listenerCalls).map(([name, call]) => [
        name,
        (...args: unknown[]) => caller.perform(session, call as unknown as Call<unknown[], unknown>, args),
      ]),
    ) as unknown as Calls;

    return {
      /**
       * The calls to Spotify. Each throws MissingScope if the listener hasn't granted its scopes, what webApi throws, GrantLost,
       * ClientRejected, Cooldown, RedisUnavailable or ShuttingDown.
       */
      spotify: {
        ...calls,
        ...createListenerLibrary({ caller, session, calls, apiVersions }),

        /** Returns whether this app may follow artists, as far as that is known. Throws RedisUnavailable. */
        canFollowArtists: artistFollowing.isOffered,
        ...createCachedPlaylists(caller, session, responseCache),

        /** Returns what `record` makes of the response. The result is cached, so each response is recorded once. */
        player: <T>(record: (response: PlayerResponse) => Promise<T>): Promise<T> =>
          caller.perform(session, listenerCalls.player, [], record) as Promise<T>,

        /** Returns whether this is in the listener's library; null if a button has changed that while the response was in flight. */
        async isSaved(uri: string): Promise<boolean | null> {
          const isSaved = await calls.isSaved(uri);
          // safeguard: prefer-own-save
          if (!caller.isCached(session, listenerCalls.isSaved, [uri])) return null;
          return isSaved;
        },

        /** Returns the URI that the library contains for each of these rows; null if something else is at its position by now. */
        originalsInLibrary: (entries: readonly ShownEntry[]): Promise<(string | null)[]> =>
          relinking.originalUris(entries, calls.savedTracksToRemove),

        /** Returns the URI that the playlist contains for each of these rows; null if something else is at its position by now. */
        originalsInPlaylist: (id: string, entries: readonly ShownEntry[]): Promise<(string | null)[]> =>
          relinking.originalUris(entries, (slice) => calls.playlistEntriesToRemove(id, slice)),
      },

      hasScopesFor: (...names: readonly CallName[]): boolean =>
        hasScopes(session.grant.scopes, scopesFor(...names)),

      /** Throws MissingScope if the listener hasn't granted the scopes of all these calls. */
      requireScopesFor(...names: readonly CallName[]): void {
        requireScopes(session.grant.scopes, scopesFor(...names));
      },

      /** Does the same as `playAccess`, for this listener. */
      playAccess: (): PlayAccess =>
        playAccess({ accountId: session.listener.accountId, scopes: session.grant.scopes }),

      /** Invalidates cached responses about this topic in every process, because something has changed without a call of ours. */
      invalidate<T extends Topic>(topic: T, ...args: Parameters<(typeof topics)[T]>): Promise<void> {
        return session.invalidate(session.listener.accountId, prefixesOf(topic, args));
      },

      /** Does the same in this process only. Pub/sub is lossy, and a page that follows a change must not depend on a message about it. */
      invalidateHere<T extends Topic>(topic: T, ...args: Parameters<(typeof topics)[T]>): void {
        caller.invalidateHere(session, prefixesOf(topic, args));
      },
    };
  }
}

function prefixesOf<T extends Topic>(topic: T, args: Parameters<(typeof topics)[T]>): readonly string[] {
  const prefixes = topics[topic] as (...args: unknown[]) => readonly string[];
  return prefixes(...args);
}
