import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Budget } from '../src/access/door.ts';
import { nextLook } from '../src/live/cadence.ts';
import type { Playback, Track } from '../src/spotify/answers.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const at = Date.UTC(2026, 10, 21, 12);
const plenty: Budget = { perDay: 700, used: 10, freesInMs: 24 * hour };
const tight: Budget = { perDay: 700, used: 300, freesInMs: 20 * hour };
const usedUp: Budget = { perDay: 700, used: 660, freesInMs: 3 * hour };

function track(
  progressMs: number | null,
  durationMs: number | null = 210 * second,
  state: 'playing' | 'paused' = 'playing',
) {
  const named = { name: 'A song', link: null, covers: [], explicit: false };
  const item: Track = {
    ...named,
    kind: 'track',
    uri: 'spotify:track:1',
    artists: [],
    album: null,
    durationMs,
    local: false,
  };
  return { state, kind: 'track', item, progressMs, device: null, disallows: [] } satisfies Playback;
}
const advertisement: Playback = {
  state: 'playing',
  kind: 'ad',
  item: null,
  progressMs: 3_000,
  device: null,
  disallows: [],
};

type Asked = Parameters<typeof nextLook>[0];
/** Seconds until the next look after one that was made just now. */
function after(playback: Playback, more: Partial<Asked> = {}): number {
  const usual = {
    now: at,
    seen: { playback, at },
    unchangedSince: at,
    overdueLooks: 0,
    budget: plenty,
    watched: 1,
  };
  return (nextLook({ ...usual, ...more }).at - at) / second;
}

for (const [what, expected, playback, more] of [
  ['a track is looked at in between while calls are plenty', 57, track(0)],
  ['a track near its end is looked at just after that', 21.45, track(190 * second)],
  [
    'a look in between that would come shortly before the end is left to the one at the end',
    71.45,
    track(140 * second),
  ],
  ['with fewer calls left, only ends are looked at', 211.45, track(0), { budget: tight }],
  [
    'a track that should be over and is still there is looked at again soon',
    2,
    track(209 * second),
    { overdueLooks: 1 },
  ],
  ['and then less soon', 4, track(209 * second), { overdueLooks: 2 }],
  ['and then as something whose end is not known', 57, track(209 * second), { overdueLooks: 9 }],
  ['a track at its very end, seen for the first time, is looked at again soon', 2, track(210 * second)],
  ['something without a length is looked at in between', 57, track(10 * second, null)],
  ['something without a place in it is looked at in between', 57, track(null)],
  ['an advertisement is looked at in between', 57, advertisement],
  [
    'what was paused lately may go on: before what is left of it could be over',
    38,
    track(170 * second, 210 * second, 'paused'),
  ],
  ['what was paused lately with much left of it', 57, track(0, 210 * second, 'paused')],
  [
    'what was paused lately, with few calls left',
    90,
    track(170 * second, 210 * second, 'paused'),
    { budget: tight },
  ],
  [
    'what was paused lately with much left of it, with few calls left',
    170,
    track(0, 210 * second, 'paused'),
    { budget: tight },
  ],
  [
    'what was paused a quarter of an hour ago',
    240,
    track(0, 210 * second, 'paused'),
    { unchangedSince: at - 15 * minute },
  ],
  ['what was paused an hour ago', 480, track(0, 210 * second, 'paused'), { unchangedSince: at - hour }],
  [
    'what was paused in the morning',
    900,
    track(0, 210 * second, 'paused'),
    { unchangedSince: at - 5 * hour },
  ],
  ['nothing, lately', 57, { state: 'nothing' }],
  ['nothing for hours', 900, { state: 'nothing' }, { unchangedSince: at - 5 * hour }],
  ['with a day’s calls used up but for those of pages', 600, track(200 * second), { budget: usedUp }],
] as const satisfies readonly (readonly [string, number, Playback, Partial<Asked>?])[]) {
  test(`${what}: ${expected} s`, () => {
    assert.equal(after(playback, more), expected);
  });
}

test('where nothing is known yet, the look is now', () => {
  assert.equal(
    nextLook({ now: at, seen: null, unchangedSince: at, overdueLooks: 0, budget: plenty, watched: 1 }).at,
    at,
  );
});

test('that looks have become rare is said, and only then', () => {
  const usual = {
    now: at,
    seen: { playback: track(0), at },
    unchangedSince: at,
    overdueLooks: 0,
    watched: 1,
  };
  assert.equal(nextLook({ ...usual, budget: usedUp }).sparing, true);
  assert.equal(nextLook({ ...usual, budget: tight }).sparing, false);
});

test('what is left over when everybody’s ends of tracks are set aside is spread over the time until calls come free', () => {
  const soonFree: Budget = { perDay: 700, used: 300, freesInMs: 2 * hour };
  const alone = after(track(0, hour), { budget: soonFree });
  const fiveWatched = after(track(0, hour), { budget: soonFree, watched: 5 });
  assert.ok(alone >= 57 && alone < 60, `${alone} s`);
  assert.ok(fiveWatched > 2 * alone, `${fiveWatched} s`);
  assert.equal(after(track(0, hour), { budget: soonFree, watched: 50 }), 3601.45);
});
