import { randomBytes } from 'node:crypto';
import { type Episode, type Track, uriOf } from './catalog.ts';
import type { Listener } from './listeners.ts';
import { initialPlaylists, type Owner, type Playlist, playlists } from './playlists.ts';
import { createId } from './random.ts';
import { createUploadedCovers } from './uploaded-covers.ts';

/** The fields that can be set when a playlist is created or changed. */
export type PlaylistDetails = Partial<Pick<Playlist, 'name' | 'isPublic' | 'collaborative'>> & {
  /** As typed; Spotify returns it with its markup escaped. */
  description?: string;
};

export type PlaylistStore = ReturnType<typeof createPlaylistStore>;

/** The playlists of one simulator: the initial ones, with all changes since. */
export function createPlaylistStore(now: () => number) {
  const byId = new Map(playlists.map((one) => [one.id, { ...one, entries: [...one.entries] }]));
  const lists = new Map(
    [...initialPlaylists].map(([listenerId, list]) => [
      listenerId,
      list.map((playlist) => playlist && (byId.get(playlist.id) ?? null)),
    ]),
  );

  const uploads = createUploadedCovers(now);

  const listFor = (listenerId: string): readonly (Playlist | null)[] => {
    uploads.show();
    return lists.get(listenerId) ?? [];
  };

  const isInLibrary = (playlist: Playlist, listenerId: string | null): boolean =>
    listenerId !== null && listFor(listenerId).includes(playlist);

  /** Gives the playlist another snapshot_id. */
  const markChanged = (playlist: Playlist) => {
    playlist.version += 1;
  };

  return {
    /** The playlists in a listener's library, in order. Playlists that belong to Spotify are null. */
    listFor,
    isInLibrary,
    all: (): Playlist[] => [...byId.values()],
    byId(id: string): Playlist | undefined {
      uploads.show();
      return byId.get(id);
    },

    /** Whether the listener owns the playlist or is one of its collaborators. */
    isOwnOrShared(playlist: Playlist, listenerId: string | null): boolean {
      if (listenerId === null) return false;
      return (
        playlist.owner.id === listenerId || (playlist.collaborative && isInLibrary(playlist, listenerId))
      );
    },

    /** Adds an empty playlist at the top of the listener's list. */
    create({ id, name }: Listener, details: PlaylistDetails & { name: string }): Playlist {
      const playlist = newPlaylist({ id, name }, details);
      byId.set(playlist.id, playlist);
      lists.set(id, [playlist, ...listFor(id)]);
      return playlist;
    },

    change(playlist: Playlist, { description, ...rest }: PlaylistDetails) {
      Object.assign(playlist, rest);
      if (description !== undefined) playlist.description = escapeMarkup(description);
      markChanged(playlist);
    },

    setCover(playlist: Playlist, jpeg: Buffer) {
      uploads.add(playlist, jpeg);
      markChanged(playlist);
    },

    /** The picture that was uploaded last; undefined if there is none. */
    coverOf: (id: string): Buffer | undefined => uploads.of(byId.get(id)),

    insert(playlist: Playlist, items: readonly (Track | Episode)[], position: number, addedBy: string) {
      const addedAt = new Date(now()).toISOString().replace(/\.\d+Z/, 'Z');
      const entries = items.map((item) => ({ item, addedAt, addedBy, isPlayable: true }));
      playlist.entries.splice(position, 0, ...entries);
      // Spotify draws a picture as soon as a playlist has an item.
      if (playlist.picture === 'null') playlist.picture = 'drawn';
      markChanged(playlist);
    },

    replace(playlist: Playlist, items: readonly (Track | Episode)[], addedBy: string) {
      playlist.entries = [];
      this.insert(playlist, items, 0, addedBy);
    },

    /** Moves a range of entries in front of the one that is at `before`, counted before the move. */
    reorder(
      playlist: Playlist,
      { start, before, length }: { start: number; before: number; length: number },
    ) {
      const moved = playlist.entries.splice(start, length);
      // A target inside the range leaves it where it is.
      const target = before <= start ? before : Math.max(start, before - length);
      playlist.entries.splice(target, 0, ...moved);
      markChanged(playlist);
    },

    /** Removes every entry with one of these URIs. */
    remove(playlist: Playlist, uris: ReadonlySet<string>) {
      playlist.entries = playlist.entries.filter(({ item }) => !item || !uris.has(uriOf(item)));
      markChanged(playlist);
    },

    follow(playlist: Playlist, listenerId: string) {
      if (!isInLibrary(playlist, listenerId)) lists.set(listenerId, [playlist, ...listFor(listenerId)]);
    },

    /** A listener's own playlist disappears from the list but still exists (Spotify: "Playlists"). */
    unfollow(playlist: Playlist, listenerId: string) {
      lists.set(
        listenerId,
        listFor(listenerId).filter((other) => other !== playlist),
      );
    },
  };
}

function newPlaylist(owner: Owner, details: PlaylistDetails & { name: string }): Playlist {
  return {
    kind: 'playlist',
    id: createId(randomBytes(16).toString('hex')),
    name: details.name,
    description: escapeMarkup(details.description ?? ''),
    owner,
    picture: 'null',
    isPublic: details.isPublic ?? true,
    collaborative: details.collaborative ?? false,
    hasTotal: true,
    entries: [],
    version: 1,
  };
}

/** Spotify returns descriptions escaped like this (GitHub: Lautaro-Garcia/counsel-spotify#15). */
function escapeMarkup(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#x27;');
}
