import type { ApiVersion } from '../spotify/api-version.ts';
import { legacyGroups } from '../spotify/library-calls.ts';
import type { TimeRange } from '../spotify/limits.ts';
import { partsOf, type UriKind } from '../spotify/uri.ts';
import type { ApiVersions } from './api-version.ts';
import type { CallingSession, ListenerCaller } from './listener-caller.ts';
import { listenerCalls } from './listener-calls.ts';
import type { Call } from './spotify-call.ts';

/** A call that changes the library; it takes the URIs of what is saved, followed or removed, and returns those that it changed. */
type Change = (uris: readonly string[]) => Promise<readonly string[]>;

type OnDone = (uris: readonly string[]) => void;

type Deps = {
  caller: ListenerCaller;
  session: CallingSession;
  apiVersions: Pick<ApiVersions, 'current'>;
  calls: Record<
    | 'saveToLibrary'
    | 'removeFromLibrary'
    | 'followArtist'
    | 'unfollowArtist'
    | 'followPlaylist'
    | 'unfollowPlaylist',
    Change
  >;
};

/** Responses whose items have been remembered. A cached one is shown again and again, and all its items would be written each time. */
const rememberedResponses = new WeakSet<object>();

/**
 * A listener's library. Asking whether something is in it costs a call, so what its lists and the buttons of pages have shown is remembered: their
 * pages then know without asking.
 */
export function createListenerLibrary({ caller, session, calls, apiVersions }: Deps) {
  return {
    /** Returns whether this is in the library, as far as that is known without a call; null if it isn't known. */
    knownSaved: (uri: string): boolean | null => caller.peek(session, listenerCalls.isSaved, [uri]) ?? null,

    /** Returns the top artists or tracks of a time range if they are cached, without a call; else null. */
    cachedTop: (of: 'artists' | 'tracks', range: TimeRange): readonly { uri: string | null }[] | null =>
      (of === 'artists'
        ? caller.peek(session, listenerCalls.topArtists, [range])
        : caller.peek(session, listenerCalls.topTracks, [range])) ?? null,

    /**
     * Saves these to the library, or follows them; up to {@link maxSavedItems}, in one call, or one for each group of {@link groupsOf}. `onDone` is called
     * with those of each call that succeeded. Throws ArtistsNotOffered if there is an artist and this app can't follow any.
     */
    save: (uris: readonly string[], onDone?: OnDone): Promise<void> => setSaved(uris, true, onDone),

    /** Removes these from the library, or unfollows them; the same otherwise. */
    unsave: (uris: readonly string[], onDone?: OnDone): Promise<void> => setSaved(uris, false, onDone),

    savedAlbums: (page: number) =>
      list(listenerCalls.savedAlbums, [page], ({ items }) => items.map(({ album }) => album.uri)),

    savedShows: (page: number) =>
      list(listenerCalls.savedShows, [page], ({ items }) => items.map(({ show }) => show.uri)),

    savedEpisodes: (page: number) =>
      list(listenerCalls.savedEpisodes, [page], ({ items }) => items.map(({ item }) => item.uri)),

    /** Some of the artists that the listener follows, after the one with this id; null for the first ones. */
    followedArtists: (after: string | null) =>
      list(listenerCalls.followedArtists, [after], ({ items }) => items.map(({ uri }) => uri)),

    playlists: (page: number) =>
      list(listenerCalls.playlists, [page], ({ items }) =>
        items.map(({ id }) => id && `spotify:playlist:${id}`),
      ),
  };

  /** Returns the response to a call that lists a part of the library, and remembers what is in it. */
  async function list<Args extends unknown[], Result extends object>(
    call: Call<Args, Result>,
    args: Args,
    urisIn: (result: Result) => readonly (string | null)[],
  ): Promise<Result> {
    const result = (await caller.perform(session, call, args)) as Result;
    if (rememberedResponses.has(result)) return result;
    // If a button has changed the library while the request was in flight, the response is outdated.
    // safeguard: remember-current-lists-only
    if (!caller.isCached(session, call, args)) return result;
    rememberedResponses.add(result);
    for (const uri of urisIn(result)) if (uri !== null) remember(uri, true);
    return result;
  }

  function remember(uri: string, isSaved: boolean): void {
    caller.remember(session, listenerCalls.isSaved, [uri], isSaved);
  }

  function changeOf(kind: UriKind, isSaved: boolean): Change {
    if (kind === 'artist') return isSaved ? calls.followArtist : calls.unfollowArtist;
    if (kind === 'playlist') return isSaved ? calls.followPlaylist : calls.unfollowPlaylist;
    return isSaved ? calls.saveToLibrary : calls.removeFromLibrary;
  }

  async function setSaved(uris: readonly string[], isSaved: boolean, onDone?: OnDone): Promise<void> {
    // With one of them, the version makes no difference.
    const apiVersion = uris.length > 1 ? await apiVersions.current() : '2026-02';
    const done: string[] = [];
    try {
      for (const group of groupsOf(uris, apiVersion)) {
        const change = changeOf(partsOf(group[0] ?? '').kind, isSaved);
        // If the version turns out to be the legacy one, a call changes only some of them.
        let rest = group;
        while (rest.length > 0) {
          const changed = await change(rest);
          done.push(...changed);
          onDone?.(changed);
          // safeguard: change-rest-of-group
          rest = rest.filter((uri) => !changed.includes(uri));
        }
      }
    } finally {
      // A call invalidates what is remembered of all its URIs.
      // safeguard: remember-all-that-was-saved
      for (const uri of done) remember(uri, isSaved);
    }
  }
}

/** Groups URIs into those that one call can change. Artists and playlists need other permissions than the rest. */
function groupsOf(uris: readonly string[], apiVersion: ApiVersion): string[][] {
  if (apiVersion === 'legacy') return legacyGroups(uris);
  const groups = Map.groupBy(uris, (uri) => {
    const { kind } = partsOf(uri);
    return kind === 'artist' || kind === 'playlist' ? kind : 'other';
  });
  return [...groups.values()];
}
