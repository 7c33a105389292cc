import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOfMusic, dayOfStandstill, delays, watchAsWeDo } from '../../bench/day.ts';
import type { Budget } from '../../src/access/quota-gate.ts';
import { nextLook } from '../../src/live/cadence.ts';
import { type Seen, seenCodec, seenNow } from '../../src/live/observation.ts';
import type { Playback, Track } from '../../src/spotify/parse.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const at = Date.UTC(2026, 10, 21, 12);
/** What was used in the last four hours, and comes free twenty hours from now. */
const budget = (used: number, perDay = 700): Budget => ({
  perDay,
  used,
  frees: Array.from({ length: 16 }, (_, bin) => ({ inMs: 20 * hour + bin * 15 * minute, calls: used / 16 })),
});
const [plenty, tight, scarce, usedUp] = [budget(10), budget(300), budget(640), budget(700)];

function track(
  progressMs: number | null,
  durationMs: number | null = 210 * second,
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

const song = 210 * second;

type Asked = Partial<Seen> & { budget?: Budget; watched?: number };

const asked = (playback: Playback, { budget = plenty, watched = 1, ...known }: Asked = {}) => ({
  now: at,
  seen: { ...seenNow(playback, at, at, null), ...known },
  budget,
  watched,
});

/** Seconds until the next look after one that was made just now. */
function after(playback: Playback, known?: Asked): number {
  return (nextLook(asked(playback, known)).at - at) / second;
}

const mix = track(5 * minute, 3 * hour);
const episode = track(0, 50 * minute);

for (const [what, expected, playback, known] of [
  ['a track is looked at in between while calls are plenty', 57, track(0)],
  ['a track near its end is looked at just after that', 21.5, track(190 * second)],
  ['the last two looks before an end share the way', 35.75, track(140 * second)],
  ['a look in between shortly before the end is left to the one at the end', 61.5, track(150 * second)],
  ['where Spotify is late, a look at the end is later', 24, track(190 * second), { lateMs: 4_000 }],
  ['with fewer calls left, only ends of songs are looked at', 211.5, track(0), { budget: tight }],
  [
    'with few left, every other end of short tracks',
    281.5,
    track(20 * second, 150 * second),
    { budget: tight },
  ],
  [
    'with few left, one look for many ends of very short ones',
    216,
    track(2_500, 31 * second),
    { budget: tight },
  ],
  ['with hardly any left, every other end of songs', 411.5, track(10 * second), { budget: scarce }],
  ['with none left, rarely', 1891.5, track(0), { budget: usedUp }],
  [
    'a track longer than the songs that usually play is not left alone',
    315,
    mix,
    { budget: tight, usualMs: song },
  ],
  ['a track that should be over and is still there', 2, track(song), { stillLooks: 1 }],
  ['a track that stands still anywhere', 2, track(100 * second), { stillLooks: 1 }],
  ['and then less soon', 4, track(song), { stillLooks: 2 }],
  ['and ever less', 64, track(song), { stillLooks: 6 }],
  ['and seldom in the end', 900, track(song), { stillLooks: 40 }],
  ['a track at its very end, seen for the first time', 2, track(song)],
  ['something without a length is looked at in between', 57, track(10 * second, null)],
  ['something without a place in it is looked at in between', 57, track(null)],
  ['an advertisement is looked at in between', 57, advertisement],
  ['an advertisement, with fewer calls left', 114, advertisement, { budget: tight }],
  ['something without an end that goes on and on', 480, advertisement, { since: at - hour }],
  ['and with fewer calls left', 480, advertisement, { since: at - hour, budget: tight }],
  ['paused lately: before what is left of it could be over', 38, track(170 * second, song, 'paused')],
  ['paused lately with much left of it', 57, track(0, song, 'paused')],
  ['paused lately, with fewer calls left', 180, track(170 * second, song, 'paused'), { budget: tight }],
  ['paused a quarter of an hour ago', 240, track(0, song, 'paused'), { since: at - 15 * minute }],
  ['paused an hour ago', 480, track(0, song, 'paused'), { since: at - hour }],
  ['paused in the morning', 900, track(0, song, 'paused'), { since: at - 5 * hour }],
  ['paused lately, with none left', 1408.7, track(0, song, 'paused'), { budget: usedUp }],
  ['nothing, lately', 57, { state: 'nothing' }],
  ['nothing for hours', 900, { state: 'nothing' }, { since: at - 5 * hour }],
] as const satisfies readonly (readonly [string, number, Playback, Asked?])[]) {
  test(`${what}: ${expected} s`, () => {
    assert.equal(Math.round(after(playback, known) * 100) / 100, expected);
  });
}

test('where nothing is known yet, the look is now', () => {
  assert.deepEqual(nextLook({ now: at, seen: null, budget: plenty, watched: 1 }), { at, sparingUntil: null });
});

test('long things are watched for as long as there are calls, however many are used', () => {
  for (const used of [250, 304, 350]) {
    for (const playback of [mix, episode]) {
      const seconds = after(playback, { budget: budget(used) });
      assert.ok(seconds > 57 && seconds < 360, `${used} used: ${seconds} s`);
    }
  }
  assert.ok(after(mix, { budget: budget(600) }) <= 600);
});

test('what ends leave over is shared by all who are watched', () => {
  const large = budget(1_300, 3_000);
  const alone = after(episode, { budget: large });
  const five = after(episode, { budget: large, watched: 5 });
  assert.ok(alone === 57 && five > 3 * alone, `${alone} s, ${five} s`);
});

test('calls that come free later are not spent before', () => {
  const late: Budget = { perDay: 1_400, used: 1_200, frees: [{ inMs: 20 * hour, calls: 1_200 }] };
  const soon: Budget = { perDay: 1_400, used: 1_200, frees: [{ inMs: hour, calls: 1_200 }] };
  assert.ok(after(episode, { budget: late }) > after(episode, { budget: soon }) * 2);
});

// fault: calls-used-looks-get
test('as calls are used looks get rarer bit by bit, never more often, and never stop', () => {
  for (const [what, playback, mostTimes] of [
    ['a song', track(0), 2.1],
    ['an episode', episode, 1.7],
    ['a paused song', track(0, song, 'paused'), 1.7],
  ] as const) {
    let before = 0;
    for (let used = 0; used <= 800; used += 5) {
      const seconds = after(playback, { budget: budget(used) });
      assert.ok(seconds >= 0.99 * before, `${what}, ${used} used: ${seconds} s after ${before} s`);
      if (used > 0 && used < 640)
        assert.ok(seconds <= mostTimes * before, `${what}, ${used} used: ${seconds} s after ${before} s`);
      assert.ok(seconds <= 45 * 60, `${what}, ${used} used: ${seconds} s`);
      before = seconds;
    }
  }
});

test('that looks are rare because of the budget is said, and only then', () => {
  const sparing = (playback: Playback, known: Asked) => nextLook(asked(playback, known)).sparingUntil;
  assert.equal(sparing(track(0), { budget: tight }), null);
  assert.equal(sparing(mix, { budget: tight }), null);
  assert.equal(
    sparing(track(0, song, 'paused'), { budget: tight, since: at - 5 * hour }),
    null,
    'it is quiet',
  );
  assert.notEqual(sparing(track(0), { budget: scarce }), null);
  assert.notEqual(sparing(track(200 * second), { budget: scarce }), null, 'also when a look is soon');
  assert.notEqual(sparing(mix, { budget: budget(500) }), null);
});

test('it is said until when: until enough has come free, not only something', () => {
  const frees = [
    { inMs: hour, calls: 1 },
    { inMs: 2 * hour, calls: 60 },
    { inMs: 3 * hour, calls: 600 },
  ];
  const said = nextLook(asked(track(0), { budget: { perDay: 700, used: 661, frees } })).sparingUntil;
  assert.equal(said, at + 2 * hour);
});

test('the more are watched, the sooner looks get rare', () => {
  for (const used of [120, 560]) {
    const [alone, five] = [1, 5].map((watched) => after(track(0), { budget: budget(used), watched }));
    assert.ok(Number(five) > 1.5 * Number(alone), `${used} used: ${alone} s, ${five} s`);
  }
});

test('however few are left, a listener is looked at about every half an hour; of several, one is', () => {
  assert.ok(after(track(0), { budget: budget(800) }) <= 32 * 60);
  const four = after(track(0), { budget: budget(800), watched: 4 });
  assert.ok(four > 110 * 60 && four < 130 * 60, `${four} s`);
});

/** What is known after these were seen, each so many seconds after the one before. */
function seenAll(...all: [Playback, number][]): Seen {
  let time = at;
  let seen: Seen | null = null;
  for (const [playback, seconds] of all) {
    time += seconds * second;
    seen = seenNow(playback, time, time, seen);
  }
  if (seen === null) throw new Error('nothing was seen');
  return seen;
}

const other = (progressMs: number, durationMs = song) =>
  track(progressMs, durationMs, 'playing', `spotify:track:${'2'.repeat(22)}`);

test('a track at its end that should be over stands still, and so does one that has not moved', () => {
  const { stillLooks: moves } = seenAll([track(0), 0], [track(60 * second), 60]);
  assert.equal(moves, 0);
  const { stillLooks: overdue } = seenAll([track(200 * second), 0], [track(song), 11.5], [track(song), 2]);
  assert.equal(overdue, 2);
  const frozen = track(200 * second);
  assert.equal(seenAll([frozen, 0], [frozen, 11.5], [frozen, 2], [frozen, 4]).stillLooks, 3);
  assert.equal(seenAll([frozen, 0], [frozen, 11.5], [frozen, 0.3]).stillLooks, 1, 'a moment tells nothing');
  assert.equal(seenAll([frozen, 0], [frozen, 11.5], [track(203 * second), 3]).stillLooks, 0, 'it goes on');
  assert.equal(seenAll([frozen, 0], [frozen, 11.5], [other(0), 3]).stillLooks, 0);
});

test('a track that begins anew after its end does not stand still, wherever it is found', () => {
  assert.equal(seenAll([track(1_500), 0], [track(1_500), 210]).stillLooks, 0);
  assert.equal(seenAll([track(1_500, 31_000), 0], [track(1_500, 31_000), 62]).stillLooks, 0);
});

test('who went on after a pause does not stand still', () => {
  assert.equal(seenAll([track(0), 0], [track(31 * second), 211.5]).stillLooks, 0);
});

test('how long tracks usually last is learned from those that played, and less where they are left early', () => {
  assert.equal(seenAll([track(0), 0]).usualMs, song);
  const afterTwo = seenAll([track(0), 0], [other(0, 50 * minute), 211]).usualMs ?? 0;
  assert.ok(afterTwo > song && afterTwo < 50 * minute, `${afterTwo} ms`);
  const skipping = seenAll(
    [track(0), 0],
    ...Array.from({ length: 30 }, (_, index): [Playback, number] => [index % 2 ? track(0) : other(0), 10]),
  ).usualMs;
  assert.ok((skipping ?? 0) < 20 * second, `${skipping} ms`);
  const again = seenAll(
    [track(0), 0],
    [other(0, 31_000), 211],
    ...Array.from({ length: 30 }, (): [Playback, number] => [other(1_000, 31_000), 31]),
  ).usualMs;
  assert.ok((again ?? 0) < 40 * second, `${again} ms: the same track again and again`);
});

test('how late Spotify is is learned from looks at ends, within bounds', () => {
  const first = seenAll([track(0), 0]).lateMs;
  const early = seenAll([track(200 * second), 0], [track(song), 11.5]);
  assert.ok(early.lateMs > first);
  assert.equal(seenAll([track(200 * second), 0], [track(song), 11.5], [track(song), 2]).lateMs, early.lateMs);
  assert.ok(seenAll([track(200 * second), 0], [other(0), 11.5]).lateMs < first);
  assert.equal(seenAll([track(100 * second), 0], [other(0), 50]).lateMs, first, 'a skip tells nothing');

  const ends = (found: Playback) =>
    Array.from({ length: 400 }, (_, index): [Playback, number] =>
      index % 2 ? [found, 11.5] : [track(200 * second), 300],
    );
  assert.equal(seenAll(...ends(track(song))).lateMs, 6_000);
  assert.equal(seenAll(...ends(other(0))).lateMs, 1_000);
});

test('what was learned goes into the record', () => {
  const seen = seenAll([track(200 * second), 0], [track(song), 11.5], [other(0, hour), 2]);
  const key = 'now-playing:mara';
  assert.deepEqual(seenCodec.decode(seenCodec.encode(seen, key), key), { state: 'intact', value: seen });
});

// fault: player-stands-takes-few
test('a player that stands still takes few calls, wherever it does', () => {
  for (const leftMs of [0, 3, 10, 100].map((left) => left * second)) {
    const looks = watchAsWeDo([dayOfStandstill(24 * hour, leftMs)], 700).flatMap((watched) => watched.looks);
    assert.ok(looks.length < 150, `${leftMs} ms before the end: ${looks.length} calls`);
    assert.ok(looks.filter((time) => time < hour).length < 20);
  }
});

test('the bench counts what was never shown, until the end of the day', () => {
  const day = dayOfMusic(0, 5 * hour, 'lazy');
  const lazy = delays({ day, looks: [0, 1_000, hour] });
  assert.equal(lazy.natural.length + lazy.others.length, day.changes.length);
  assert.ok(Math.max(...lazy.natural) > 3 * hour);
});
