import { randomBytes } from 'node:crypto';
import type { Episode, Track } from './catalogue.ts';
import { uriOf } from './catalogue.ts';
import type { Listener } from './listeners.ts';
import { type Playlist, playlists, shelves as printed } from './playlists.ts';
import { idOf } from './random.ts';

/** What can be said of a playlist when it is made or changed. */
export type PlaylistWish = Partial<Pick<Playlist, 'name' | 'isPublic' | 'collaborative'>> & {
  /** As typed; Spotify gives it back with its markup escaped. */
  description?: string;
};

export type Shelves = ReturnType<typeof createShelves>;

/** The playlists of one simulator: all of them as printed, and what was changed since. */
export function createShelves(now: () => number) {
  const byId = new Map(playlists.map((one) => [one.id, { ...one, entries: [...one.entries] }]));
  const shelves = new Map(
    [...printed].map(([listenerId, shelf]) => [
      listenerId,
      shelf.map((playlist) => playlist && (byId.get(playlist.id) ?? null)),
    ]),
  );

  const of = (listenerId: string): readonly (Playlist | null)[] => shelves.get(listenerId) ?? [];

  const isOnShelf = (playlist: Playlist, listenerId: string | null): boolean =>
    listenerId !== null && of(listenerId).includes(playlist);

  /** What changes a playlist gives it another snapshot_id. */
  const changed = (playlist: Playlist) => {
    playlist.version += 1;
  };

  return {
    /** What a listener sees under their playlists, in order; holes are lists that belong to Spotify. */
    of,
    isOnShelf,
    all: (): Playlist[] => [...byId.values()],
    byId: (id: string): Playlist | undefined => byId.get(id),

    /** Owns it, or keeps it on the shelf as one of those who make it together. */
    isTheirs(playlist: Playlist, listenerId: string | null): boolean {
      if (listenerId === null) return false;
      return playlist.owner.id === listenerId || (playlist.collaborative && isOnShelf(playlist, listenerId));
    },

    /** Puts a new and empty one first on its owner's shelf. */
    create({ id, name }: Listener, wish: PlaylistWish & { name: string }): Playlist {
      const playlist: Playlist = {
        kind: 'playlist',
        id: idOf(randomBytes(16).toString('hex')),
        name: wish.name,
        description: escaped(wish.description ?? ''),
        owner: { id, name },
        picture: 'null',
        isPublic: wish.isPublic ?? true,
        collaborative: wish.collaborative ?? false,
        knowsTotal: true,
        entries: [],
        version: 1,
      };
      byId.set(playlist.id, playlist);
      shelves.set(id, [playlist, ...of(id)]);
      return playlist;
    },

    change(playlist: Playlist, { description, ...rest }: PlaylistWish) {
      Object.assign(playlist, rest);
      if (description !== undefined) playlist.description = escaped(description);
      changed(playlist);
    },

    insert(playlist: Playlist, things: readonly (Track | Episode)[], position: number, addedBy: string) {
      const addedAt = new Date(now()).toISOString().replace(/\.\d+Z/, 'Z');
      const entries = things.map((what) => ({ what, addedAt, addedBy, playable: true }));
      playlist.entries.splice(position, 0, ...entries);
      // Spotify draws a picture as soon as there is something in it.
      if (playlist.picture === 'null') playlist.picture = 'drawn';
      changed(playlist);
    },

    /** Takes every entry with one of these URIs away. */
    remove(playlist: Playlist, uris: ReadonlySet<string>) {
      playlist.entries = playlist.entries.filter(({ what }) => !what || !uris.has(uriOf(what)));
      changed(playlist);
    },

    follow(playlist: Playlist, listenerId: string) {
      if (!isOnShelf(playlist, listenerId)) shelves.set(listenerId, [playlist, ...of(listenerId)]);
    },

    /** One's own is not deleted by this, but it is seen no more (Spotify: "Playlists"). */
    unfollow(playlist: Playlist, listenerId: string) {
      shelves.set(
        listenerId,
        of(listenerId).filter((other) => other !== playlist),
      );
    },
  };
}

/** As Spotify gives descriptions back (GitHub: Lautaro-Garcia/counsel-spotify#15). */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#x27;');
}
