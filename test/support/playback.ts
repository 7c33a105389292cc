import type { Playback, Track } from '../../src/spotify/parse.ts';

/*
 * Playback that Spotify may report, for tests of the pure parts of live updates.
 */
export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
/** The length of a usual track. */
export const song = 210 * second;
export const startOfTest = Date.UTC(2026, 10, 21, 12);

/** Fields that the tests don't depend on. */
const player = { device: null, disallows: [], shuffle: null, repeat: null, context: null };

export function track(
  progressMs: number | null,
  durationMs: number | null = song,
  state: 'playing' | 'paused' = 'playing',
  uri = `spotify:track:${'1'.repeat(22)}`,
) {
  const named = { name: 'A song', link: null, covers: [], explicit: false };
  const item: Track = {
    ...named,
    kind: 'track',
    uri,
    artists: [],
    album: null,
    durationMs,
    local: false,
    restriction: null,
  };
  return { state, kind: 'track', item, progressMs, ...player } satisfies Playback;
}

/** Another track than `track` returns. */
export const otherTrack = (progressMs: number, durationMs = song) =>
  track(progressMs, durationMs, 'playing', `spotify:track:${'2'.repeat(22)}`);

export const ad: Playback = {
  state: 'playing',
  kind: 'ad',
  item: null,
  progressMs: 3_000,
  ...player,
};

export const nothing: Playback = { state: 'nothing' };
