import { entriesPerPage } from '../spotify/limits.ts';
import type { Entry, Page, Playlist } from '../spotify/types.ts';
import type { CallingSession, ListenerCaller } from './listener-caller.ts';
import { listenerCalls } from './listener-calls.ts';
import type { ResponseCache } from './response-cache.ts';
import { ttl } from './spotify-call.ts';

type PlaylistVersion = Pick<Playlist, 'id' | 'snapshotId' | 'count'>;

/** How many pages of playlists are searched for a name. */
const maxPages = 20;

/** Reads playlists from the cache. None of these makes a call. */
export function createCachedPlaylists(
  { peek, isCached, remember }: ListenerCaller,
  session: CallingSession,
  responseCache: ResponseCache,
) {
  const { accountId } = session.listener;
  // The same topic as the other responses about this playlist.
  const addedKey = (id: string, snapshotId: string | null) => `playlist ${id} ${snapshotId} added`;

  return {
    /** Returns how many pages of this playlist an export from this row on finds in the cache. */
    countCachedPages({ id, snapshotId, count }: PlaylistVersion, from = 0): number {
      if (id === null) return 0;
      const offsets = offsetsOf(count, from);
      return offsets.filter((from) =>
        isCached(session, listenerCalls.playlistEntriesToExport, [id, { snapshotId, from }]),
      ).length;
    },

    /** Returns those of these URIs that are known to be in this playlist; the others may be in it as well. */
    knownInPlaylist({ id, snapshotId, count }: PlaylistVersion, uris: readonly string[]): string[] {
      if (id === null) return [];
      const added = responseCache.peek<readonly string[]>(
        accountId,
        addedKey(id, snapshotId),
        ttl.fiveMinutes,
      );
      const known = new Set<string | null | undefined>(added);
      for (const from of offsetsOf(count)) {
        const page = from / entriesPerPage + 1;
        const shown = peek(session, listenerCalls.playlistEntries, [id, snapshotId, page]);
        const rows = peek(session, listenerCalls.playlistUris, [id, { snapshotId, from }]);
        for (const { item } of shown?.items ?? []) known.add(item?.uri);
        for (const { uri } of rows?.items ?? []) known.add(uri);
      }
      return uris.filter((uri) => known.has(uri));
    },

    /** Remembers that this version of a playlist contains these URIs, because they have just been added to it. */
    rememberAdded(id: string, snapshotId: string, uris: readonly string[]): void {
      responseCache.set(accountId, addedKey(id, snapshotId), uris);
    },

    /** Returns the entries on a page of a playlist of this version; null if they aren't cached. */
    peekEntries(id: string, snapshotId: string, page: number): Page<Entry> | null {
      return peek(session, listenerCalls.playlistEntries, [id, snapshotId, page]) ?? null;
    },

    /** Caches a page of a playlist of this version, because what is on it is known without a call. */
    rememberEntries(id: string, snapshotId: string, page: number, entries: Page<Entry>): void {
      remember(session, listenerCalls.playlistEntries, [id, snapshotId, page], entries);
    },

    /** Returns the name of one of the listener's playlists; null if it isn't cached. */
    peekPlaylistName(id: string): string | null {
      for (let page = 1; page <= maxPages; page += 1) {
        const cached = peek(session, listenerCalls.cachedPlaylists, [page]);
        const found = cached?.items.find((one) => one.id === id);
        if (found) return found.name;
      }
      return null;
    },
  };
}

/** The offsets of the pages of a list of this length, after the first `from` items. */
function offsetsOf(count: number | null, from = 0): number[] {
  const length = Math.max(0, Math.ceil(((count ?? 0) - from) / entriesPerPage));
  return Array.from({ length }, (_, page) => from + page * entriesPerPage);
}
