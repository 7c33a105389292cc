import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Options } from './bench.ts';
import {
  type Day,
  dayOfMusic,
  delays,
  hour,
  type Watched,
  watchAsWeDo,
  watchAtBest,
  watchEvery,
} from './day.ts';
import { aHundredTabs, manyStreams, promptness } from './live-run.ts';
import { type Point, plot } from './plot.ts';
import { percentile } from './report.ts';

/*
 * How prompt now playing is, and for how many calls: a day with a clock of its own, then the real thing for a while.
 */
const perDay = 700;

export const bench: Bench = async (options) => {
  for (const [name, measure] of parts) {
    if (options.only === undefined || options.only === name) await measure(options);
  }
};

const parts: readonly [string, (options: Options) => Promise<void> | void][] = [
  ['day', simulatedDays],
  ['tabs', aHundredTabs],
  ['prompt', promptness],
  ['streams', manyStreams],
];
const picture = join(import.meta.dirname, '..', 'docs', 'pictures', 'day.svg');

function simulatedDays({ report, seed }: Options): void {
  const wholeDay = dayOfMusic(0, 24 * hour, `${seed} day`);
  report.begin('One listener, 24 hours of music, a tab that can be seen all day');
  const [whole] = watchAsWeDo([wholeDay], perDay);
  if (!whole) return;
  tell(report, whole, { calls: 650, others: 200 });
  report.fact(
    'the best of so many calls: skips and pauses p95',
    `${seconds(delays(watchAtBest(wholeDay, whole.looks.length)).others, 95)} s`,
  );

  report.begin('The same listener, 3 hours a day');
  const [short] = watchAsWeDo([dayOfMusic(0, 3 * hour, `${seed} short`)], perDay);
  if (short) tell(report, short, { calls: 250, others: 60 });

  report.begin('Five listeners, 4 hours each, one hour apart');
  const five = watchAsWeDo(
    [0, 1, 2, 3, 4].map((start) => dayOfMusic(start * hour, (start + 4) * hour, `${seed} ${start}`)),
    perDay,
  );
  tellAll(report, five, { calls: perDay });
  report.begin('Five listeners, 4 hours each, all at once');
  tellAll(
    report,
    watchAsWeDo(
      [0, 1, 2, 3, 4].map((one) => dayOfMusic(0, 4 * hour, `${seed} at once ${one}`)),
      perDay,
    ),
    { calls: perDay },
  );

  report.begin('What others do on the same 24 hours, for each tab');
  const points: Point[] = [pointOf('Turntable', whole, true)];
  for (const [name, watched] of peers(wholeDay)) {
    const { natural, others } = delays(watched);
    points.push(pointOf(name, watched, false));
    report.fact(
      name,
      `${watched.looks.length} calls; ends ${seconds(natural, 50)} s, p95 ${seconds(natural, 95)} s; others p95 ${seconds(others, 95)} s`,
    );
  }
  writeFileSync(picture, plot(points, 'What promptness costs: 24 hours of music'));
  report.fact('drawn in', 'docs/pictures/day.svg');
}

function pointOf(name: string, watched: Watched, ours: boolean): Point {
  const { natural, others } = delays(watched);
  return {
    name,
    calls: watched.looks.length,
    naturalP95: percentile(natural, 95) / 1000,
    othersP95: percentile(others, 95) / 1000,
    ours,
  };
}

function peers(day: Day): [string, Watched][] {
  return [
    ...[1, 2.5, 5, 15, 30].map((each): [string, Watched] => [
      `every ${each} s`,
      watchEvery(day, each * 1000),
    ]),
    ['30 s, and ends of tracks', watchEvery(day, 30_000, true)],
  ];
}

type Limits = { calls: number; others?: number };

function tell(report: Options['report'], watched: Watched, limits: Limits): void {
  tellAll(report, [watched], limits);
}

function tellAll(report: Options['report'], all: readonly Watched[], limits: Limits): void {
  const calls = all.reduce((sum, { looks }) => sum + looks.length, 0);
  const each = all.map(delays);
  const [natural, others] = [each.flatMap((one) => one.natural), each.flatMap((one) => one.others)];
  report.fact('calls', calls);
  report.fact(
    'ends of tracks shown after (median, p95)',
    `${seconds(natural, 50)} s, ${seconds(natural, 95)} s`,
  );
  report.fact(
    'skips, pauses and resumptions shown after (median, p95)',
    `${seconds(others, 50)} s, ${seconds(others, 95)} s`,
  );
  report.claim(`at most ${limits.calls} calls`, calls <= limits.calls);
  report.claim('ends of tracks shown within 2 s at the median', percentile(natural, 50) <= 2_000);
  report.claim('ends of tracks shown within 5 s at p95', percentile(natural, 95) <= 5_000);
  if (limits.others !== undefined) {
    report.claim(
      `skips and pauses shown within ${limits.others} s at p95`,
      percentile(others, 95) <= limits.others * 1000,
    );
  }
}

function seconds(values: readonly number[], percent: number): string {
  return (percentile(values, percent) / 1000).toFixed(1);
}
