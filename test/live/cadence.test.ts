import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOfMusic, dayOfStuckPlayer, delays, pollLikeTheApp } from '../../bench/day.ts';
import type { Budget } from '../../src/access/quota-budget.ts';
import { type Interest, nextPoll } from '../../src/live/cadence.ts';
import { type Observation, observe } from '../../src/live/observation.ts';
import type { Playback } from '../../src/spotify/parse.ts';
import { ad, startOfTest as at, hour, minute, second, song, track } from '../support/playback.ts';

/** A budget whose calls were all used in the last four hours, and come free twenty hours from now. */
const budget = (used: number, perDay = 700, isGuess = true): Budget => ({
  perDay,
  isGuess,
  used,
  expiries: Array.from({ length: 16 }, (_, bin) => ({
    inMs: 20 * hour + bin * 15 * minute,
    calls: used / 16,
  })),
});
const [plenty, tight, scarce] = [budget(10), budget(300), budget(640)];
/** Of a limit that Spotify has shown by refusing a call. */
const usedUp = budget(700, 700, false);

type Circumstances = Partial<Observation> & { budget?: Budget; listeners?: number; interest?: Interest };

const circumstances = (
  playback: Playback,
  { budget = plenty, listeners = 1, interest = 'everything', ...known }: Circumstances = {},
) => ({
  now: at,
  observation: { ...observe(playback, { askedAt: at, answeredAt: at }, null), ...known },
  budget,
  listeners,
  interest,
});

/** Seconds until the next poll if the last one was answered just now. */
function wait(playback: Playback, known?: Circumstances): number {
  return (nextPoll(circumstances(playback, known)).at - at) / second;
}

const mix = track(5 * minute, 3 * hour);
const episode = track(0, 50 * minute);

/** Only a bar shows what is playing. */
const bar = { interest: 'track-ends' } as const;

const waits: readonly (readonly [seconds: number, title: string, Playback, Circumstances?])[] = [
  [57, 'a track is polled once a minute while there are plenty of calls', track(0)],
  [21.5, 'a track near its end is polled just after the end', track(190 * second)],
  [35.75, 'the last two polls before an end split the time', track(140 * second)],
  [61.5, 'a mid-track poll shortly before the end is left to the one at the end', track(150 * second)],
  [
    24,
    'with a longer reporting lag the poll at the end is later',
    track(190 * second),
    { reportingLagMs: 4_000 },
  ],
  [211.5, 'with fewer calls left, songs are polled at their end only', track(0), { budget: tight }],
  [
    121.5,
    'with fewer calls left, each end of two-minute tracks',
    track(0, 2 * minute),
    { budget: budget(400) },
  ],
  [
    241.5,
    'with few calls left, two-minute tracks share a poll',
    track(0, 2 * minute),
    { budget: budget(600) },
  ],
  [
    218.5,
    'with fewer calls left, several ends of very short tracks share a poll',
    track(0, 31 * second),
    { budget: tight },
  ],
  [211.5, 'with fewer calls left, still at the end of a song', track(0), { budget: budget(400) }],
  [201.5, 'with hardly any calls left, still at the end of a song', track(10 * second), { budget: scarce }],
  [211.5, 'with no calls left, still at the end of a song', track(0), { budget: budget(700) }],
  [
    211.5,
    'with no calls left of what Spotify allows, still at the end of a song',
    track(0),
    { budget: usedUp },
  ],
  [
    211.5,
    'above what Spotify allows, still at the end of a song',
    track(0),
    { budget: budget(750, 700, false) },
  ],
  [211.5, 'two listeners, hardly any calls left', track(0), { budget: budget(650), listeners: 2 }],
  [211.5, 'two listeners, no calls left', track(0), { budget: budget(690), listeners: 2 }],
  [211.5, 'five listeners, few calls left', track(0), { budget: budget(600), listeners: 5 }],
  [211.5, 'five listeners, no calls left', track(0), { budget: usedUp, listeners: 5 }],
  [
    421.5,
    'eight listeners, few calls left: every other end',
    track(0),
    { budget: budget(560), listeners: 8 },
  ],
  [1800, 'eight listeners, no calls left', track(0), { budget: usedUp, listeners: 8 }],
  [200, 'with fewer calls left, a long track still gets mid-track polls', mix, { budget: tight }],
  [2, 'a track that is overdue', track(song), { stuckPolls: 1 }],
  [2, 'a track that is stuck in the middle', track(100 * second), { stuckPolls: 1 }],
  [4, 'stuck for two polls', track(song), { stuckPolls: 2 }],
  [64, 'stuck for six polls', track(song), { stuckPolls: 6 }],
  [900, 'stuck for very long', track(song), { stuckPolls: 40 }],
  [2, 'a track first seen at its very end', track(song)],
  [57, 'a track without a known length', track(10 * second, null)],
  [57, 'a track without known progress', track(null)],
  [57, 'an ad', ad],
  [57, 'an ad, with fewer calls left', ad, { budget: tight }],
  [450, 'something without an end, after an hour', ad, { since: at - hour }],
  [
    450,
    'something without an end, after an hour, with fewer calls left',
    ad,
    { since: at - hour, budget: tight },
  ],
  [38, 'paused just now: before its remaining time could be over', track(170 * second, song, 'paused')],
  [57, 'paused just now, near the start', track(0, song, 'paused')],
  [180, 'paused just now, with fewer calls left', track(170 * second, song, 'paused'), { budget: tight }],
  [180, 'paused for a quarter of an hour', track(0, song, 'paused'), { since: at - 15 * minute }],
  [450, 'paused for an hour', track(0, song, 'paused'), { since: at - hour }],
  [900, 'paused for five hours', track(0, song, 'paused'), { since: at - 5 * hour }],
  [1222.64, 'paused just now, with no calls left', track(0, song, 'paused'), { budget: usedUp }],
  [
    1800,
    'paused for five hours, with no calls left',
    track(0, song, 'paused'),
    { since: at - 5 * hour, budget: budget(690) },
  ],
  [1800, 'stuck for very long, with no calls left', track(song), { stuckPolls: 40, budget: budget(690) }],
  [57, 'nothing is playing since just now', { state: 'nothing' }],
  [211.5, 'a bar: a song is polled at its end', track(0), bar],
  [1501.5, 'a bar: a part of an hour is polled at its end', track(35 * minute, hour), bar],
  [1800, 'a bar: no interval is longer than half an hour', track(0, hour), bar],
  [180, 'a bar: a paused player', track(170 * second, song, 'paused'), bar],
  [180, 'a bar: nothing is playing', { state: 'nothing' }, bar],
  [2, 'a bar: a track that is overdue', track(song), { ...bar, stuckPolls: 1 }],
  [57, 'a bar: an ad', ad, bar],
  [900, 'nothing is playing for five hours', { state: 'nothing' }, { since: at - 5 * hour }],
];

for (const [seconds, title, playback, known] of waits) {
  test(`the next poll is in ${seconds} s: ${title}`, () => {
    assert.equal(Math.round(wait(playback, known) * 100) / 100, seconds);
  });
}

test('if nothing is known yet, the next poll is now', () => {
  const next = nextPoll({ ...circumstances(track(0)), observation: null });
  assert.deepEqual(next, { at, throttledUntil: null });
});

test('long items get mid-track polls for as long as there are calls, however many are used', () => {
  for (const used of [250, 304, 350]) {
    for (const playback of [mix, episode]) {
      const seconds = wait(playback, { budget: budget(used) });
      assert.ok(seconds > 57 && seconds < 360, `${used} used: ${seconds} s`);
    }
  }
  assert.ok(wait(mix, { budget: budget(600) }) <= 600);
});

test('all listeners share the calls that ends of tracks leave', () => {
  const large = budget(800, 3_000);
  const alone = wait(episode, { budget: large });
  const five = wait(episode, { budget: large, listeners: 5 });
  assert.ok(alone === 57 && five > 3 * alone, `${alone} s, ${five} s`);
});

test('calls that come free later are not spent before', () => {
  const late: Budget = {
    perDay: 1_400,
    isGuess: true,
    used: 1_200,
    expiries: [{ inMs: 20 * hour, calls: 1_200 }],
  };
  const soon: Budget = {
    perDay: 1_400,
    isGuess: true,
    used: 1_200,
    expiries: [{ inMs: hour, calls: 1_200 }],
  };
  const short = track(0, 31 * second);
  assert.ok(wait(short, { budget: late }) > wait(short, { budget: soon }) * 2);
});

// fault: calls-run-low
test('as calls are used up polls get rarer, and never stop', () => {
  for (const [title, playback, maxTimes] of [
    ['a song', track(0), 3.8],
    ['an episode', episode, 3.6],
    ['a paused song', track(0, song, 'paused'), 3.2],
  ] as const) {
    let before = 0;
    for (let used = 0; used <= 800; used += 5) {
      const seconds = wait(playback, { budget: budget(used) });
      assert.ok(seconds >= 0.99 * before, `${title}, ${used} used: ${seconds} s after ${before} s`);
      if (used > 0 && used < 670)
        assert.ok(seconds <= maxTimes * before, `${title}, ${used} used: ${seconds} s after ${before} s`);
      before = seconds;
    }
  }
});

const budgets = [true, false].flatMap((isGuess) =>
  Array.from({ length: 17 }, (_, index) => budget(50 * index, 700, isGuess)),
);

test('the end of a song is polled, however few calls are left, for a few listeners', () => {
  for (const budget of budgets) {
    for (const listeners of [1, 2, 5]) {
      for (const durationMs of [153 * second, song, 5 * minute]) {
        const seconds = wait(track(durationMs - 30 * second, durationMs), { budget, listeners });
        assert.equal(seconds, 31.5, `${budget.used} used, ${listeners} listeners, ${durationMs} ms long`);
      }
    }
  }
});

test('no interval is longer than half an hour', () => {
  const playbacks = [track(0), episode, mix, ad, track(0, song, 'paused'), { state: 'nothing' } as const];
  for (const budget of budgets) {
    for (const listeners of [1, 2, 20]) {
      for (const playback of playbacks) {
        for (const known of [{}, { since: at - 5 * hour }, { stuckPolls: 30 }]) {
          const seconds = wait(playback, { budget, listeners, ...known });
          assert.ok(seconds <= 30 * 60, `${budget.used} used, ${listeners} listeners: ${seconds} s`);
        }
      }
    }
  }
});

const throttledUntil = (playback: Playback, known: Circumstances) =>
  nextPoll(circumstances(playback, known)).throttledUntil;

test('polls count as throttled if the budget makes the next one late, and only then', () => {
  const idle = { since: at - 5 * hour };
  const pausedSong = track(0, song, 'paused');
  assert.equal(throttledUntil(track(0), { budget: tight }), null);
  assert.equal(throttledUntil(mix, { budget: tight }), null);
  assert.equal(throttledUntil(pausedSong, { ...idle, budget: tight }), null, 'idle, not throttled');
  assert.equal(throttledUntil(track(0), { budget: scarce }), null);
  assert.equal(throttledUntil(track(0), { budget: usedUp }), null, 'the end of the song is polled');
  assert.notEqual(throttledUntil(pausedSong, { ...idle, budget: budget(690) }), null);
  assert.notEqual(throttledUntil(episode, { budget: usedUp }), null);
  assert.notEqual(throttledUntil(mix, { budget: budget(570), listeners: 5 }), null);
});

test('if the end of a track isn’t polled, polls count as throttled', () => {
  for (const budget of budgets) {
    for (const listeners of [1, 2, 5, 20]) {
      for (const durationMs of [31, 60, 100, 120, 150, 210].map((seconds) => seconds * second)) {
        const known = { budget, listeners };
        const isSkipped = wait(track(0, durationMs), known) > durationMs / second + 20;
        const isThrottled = throttledUntil(track(0, durationMs), known) !== null;
        assert.equal(isThrottled, isSkipped, `${budget.used} used, ${listeners} listeners, ${durationMs} ms`);
      }
    }
  }
});

test('throttling ends when enough calls have come free, not just some', () => {
  const expiries = [
    { inMs: hour, calls: 1 },
    { inMs: 2 * hour, calls: 60 },
    { inMs: 3 * hour, calls: 600 },
  ];
  const scarceFor2h = { budget: { perDay: 700, isGuess: false, used: 690, expiries } };
  assert.equal(throttledUntil(episode, scarceFor2h), at + 2 * hour);
});

test('with more than a few listeners polls get rare sooner', () => {
  for (const used of [100, 560]) {
    const [alone, ten] = [1, 10].map((listeners) => wait(track(0), { budget: budget(used), listeners }));
    assert.ok(Number(ten) > 1.5 * Number(alone), `${used} used: ${alone} s, ${ten} s`);
  }
});

// fault: player-is-stuck
test('a stuck player takes few calls, wherever in a track it is stuck', () => {
  for (const remainingMs of [0, 3, 10, 100].map((remaining) => remaining * second)) {
    const days = pollLikeTheApp([dayOfStuckPlayer(24 * hour, remainingMs)], 700);
    const polls = days.flatMap((day) => day.polls);
    assert.ok(polls.length < 150, `${remainingMs} ms before the end: ${polls.length} calls`);
    assert.ok(polls.filter((time) => time < hour).length < 20);
  }
});

test('the bench counts a change that was never shown until the end of the day', () => {
  const day = dayOfMusic(0, 5 * hour, 'lazy');
  const lazy = delays({ day, polls: [0, 1_000, hour] });
  assert.equal(lazy.natural.length + lazy.others.length, day.changes.length);
  assert.ok(Math.max(...lazy.natural) > 3 * hour);
});
