import {
  type Artist,
  albums,
  artists,
  boxSet,
  choirs,
  dailyShow,
  episodes,
  everyTrack,
  shows,
  type Track,
  tracks,
} from './catalog.ts';
import { byUri, type CatalogObject } from './everything.ts';
import type { Listener } from './listeners.ts';
import { createRandom } from './random.ts';

/** `at`: milliseconds since the epoch. */
export type Saved<T> = { object: T; at: number };
export type SavedTrack = { track: Track; at: number };

export type Library = ReturnType<typeof createLibrary>;

/** Everything that each listener has saved: tracks, albums, shows, episodes, and followed artists and people. Playlists are in the playlist store. */
export function createLibrary(listeners: ReadonlyMap<string, Listener>, now: () => number) {
  /** When each URI was saved, newest first, by listener. */
  const saved = new Map([...listeners.keys()].map((id) => [id, initialLibrary(id, now())]));
  const savedBy = (listenerId: string) => saved.get(listenerId) ?? new Map<string, number>();

  return {
    has: (listenerId: string, uri: string): boolean => savedBy(listenerId).has(uri),

    /** Saving something again doesn't move it. */
    save(listenerId: string, uri: string) {
      const existing = savedBy(listenerId);
      if (!existing.has(uri)) saved.set(listenerId, new Map([[uri, now()], ...existing]));
    },

    remove: (listenerId: string, uri: string) => void savedBy(listenerId).delete(uri),

    tracks: (listenerId: string): SavedTrack[] =>
      savedOf(listenerId, 'track').map(({ object, at }) => ({ track: object, at })),

    /** The saved objects of one kind, newest first. */
    saved: savedOf,

    /** By id, so that a cursor stays valid while others are followed or unfollowed. */
    followedArtists: (listenerId: string): Artist[] =>
      savedOf(listenerId, 'artist')
        .map(({ object }) => object)
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
  };

  function savedOf<Kind extends CatalogObject['kind']>(listenerId: string, kind: Kind) {
    return [...savedBy(listenerId)].flatMap(([uri, at]) => {
      const object = byUri.get(uri);
      return object?.kind === kind ? [{ object, at } as Saved<Extract<CatalogObject, { kind: Kind }>>] : [];
    });
  }
}

/** Mara follows more artists, and has saved longer albums and podcasts, than one response holds. */
function others(listenerId: string): string[] {
  const [first, second] = episodes;
  if (listenerId === 'noor') return [`spotify:artist:${artists[0]?.id}`];
  return [
    `spotify:album:${boxSet.id}`,
    `spotify:show:${dailyShow.id}`,
    ...[first, second].map((one) => `spotify:episode:${one?.id}`),
    ...[...artists.slice(0, 6), ...choirs].map(({ id }) => `spotify:artist:${id}`),
  ];
}

/** Mara has saved nearly everything, Jonas nothing. */
function initialLibrary(listenerId: string, now: number): Map<string, number> {
  const random = createRandom(`library of ${listenerId}`);
  const amounts = {
    mara: { tracks: everyTrack, albums: 9, shows: 1 },
    noor: { tracks: tracks.slice(0, 60), albums: 4, shows: 2 },
  }[listenerId];
  if (!amounts) return new Map();
  const uris = [
    ...random.shuffle(amounts.tracks).map(({ id }) => `spotify:track:${id}`),
    ...random
      .shuffle(albums)
      .slice(0, amounts.albums)
      .map(({ id }) => `spotify:album:${id}`),
    ...shows.slice(0, amounts.shows).map(({ id }) => `spotify:show:${id}`),
    ...others(listenerId),
  ];
  let at = now;
  return new Map(
    uris.map((uri) => {
      at -= random.between(1, 90) * 3_600_000;
      return [uri, at];
    }),
  );
}
