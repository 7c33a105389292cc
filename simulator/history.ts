import { type Track, tracks } from './catalog.ts';
import type { Listener } from './listeners.ts';
import { type Context, currentItem, currentRound, type Playback } from './playback.ts';
import { initialPlaylists } from './playlists.ts';
import { createRandom } from './random.ts';

export type Play = {
  track: Track;
  /** When it ended, in ms since the epoch. */
  at: number;
  context: Context | null;
};

/** Spotify returns the last fifty and no more (GitHub: spotify/web-api#627). */
const maxPlays = 50;

/** How many plays each listener starts with. */
const initialCounts = new Map([
  ['mara', 50],
  ['noor', 12],
]);

/** The recently played tracks of each listener. Podcasts, local files and private sessions aren't included. */
export function createHistory(listeners: ReadonlyMap<string, Listener>, now: number) {
  const recorded = new Map(
    [...listeners.keys()].map((id) => [id, initialPlays(id, initialCounts.get(id) ?? 0, now)]),
  );
  const recordedOf = (listenerId: string) => recorded.get(listenerId) ?? [];

  return {
    /** Newest first, including the tracks that the current playback has completed by now. */
    list: (listenerId: string, playback: Playback | null, now: number): Play[] =>
      [...(playback ? completedPlays(playback, now) : []), ...recordedOf(listenerId)].slice(0, maxPlays),

    /** Records the completed tracks of a playback that ends now. */
    record(listenerId: string, playback: Playback, now: number) {
      recorded.set(
        listenerId,
        [...completedPlays(playback, now), ...recordedOf(listenerId)].slice(0, maxPlays),
      );
    },
  };
}

/** Newest first. */
function completedPlays(playback: Playback, now: number): Play[] {
  const { list } = currentRound(playback, now);
  const { index, progressMs } = currentItem(playback, now);
  const plays: Play[] = [];
  if (index < 0 || progressMs === null || !playback.isPlaying || playback.isPrivate) return plays;
  let at = now - progressMs;
  for (let back = 1; at > playback.since && plays.length < maxPlays; back += 1) {
    const item = list.at((index - back) % list.length);
    if (!item) break;
    if (item.kind === 'track') plays.push({ track: item, at, context: playback.context });
    at -= item.durationMs;
  }
  return plays;
}

/** Made-up plays before `now`, from playlists, albums and no context. */
function initialPlays(listenerId: string, count: number, now: number): Play[] {
  const random = createRandom(`history of ${listenerId}`);
  const playlists = (initialPlaylists.get(listenerId) ?? []).filter((playlist) => playlist !== null);
  let at = now;
  return Array.from({ length: count }, () => {
    const track = random.pick(tracks);
    at -= track.durationMs + (random.percent(15) ? random.between(30, 400) * 60_000 : 0);
    const playlist = random.percent(70) ? random.pick(playlists) : null;
    const album: Context | null = random.percent(60) ? { type: 'album', id: track.album.id } : null;
    return { track, at, context: playlist ? { type: 'playlist', id: playlist.id } : album };
  });
}
