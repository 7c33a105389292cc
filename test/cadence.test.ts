import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Budget } from '../src/access/door.ts';
import { nextLook } from '../src/live/cadence.ts';
import type { Playback, Track } from '../src/spotify/answers.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const at = Date.UTC(2026, 10, 21, 12);
const plenty: Budget = { perDay: 700, used: 10, frees: [{ inMs: 24 * hour, calls: 10 }] };
const tight: Budget = { perDay: 700, used: 300, frees: [{ inMs: 20 * hour, calls: 300 }] };
const usedUp: Budget = { perDay: 700, used: 660, frees: [{ inMs: 3 * hour, calls: 660 }] };

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

type Asked = Parameters<typeof nextLook>[0] & { since: number };

const seen = (playback: Playback, since = at) => ({ playback, at, askedAt: at, since, saved: null });

/** Seconds until the next look after one that was made just now. */
function after(playback: Playback, { since, ...more }: Partial<Asked> = {}): number {
  const usual = { now: at, seen: seen(playback, since), overdueLooks: 0, budget: plenty, watched: 1 };
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
    { since: at - 15 * minute },
  ],
  ['what was paused an hour ago', 480, track(0, 210 * second, 'paused'), { since: at - hour }],
  ['what was paused in the morning', 900, track(0, 210 * second, 'paused'), { since: at - 5 * hour }],
  ['nothing, lately', 57, { state: 'nothing' }],
  ['nothing for hours', 900, { state: 'nothing' }, { since: at - 5 * hour }],
  ['with a day’s calls used up but for those of pages', 600, track(200 * second), { budget: usedUp }],
] as const satisfies readonly (readonly [string, number, Playback, Partial<Asked>?])[]) {
  test(`${what}: ${expected} s`, () => {
    assert.equal(after(playback, more), expected);
  });
}

test('where nothing is known yet, the look is now', () => {
  assert.equal(nextLook({ now: at, seen: null, overdueLooks: 0, budget: plenty, watched: 1 }).at, at);
});

test('that looks have become rare is said, and only then', () => {
  const usual = {
    now: at,
    seen: seen(track(0)),
    overdueLooks: 0,
    watched: 1,
  };
  assert.equal(nextLook({ ...usual, budget: usedUp }).sparing, true);
  assert.equal(nextLook({ ...usual, budget: tight }).sparing, false);
});

test('what is left over when everybody’s ends of tracks are set aside is spread over the day', () => {
  const frees = [{ inMs: 20 * hour, calls: 200 }];
  const budget: Budget = { perDay: 1_400, used: 500, frees };
  const alone = after(track(0, hour), { budget });
  const fiveWatched = after(track(0, hour), { budget, watched: 5 });
  assert.ok(alone > 57 && alone < 300, `${alone} s`);
  assert.equal(fiveWatched, 3601.45, 'nothing is left over for five');
});

test('calls that come free later are not spent before', () => {
  const late: Budget = { perDay: 1_400, used: 1_200, frees: [{ inMs: 20 * hour, calls: 1_200 }] };
  const soon: Budget = { perDay: 1_400, used: 1_200, frees: [{ inMs: hour, calls: 1_200 }] };
  assert.equal(after(track(0, hour), { budget: late }), 3601.45);
  assert.ok(after(track(0, hour), { budget: soon }) < 300);
});

test('something without an end is looked at more seldom the longer it goes on, and never often with few calls left', () => {
  assert.equal(after(advertisement, { budget: tight }), 114);
  assert.equal(after(advertisement, { since: at - hour }), 480);
  assert.ok(after(advertisement, { since: at - hour, budget: tight }) >= 480);
});

test('the last half of what is left to pages is not touched', () => {
  const none: Budget = { perDay: 700, used: 690, frees: [{ inMs: 3 * hour, calls: 5 }] };
  assert.equal(after(track(0), { budget: none }), 3 * 3600);
  assert.equal(after(track(0), { budget: usedUp, watched: 4 }), 2_400);
});
