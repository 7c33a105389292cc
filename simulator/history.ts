import { type Track, tracks } from './catalogue.ts';
import type { Listener } from './listeners.ts';
import { shelves } from './playlists.ts';
import { chanceOf } from './random.ts';
import { type Context, placeOf, type Run } from './run.ts';

export type Play = {
  track: Track;
  /** When it had been heard to its end, in ms since the epoch. */
  at: number;
  context: Context | null;
};

/** Spotify remembers the last fifty and no more (GitHub: spotify/web-api#627). */
const mostPlays = 50;

/** How many plays each begins with. */
const before = new Map([
  ['mara', 50],
  ['noor', 12],
]);

/** What everybody has listened to. Podcasts, files and private sessions are not remembered. */
export function createHistory(listeners: ReadonlyMap<string, Listener>, now: number) {
  const kept = new Map([...listeners.keys()].map((id) => [id, plausible(id, before.get(id) ?? 0, now)]));
  const of = (listenerId: string) => kept.get(listenerId) ?? [];

  return {
    /** Newest first, with what the run that still goes on has brought until now. */
    of: (listenerId: string, run: Run | null, now: number): Play[] =>
      [...(run ? heard(run, now) : []), ...of(listenerId)].slice(0, mostPlays),

    /** To be called when a run ends. */
    keep(listenerId: string, run: Run, now: number) {
      kept.set(listenerId, [...heard(run, now), ...of(listenerId)].slice(0, mostPlays));
    },
  };
}

/** What of a run has come to its end, newest first. */
function heard(run: Run, now: number): Play[] {
  const { index, progressMs } = placeOf(run, now);
  const plays: Play[] = [];
  if (index < 0 || progressMs === null || !run.isPlaying || run.isPrivate) return plays;
  let at = now - progressMs;
  for (let back = 1; at > run.since && plays.length < mostPlays; back += 1) {
    const item = run.list.at((index - back) % run.list.length);
    if (!item) break;
    if (item.kind === 'track') plays.push({ track: item, at, context: run.context });
    at -= item.durationMs;
  }
  return plays;
}

/** Made-up plays before `now`: a few from each playlist, some from an album, some from nowhere in particular. */
function plausible(listenerId: string, count: number, now: number): Play[] {
  const chance = chanceOf(`history of ${listenerId}`);
  const lists = (shelves.get(listenerId) ?? []).filter((list) => list !== null);
  let at = now;
  return Array.from({ length: count }, () => {
    const track = chance.pick(tracks);
    at -= track.durationMs + (chance.percent(15) ? chance.between(30, 400) * 60_000 : 0);
    const list = chance.percent(70) ? chance.pick(lists) : null;
    const album: Context | null = chance.percent(60) ? { type: 'album', id: track.album.id } : null;
    return { track, at, context: list ? { type: 'playlist', id: list.id } : album };
  });
}
