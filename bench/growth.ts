import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../test/support/fleet.ts';
import { figureOf, rounded } from './figures.ts';
import { addLongPlaylist, download } from './long-playlists.ts';
import { type Measured, measureLoad } from './measure-load.ts';
import { withStreams } from './open-streams.ts';
import { type Bench, benchOf, isShort, type Options, type Part } from './options.ts';
import { cpuSeconds, residentMb } from './processes.ts';
import { type RecordedSite, withRecordedSite } from './recorded-site.ts';
import { grouped, type Report } from './report.ts';
import { median, spread } from './statistics.ts';

/*
 * The cost of a page, a row or a stream when there are many more of them. Each should cost the same however many there are: then nothing grows
 * faster than its input. Sizes are measured in turn, so that a machine that is busy for a while slows down all of them.
 */
const clients = 64;
/** Half as much again is allowed for caches of the CPU and of this process. Work that grows with the input would cost a hundred times as much. */
const maxGrowth = 1.5;
/** If one size varies by more than this between rounds, the machine is too busy to decide. */
const maxNoise = 0.25;
/** With a notice, nothing cached is shown, so each view makes its calls, however many listeners share them. */
const uncached = 'notice=playlist-saved';

const parts: readonly Part[] = [
  ['listeners', moreListeners],
  ['rows', longerPlaylists],
  ['processes', moreProcesses],
  ['streams', moreStreams],
];

export const bench: Bench = benchOf(parts);

/** One measurement: what a unit of the input costs, and whatever else the table shows. */
type Cost = { each: number; cells: readonly string[]; perSecond?: number };

async function moreListeners(options: Options): Promise<void> {
  const { report } = options;
  const counts = isShort(options) ? [1, 10, 100] : [1, 100, 10_000];
  report.begin('Playlists for more listeners, a call for each view');
  await withRecordedSite({ listeners: counts.at(-1) ?? 0 }, async (site) => {
    const [server] = site.servers as [Server];
    const results = await measureInTurn(options, counts, (count) =>
      viewCost(options, site, [server], `/playlists?${uncached}`, count),
    );
    report.table(['listeners', ...viewHead], rowsOf(results));
    claimFlat(
      report,
      'listeners: a page',
      'the CPU of a page doesn’t grow with the number of listeners',
      results,
    );
    const cached = await measureInTurn(options, counts, (count) =>
      viewCost(options, site, [server], '/playlists', count),
    );
    report.table(['listeners, answers fresh within a second', ...viewHead], rowsOf(cached));
  });
}

async function longerPlaylists(options: Options): Promise<void> {
  const { report } = options;
  const lengths = [50, 1_200, 10_000];
  const idOf = (rows: number) => String(rows).padStart(22, 'x');
  const prepare = ({ simulator }: RecordedSite['fleet']) => {
    for (const rows of lengths) addLongPlaylist(simulator, idOf(rows), rows);
  };
  report.begin('The page and the file of longer playlists');
  const exports = isShort(options) ? 1 : 4;
  await withRecordedSite({ listeners: 300, prepare }, async (site) => {
    const [server] = site.servers as [Server];
    const pages = await measureInTurn(options, lengths, (rows) =>
      viewCost(options, site, [server], `/playlists/${idOf(rows)}?${uncached}`, 100),
    );
    report.table(['rows', ...viewHead], rowsOf(pages));
    claimFlat(
      report,
      'rows: a page',
      'the CPU of a page doesn’t grow with the length of the playlist',
      pages,
    );

    // Each listener downloads each file once, because the second one would come from the cache.
    const cookies = site.cookies.values();
    const files = await measureInTurn(options, lengths, async (rows) => {
      const [pid, calls] = [server.child.pid, await site.calls()];
      const times = rows === 50 ? 10 * exports : exports;
      const before = cpuSeconds(pid);
      for (let time = 0; time < times; time += 1)
        await download(server, cookies.next().value ?? '', `/playlists/${idOf(rows)}/export.csv`);
      const each = ((cpuSeconds(pid) - before) * 1_000_000) / times / rows;
      const callsEach = ((await site.calls()) - calls) / times;
      return { each, cells: [`${each.toFixed(0)} us`, grouped(callsEach)] };
    });
    report.table(['rows', 'CPU of a row in a file', 'calls of a file'], rowsOf(files));
    claimFlat(
      report,
      'rows: a row in a file',
      'the CPU of a row in a file doesn’t grow with their number',
      files.slice(1),
    );
  });
}

async function moreProcesses(options: Options): Promise<void> {
  const { report } = options;
  const counts = [1, 2, 3, 4];
  report.begin('Playlists from more processes, a call for each view');
  await withRecordedSite({ listeners: 100, processes: 4 }, async (site) => {
    const results = await measureInTurn(options, counts, (count) =>
      viewCost(options, site, site.servers.slice(0, count), `/playlists?${uncached}`, 100),
    );
    report.table(['processes', ...viewHead], rowsOf(results));
    reportLoss(report, results);
    claimFlat(
      report,
      'processes: a page',
      'the CPU of a page doesn’t grow with the number of processes',
      results,
    );
  });
}

/** Prints how many pages a second each process serves less, for each that is added. Beyond the cores there are, they share them. */
function reportLoss(report: Report, results: Results): void {
  const rateOf = (costs: readonly Cost[]) => median(costs.map(({ perSecond = Number.NaN }) => perSecond));
  const [alone = Number.NaN] = results.map(([, costs]) => rateOf(costs));
  for (const [count, costs] of results.slice(1)) {
    const each = rateOf(costs) / count;
    const loss = (100 * (1 - each / alone)) / (count - 1);
    report.fact(
      `${count} processes: pages a second of each`,
      `${Math.round(each)}, ${loss.toFixed(0)} % of one alone lost per added process`,
    );
  }
  report.fact('cores, shared with Redis, Spotify and the load', availableParallelism());
}

async function moreStreams(options: Options): Promise<void> {
  const { report } = options;
  const steps = isShort(options) ? [1, 10, 100] : [1, 100, 1_000, 10_000];
  const seconds = isShort(options) ? 3 : 20;
  const most = steps.at(-1) ?? 0;
  report.begin(`Streams of 100 listeners at one process, for ${seconds} s each`);
  const prepare = ({ simulator }: RecordedSite['fleet']) => simulator.plays('mara', { kind: 'nothing' });
  await withRecordedSite({ listeners: 100, sessionsEach: Math.ceil(most / 1_000), prepare }, (site) =>
    withStreams(site, async (openUntil) => {
      const { pid } = (site.servers[0] as Server).child;
      const idleCpu = await cpuWhile(pid, seconds);
      const idleMb = residentMb(pid);
      const results = new Map<number, Cost[]>();
      for (const streams of steps) {
        report.progress(`${streams} streams`);
        await openUntil(streams);
        const cpu = Math.max(0, (await cpuWhile(pid, seconds)) - idleCpu);
        const each = (cpu * 1_000_000) / seconds / streams;
        const mb = residentMb(pid);
        const eachKb = ((mb - idleMb) * 1_024) / streams;
        const share = `${((100 * cpu) / seconds).toFixed(1)} %`;
        const cells = [share, `${each.toFixed(0)} us`, `${mb.toFixed(0)} MB`, `${eachKb.toFixed(1)} kB`];
        results.set(streams, [{ each, cells }]);
      }
      report.progress('');
      const all = [...results];
      report.table(['streams', 'CPU', 'of each, a second', 'memory', 'of each'], rowsOf(all));
      // With fewer, what the process does anyway counts for most.
      claimFlat(
        report,
        'streams: a stream',
        'the CPU of a stream doesn’t grow with their number',
        all.slice(-2),
      );
    }),
  );
}

/** The CPU seconds that a process uses within some seconds. */
async function cpuWhile(pid: number | undefined, seconds: number): Promise<number> {
  const before = cpuSeconds(pid);
  await sleep(seconds * 1_000);
  return cpuSeconds(pid) - before;
}

const viewHead = ['pages a second', 'CPU of each', 'calls of each', 'commands of Redis', 'p50'];

/** The cost of a view, with the load spread over these servers. */
async function viewCost(
  options: Options,
  site: RecordedSite,
  servers: readonly Server[],
  path: string,
  listeners: number,
): Promise<Cost> {
  const load = {
    clients: Math.ceil((isShort(options) ? 4 : clients) / servers.length),
    seconds: isShort(options) ? 3 * servers.length : 4,
  };
  const [calls, redis] = [await site.calls(), await site.redisWork()];
  const measured: Measured[] = await Promise.all(
    servers.map((server) => measureLoad(site.target(server, path, listeners), load, site.isPinned)),
  );
  const pages = measured.reduce((sum, one) => sum + one.pages, 0);
  const each = measured.reduce((sum, one) => sum + one.cpuMs * one.pages, 0) / pages;
  const perPage = (count: number) => (count / pages).toFixed(2);
  const perSecond = measured.reduce((sum, one) => sum + one.perSecond, 0);
  const cells = [
    grouped(Math.round(perSecond)),
    `${Math.round(1_000 * each)} us`,
    perPage((await site.calls()) - calls),
    perPage((await site.redisWork()).commands - redis.commands),
    `${median(measured.map(({ p50Ms }) => p50Ms)).toFixed(1)} ms`,
  ];
  return { each, cells, perSecond };
}

type Results = readonly [size: number, costs: Cost[]][];

/** Measures each size in each round, after a first round that isn't counted. */
async function measureInTurn(
  options: Options,
  sizes: readonly number[],
  measure: (size: number) => Promise<Cost>,
): Promise<Results> {
  const results: Results = sizes.map((size) => [size, []]);
  const times = isShort(options) ? 1 : 3;
  for (let round = 0; round <= times; round += 1) {
    for (const [size, costs] of round % 2 === 0 ? results : results.toReversed()) {
      options.report.progress(`round ${round} of ${times}, ${size}`);
      const cost = await measure(size);
      if (round > 0) costs.push(cost);
    }
  }
  options.report.progress('');
  return results;
}

/** A row for each size: the round with the middle cost. */
function rowsOf(results: Results): string[][] {
  return results.map(([size, costs]) => {
    const middle = median(costs.map(({ each }) => each));
    return [grouped(size), ...(costs.find(({ each }) => each === middle)?.cells ?? [])];
  });
}

/** Claims that a unit costs about the same at the largest size as at the smallest. */
function claimFlat(report: Report, key: string, words: string, results: Results): void {
  const each = results.map(([, costs]) => costs.map((cost) => cost.each));
  const [least = [], most = []] = [each[0], each.at(-1)];
  const growth = median(most) / median(least);
  const inRounds = most.map((cost, round) => cost / (least[round] ?? Number.NaN));
  const points = results.map(([at], index) => ({
    at,
    value: rounded(median(each[index] ?? []) / median(least)),
  }));
  report.record(key, { ...figureOf(inRounds, 'x', { atMost: maxGrowth }), value: rounded(growth), points });
  const noise = Math.max(spread(least), spread(most));
  if (noise > maxNoise) report.unclear(words, `it varied by ${Math.round(100 * noise)} %`);
  else report.claim(`${words} (${growth.toFixed(2)} x)`, growth <= maxGrowth);
}
