import { albums, everyTrack, shows, type Track, tracks } from './catalogue.ts';
import type { Listener } from './listeners.ts';
import { chanceOf } from './random.ts';

export type Saved = { track: Track; at: number };

export type Library = ReturnType<typeof createLibrary>;

const trackByUri: ReadonlyMap<string, Track> = new Map(
  everyTrack.map((track) => [`spotify:track:${track.id}`, track]),
);

/** What everybody has saved: tracks, albums, shows, people followed. Playlists are on the shelves. */
export function createLibrary(listeners: ReadonlyMap<string, Listener>, now: () => number) {
  /** By listener and URI, when each was saved; the newest first. */
  const saved = new Map([...listeners.keys()].map((id) => [id, startOf(id, now())]));
  const of = (listenerId: string) => saved.get(listenerId) ?? new Map<string, number>();

  return {
    has: (listenerId: string, uri: string): boolean => of(listenerId).has(uri),

    /** What is there already stays where it is. */
    save(listenerId: string, uri: string) {
      const theirs = of(listenerId);
      if (!theirs.has(uri)) saved.set(listenerId, new Map([[uri, now()], ...theirs]));
    },

    remove: (listenerId: string, uri: string) => void of(listenerId).delete(uri),

    tracks: (listenerId: string): Saved[] =>
      [...of(listenerId)].flatMap(([uri, at]) => {
        const track = trackByUri.get(uri);
        return track ? [{ track, at }] : [];
      }),
  };
}

/** Mara keeps nearly all there is, Jonas nothing. */
function startOf(listenerId: string, now: number): Map<string, number> {
  const chance = chanceOf(`library of ${listenerId}`);
  const kept = {
    mara: { tracks: everyTrack, albums: 9, shows: 1 },
    noor: { tracks: tracks.slice(0, 60), albums: 4, shows: 2 },
  }[listenerId];
  if (!kept) return new Map();
  const uris = [
    ...chance.shuffled(kept.tracks).map(({ id }) => `spotify:track:${id}`),
    ...chance
      .shuffled(albums)
      .slice(0, kept.albums)
      .map(({ id }) => `spotify:album:${id}`),
    ...shows.slice(0, kept.shows).map(({ id }) => `spotify:show:${id}`),
  ];
  let at = now;
  return new Map(
    uris.map((uri) => {
      at -= chance.between(1, 90) * 3_600_000;
      return [uri, at];
    }),
  );
}
