import { albums, everyTrack, shows, type Track, tracks } from './catalogue.ts';
import type { Listener } from './listeners.ts';
import { createRandom } from './random.ts';

export type SavedTrack = { track: Track; at: number };

export type Library = ReturnType<typeof createLibrary>;

const trackByUri: ReadonlyMap<string, Track> = new Map(
  everyTrack.map((track) => [`spotify:track:${track.id}`, track]),
);

/** What each listener has saved: tracks, albums, shows and followed people. Playlists are in the playlist store. */
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
      [...savedBy(listenerId)].flatMap(([uri, at]) => {
        const track = trackByUri.get(uri);
        return track ? [{ track, at }] : [];
      }),
  };
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
  ];
  let at = now;
  return new Map(
    uris.map((uri) => {
      at -= random.between(1, 90) * 3_600_000;
      return [uri, at];
    }),
  );
}
