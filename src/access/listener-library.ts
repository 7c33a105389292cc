import { partsOf } from '../spotify/uri.ts';
import type { CallingSession, ListenerCaller } from './listener-caller.ts';
import { listenerCalls } from './listener-calls.ts';
import type { Call } from './spotify-call.ts';

/** A call that changes the library; it takes the URI of what is saved, followed or removed. */
type Change = (uri: string) => Promise<void>;

type Deps = {
  caller: ListenerCaller;
  session: CallingSession;
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
export function createListenerLibrary({ caller, session, calls }: Deps) {
  return {
    /** Returns whether this is in the library, as far as that is known without a call; null if it isn't known. */
    knownSaved: (uri: string): boolean | null => caller.peek(session, listenerCalls.isSaved, [uri]) ?? null,

    /** Saves this to the library, or follows it. Throws ArtistsNotOffered if it is an artist and this app can't follow any. */
    save: (uri: string): Promise<void> => setSaved(uri, true),

    /** Removes this from the library, or unfollows it. Throws ArtistsNotOffered if it is an artist and this app can't unfollow any. */
    unsave: (uri: string): Promise<void> => setSaved(uri, false),

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

  async function setSaved(uri: string, isSaved: boolean): Promise<void> {
    const { kind } = partsOf(uri);
    if (kind === 'artist') await (isSaved ? calls.followArtist : calls.unfollowArtist)(uri);
    else if (kind === 'playlist') await (isSaved ? calls.followPlaylist : calls.unfollowPlaylist)(uri);
    else await (isSaved ? calls.saveToLibrary : calls.removeFromLibrary)(uri);
    remember(uri, isSaved);
  }
}
