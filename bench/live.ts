import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Day,
  dayOfMusic,
  dayOfStuckPlayer,
  delays,
  hour,
  longestFullBar,
  minute,
  type OtherCalls,
  type PolledDay,
  pollEvery,
  pollKnowingEnds,
  pollLikeTheApp,
  second,
  usualWorld,
  type World,
} from './day.ts';
import { aHundredTabs, manyStreams, promptness } from './live-run.ts';
import { type Bench, benchOf, type Options, type Part } from './options.ts';
import { type Point, plot } from './plot.ts';
import { percentile } from './statistics.ts';

/*
 * How prompt live updates are, and how many calls they take: first on simulated days, then with real processes.
 */
const perDay = 700;

const parts: readonly Part[] = [
  ['day', async (options) => simulatedDays(options)],
  ['tabs', aHundredTabs],
  ['prompt', promptness],
  ['streams', manyStreams],
];

export const bench: Bench = benchOf(parts);

const picture = join(import.meta.dirname, '..', 'docs', 'pictures', 'day.svg');

function simulatedDays(options: Options): void {
  const { report, seed } = options;
  const wholeDay = dayOfMusic(0, 24 * hour, `${seed} day`);
  report.begin('One listener, 24 hours of music, a tab visible all day');
  const whole = pollLikeTheApp([wholeDay], perDay);
  reportDays(report, whole, wholeDayLimits);
  const calls = callsOf(whole);
  report.fact(
    'the same number of polls, planned knowing all ends, p95',
    `${seconds(delays(pollKnowingEnds(wholeDay, calls)).others, 95)} s (not optimal: the plan does not react to what it finds)`,
  );
  report.fact('polls if all changes were known in advance', `${wholeDay.changes.length}, each shown at once`);

  report.begin('The same day, with two exports of all playlists');
  // 137 playlists take about 180 calls.
  const exports = [3, 11].flatMap((at): OtherCalls[] => [
    { at: at * hour, family: 'lists', calls: 6 },
    { at: at * hour, family: 'playlist-read', calls: 174 },
  ]);
  reportDays(report, pollLikeTheApp([wholeDay], perDay, exports), wholeDayLimits);

  report.begin('The same day, with “Up next” open and another list every half hour');
  const lists = Array.from({ length: 48 }, (_, half): OtherCalls => {
    return { at: half * 30 * minute, family: 'player-read', calls: 1, isOptional: true };
  });
  const withQueue = pollLikeTheApp([wholeDay], perDay, lists);
  reportDays(report, withQueue, wholeDayLimits);
  const queueCalls = withQueue[0]?.otherCalls ?? 0;
  report.fact('calls for the queue, of 48', queueCalls);
  report.claim(
    `at most ${perDay} calls together`,
    callsOf(withQueue) + queueCalls <= perDay && queueCalls > 0,
  );

  report.begin('The same day, with only a bar visible');
  const bar = pollLikeTheApp([wholeDay], perDay, [], 'track-ends');
  reportDays(report, bar, { calls: 500, median: 2 });

  report.begin('The same listener, 3 hours a day');
  reportDays(report, pollLikeTheApp([dayOfMusic(0, 3 * hour, `${seed} short`)], perDay), threeHourLimits);

  report.begin('The same listener without a break for days: the third day');
  const threeDays = dayOfMusic(0, 72 * hour, `${seed} days`);
  const third = pollLikeTheApp([threeDays], perDay).map(({ polls, observations = [] }) => {
    const first = polls.findIndex((at) => at >= 48 * hour);
    return {
      day: { ...threeDays, from: 48 * hour, changes: threeDays.changes.filter(({ at }) => at >= 48 * hour) },
      polls: polls.slice(first),
      observations: observations.slice(first),
    };
  });
  reportDays(report, third, { calls: 650, ...promptEnds });

  report.begin('Five listeners, 4 hours each, one hour apart');
  reportDays(report, pollLikeTheApp(oneHourApart(seed), perDay), fiveLimits);
  report.begin('Five listeners, 4 hours each, all at once');
  reportDays(report, pollLikeTheApp(atOnce(seed, 4), perDay), fiveLimits);
  report.begin('Two listeners, 24 hours each: more than the day’s calls');
  const two = [1, 2].map((one) => dayOfMusic(0, 24 * hour, `${seed} two ${one}`));
  reportDays(report, pollLikeTheApp(two, perDay), { median: 2 });
  report.begin('Five listeners, 12 hours each, all at once: more than the day’s calls');
  reportDays(report, pollLikeTheApp(atOnce(seed, 12), perDay), { median: 2 });

  otherDays(options);
  otherWorlds(options);

  report.begin('Common ways of polling on the same 24 hours, for each tab');
  const points: Point[] = whole.map((polled) => pointOf('Turntable', polled, true));
  for (const [name, polled] of peers(wholeDay)) {
    const { natural, others } = delays(polled);
    points.push(pointOf(name, polled, false));
    report.fact(
      name,
      `${polled.polls.length} calls; ends ${seconds(natural, 50)} s, p95 ${seconds(natural, 95)} s; others p95 ${seconds(others, 95)} s`,
    );
  }
  writeFileSync(picture, plot(points, 'What promptness costs: 24 hours of music'));
  report.fact('drawn in', 'docs/pictures/day.svg');
}

/** The claims about a day: the number of calls, and the delays in seconds of ends of tracks and of other changes. */
type Limits = { calls?: number; median?: number; ends?: number; others?: number };

const promptEnds = { median: 2, ends: 5 };
const wholeDayLimits: Limits = { calls: 650, ...promptEnds, others: 200 };
const threeHourLimits: Limits = { calls: 250, ...promptEnds, others: 60 };
const fiveLimits: Limits = { calls: perDay, ...promptEnds };

function atOnce(seed: string, hours: number): Day[] {
  return [0, 1, 2, 3, 4].map((one) => dayOfMusic(0, hours * hour, `${seed} at once ${one}`));
}

function oneHourApart(seed: string): Day[] {
  return [0, 1, 2, 3, 4].map((start) => dayOfMusic(start * hour, (start + 4) * hour, `${seed} ${start}`));
}

/** A single seeded day says little, so the same claims are made of many. */
function otherDays({ report, seed }: Options): void {
  const kinds: [string, Limits, (seed: string) => Day[]][] = [
    ['24 hours', wholeDayLimits, (one) => [dayOfMusic(0, 24 * hour, one)]],
    ['3 hours', threeHourLimits, (one) => [dayOfMusic(0, 3 * hour, one)]],
    ['five listeners, one hour apart', fiveLimits, oneHourApart],
    ['five listeners, all at once', fiveLimits, (one) => atOnce(one, 4)],
  ];
  for (const [name, limits, days] of kinds) {
    report.begin(`${manyDays} other days: ${name}`);
    reportManyDays(report, limits, (one) => days(`${seed} other ${one}`));
  }
}

/** The claims under other assumptions about the music: 24 hours of one listener each. */
function otherWorlds({ report, seed }: Options): void {
  const worlds: [string, Partial<World>, Limits][] = [
    ['Spotify up to 2 s late', { reportingLagMs: 2 * second }, wholeDayLimits],
    ['tracks of 2 to 5 minutes', { trackMs: [2 * minute, 5 * minute] }, { calls: 650, ...promptEnds }],
    [
      'tracks of 2 to 4 minutes: a few more ends than calls',
      { trackMs: [2 * minute, 4 * minute] },
      { calls: 650, median: 2, ends: 200, others: 300 },
    ],
    ['pauses of 1 to 6 minutes', { pauseMs: [minute, 6 * minute] }, { calls: 650, median: 2, ends: 120 }],
    [
      'tracks of 2.5 minutes: more ends than calls',
      { trackMs: [2.5 * minute, 2.5 * minute] },
      { calls: 650, median: 2, ends: 160, others: 300 },
    ],
    [
      'tracks of 31 seconds: many more ends than calls',
      { trackMs: [31 * second, 31 * second] },
      { calls: 650, ends: 260, others: 260 },
    ],
    ['episodes of 30 to 60 minutes', { trackMs: [30 * minute, 60 * minute] }, wholeDayLimits],
  ];
  for (const [name, world, limits] of worlds) {
    report.begin(`${manyDays} days of other music: ${name}`);
    reportManyDays(report, limits, (one) => [
      dayOfMusic(0, 24 * hour, `${seed} world ${one}`, { ...usualWorld, ...world }),
    ]);
  }
  report.begin('A stuck player, 24 hours');
  for (const remainingMs of [3, 10, 100].map((remaining) => remaining * second)) {
    const stuck = pollLikeTheApp([dayOfStuckPlayer(24 * hour, remainingMs)], perDay);
    const first = stuck.flatMap(({ polls }) => polls).filter((at) => at < hour).length;
    report.fact(
      `${remainingMs / second} s before the end: calls`,
      `${callsOf(stuck)}, ${first} of them in the first hour`,
    );
    report.claim('at most 150 calls, and 20 in the first hour', callsOf(stuck) <= 150 && first <= 20);
  }
}

function pointOf(name: string, polled: PolledDay, ours: boolean): Point {
  const { natural, others } = delays(polled);
  return {
    name,
    calls: polled.polls.length,
    naturalP95: percentile(natural, 95) / 1000,
    othersP95: percentile(others, 95) / 1000,
    ours,
  };
}

function peers(day: Day): [string, PolledDay][] {
  return [
    ...[1, 2.5, 5, 15, 30].map((each): [string, PolledDay] => [
      `every ${each} s`,
      pollEvery(day, each * 1000),
    ]),
    ['30 s, and ends of tracks', pollEvery(day, 30_000, true)],
  ];
}

/** The results of some days; delays are in seconds. */
function figuresOf(all: readonly PolledDay[]) {
  const each = all.map(delays);
  const [natural, others] = [each.flatMap((one) => one.natural), each.flatMap((one) => one.others)];
  return {
    calls: callsOf(all),
    median: percentile(natural, 50) / 1000,
    ends: percentile(natural, 95) / 1000,
    othersMedian: percentile(others, 50) / 1000,
    others: percentile(others, 95) / 1000,
    counted: natural.length + others.length,
    changes: all.reduce((sum, { day }) => sum + day.changes.length, 0),
  };
}

type Figures = ReturnType<typeof figuresOf>;

function callsOf(all: readonly PolledDay[]): number {
  return all.reduce((sum, { polls }) => sum + polls.length, 0);
}

/** Each claim with the test for it. */
function claimsOf(limits: Limits): [string, (figures: Figures) => boolean][] {
  const claims: [string, number | undefined, (figures: Figures) => number][] = [
    [`at most ${limits.calls} calls`, limits.calls, ({ calls }) => calls],
    [`ends of tracks shown within ${limits.median} s at the median`, limits.median, ({ median }) => median],
    [`ends of tracks shown within ${limits.ends} s at p95`, limits.ends, ({ ends }) => ends],
    [`skips and pauses shown within ${limits.others} s at p95`, limits.others, ({ others }) => others],
  ];
  return claims.flatMap(([words, max, value]): [string, (figures: Figures) => boolean][] =>
    max === undefined ? [] : [[words, (figures) => value(figures) <= max]],
  );
}

function reportDays(report: Options['report'], all: readonly PolledDay[], limits: Limits): void {
  const figures = figuresOf(all);
  const { calls, median, ends, othersMedian, others, counted, changes } = figures;
  report.fact('calls', calls);
  report.fact('ends of tracks shown after (median, p95)', `${median.toFixed(1)} s, ${ends.toFixed(1)} s`);
  report.fact(
    'skips, pauses and resumptions shown after (median, p95)',
    `${othersMedian.toFixed(1)} s, ${others.toFixed(1)} s`,
  );
  report.claim(`all ${changes} changes are counted`, counted === changes);
  for (const [words, holds] of claimsOf(limits)) report.claim(words, holds(figures));
  const fullBar = Math.max(...all.map(longestFullBar)) / 1000;
  report.fact('longest time that a full bar was called playing', `${fullBar.toFixed(1)} s`);
  report.claim('a full bar is called playing for at most 10 s', fullBar <= 10);
}

const manyDays = 100;
/** On how many of a hundred days a claim has to hold: one in twenty may be an outlier. */
const minDaysHeld = 95;

/** The same for many seeds: the median, the worst, and on how many days the claims hold. */
function reportManyDays(report: Options['report'], limits: Limits, days: (seed: number) => Day[]): void {
  const all = Array.from({ length: manyDays }, (_, one) => figuresOf(pollLikeTheApp(days(one), perDay)));
  const spread = (value: (figures: Figures) => number, digits: number, unit: string) => {
    const values = all.map(value);
    return `${percentile(values, 50).toFixed(digits)}${unit}, ${Math.max(...values).toFixed(digits)}${unit}`;
  };
  report.fact(
    'calls (median day, worst day)',
    spread((one) => one.calls, 0, ''),
  );
  for (const [what, value] of [
    ['ends of tracks, median', ({ median }: Figures) => median],
    ['ends of tracks, p95', ({ ends }: Figures) => ends],
    ['skips, pauses and resumptions, p95', ({ others }: Figures) => others],
  ] as const) {
    report.fact(what, spread(value, 1, ' s'));
  }
  report.claim(
    `never more than ${perDay} calls, and all changes counted`,
    all.every(({ calls, counted, changes }) => calls <= perDay && counted === changes),
  );
  for (const [words, holds] of claimsOf(limits)) {
    const held = all.filter(holds).length;
    report.claim(`${words}: on ${held} of ${manyDays} days`, held >= (minDaysHeld / 100) * manyDays);
  }
}

function seconds(values: readonly number[], percent: number): string {
  return (percentile(values, percent) / 1000).toFixed(1);
}
