import { type Bound, figureOf, reaches, rounded } from './figures.ts';
import type { Measured, Target } from './measure-load.ts';
import { type Bench, isIncluded, isShort, type Options } from './options.ts';
import type { Report } from './report.ts';
import { type FloorPath, type Sites, withSites } from './speed-sites.ts';
import { median, spread } from './statistics.ts';

/*
 * How fast pages are beside the plainest server on the same packages (bench/floor/): C, without sessions; D, which makes no call to Spotify;
 * and E, which makes one for each view. Both are measured in turn in the same run, because absolute figures depend on the machine.
 */
const full = { seconds: 5, rounds: 3 };
const short = { seconds: 3, rounds: 1, listeners: 50, clients: 8 };
const clients = 64;
/** If the results of the plain server vary by more than this, the machine is too busy to decide. */
const maxNoise = 0.25;
/** More than can be served within the second in which an answer counts as fresh. */
const manyListeners = 4_000;
/** Fewer calls to Spotify would mean that views were served from the cache. */
const minFreshCalls = 0.95;

type Part = {
  name: string;
  title: string;
  latencyMs: number;
  clients: number;
  listeners: number;
  path: string;
  floor: FloorPath;
  /** The least ratio of requests and the largest of CPU; or that no more time is added to Spotify's own than by the plain server. */
  mustReach: { requests: number; cpu?: number } | 'less time added';
  /** Whether each view makes its call. */
  isFresh?: boolean;
};

const parts: readonly Part[] = [
  {
    name: 'fresh',
    title: 'Playlists, 100 listeners, answers fresh within a second, beside D',
    latencyMs: 0,
    clients,
    listeners: 100,
    path: '/playlists',
    floor: '/floor',
    mustReach: { requests: 1.5, cpu: 0.7 },
  },
  {
    name: 'calls',
    title: 'Playlists, a fresh call for each view, beside E',
    latencyMs: 0,
    clients,
    listeners: manyListeners,
    path: '/playlists',
    floor: '/playlists',
    mustReach: { requests: 1.8, cpu: 0.55 },
    isFresh: true,
  },
  {
    name: 'latency',
    title: 'Playlists, answers fresh within a second, Spotify takes 80 ms, 256 clients, beside E',
    latencyMs: 80,
    clients: 256,
    listeners: 100,
    path: '/playlists',
    floor: '/playlists',
    mustReach: { requests: 4.5 },
  },
  {
    name: 'now-playing',
    title: 'Now playing, 100 listeners, beside D',
    latencyMs: 0,
    clients,
    listeners: 100,
    path: '/now-playing',
    floor: '/floor',
    mustReach: { requests: 1.5 },
  },
  {
    name: 'search',
    title: 'Search without a sign-in, beside C',
    latencyMs: 0,
    clients,
    listeners: 0,
    path: '/search?q=love',
    floor: '/c',
    mustReach: { requests: 1.5 },
  },
  {
    name: 'added',
    title: 'Playlists, the time added to a call that takes Spotify 80 ms, 8 clients, beside E',
    latencyMs: 80,
    clients: 8,
    listeners: manyListeners,
    path: '/playlists',
    floor: '/playlists',
    mustReach: 'less time added',
    isFresh: true,
  },
];

export const bench: Bench = async (options) => {
  for (const part of parts.map((one) => (isShort(options) ? shortened(one) : one)))
    if (isIncluded(options, part.name)) await withSites(part, (sites) => comparePart(options, part, sites));
};

function shortened(part: Part): Part {
  const listeners = Math.min(part.listeners, short.listeners);
  return { ...part, listeners, clients: Math.min(part.clients, short.clients) };
}

async function comparePart(options: Options, part: Part, sites: Sites): Promise<void> {
  const { report } = options;
  const { rounds, seconds } = isShort(options) ? short : full;
  report.begin(part.title);
  const ours = sites.turntable(part.path);
  const plain = sites.floor(part.floor);
  const load = { clients: part.clients, seconds };
  // Warms up the just-in-time compiler.
  for (const target of [ours, plain]) await sites.measure(target, load);
  const results = new Map<Target, Measured[]>([
    [ours, []],
    [plain, []],
  ]);
  let calls = 0;
  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`round ${round} of ${rounds}`);
    const order = round % 2 === 0 ? [plain, ours] : [ours, plain];
    for (const target of order) {
      const before = await sites.calls();
      results.get(target)?.push(await sites.measure(target, load));
      if (target === ours) calls += (await sites.calls()) - before;
    }
  }
  report.progress('');
  if (!sites.isPinned) report.fact('server and load share the cores', 'taskset is not available');
  for (const [{ name }, measured] of results) report.fact(name, describe(measured));
  const pair = { ours: results.get(ours) ?? [], plain: results.get(plain) ?? [] };
  const callsEach = calls / pair.ours.reduce((sum, { pages }) => sum + pages, 0);
  report.fact('calls to Spotify a view', callsEach.toFixed(2));
  if (part.isFresh && !isShort(options))
    report.claim(`at least ${minFreshCalls} calls to Spotify a view`, callsEach >= minFreshCalls);
  if (part.mustReach === 'less time added') compareAddedTime(report, part, pair);
  else compareRatios(report, part.name, part.mustReach, pair);
}

type Pair = { ours: readonly Measured[]; plain: readonly Measured[] };

function compareRatios(
  report: Report,
  part: string,
  { requests, cpu }: { requests: number; cpu?: number },
  pair: Pair,
): void {
  const rates = ratioOf(pair, ({ perSecond }) => perSecond, { atLeast: requests });
  const cost = ratioOf(pair, ({ cpuMs }) => cpuMs, cpu === undefined ? undefined : { atMost: cpu });
  report.record(`${part}: requests`, rates);
  report.record(`${part}: CPU`, cost);
  report.fact(
    'ratio',
    `${rates.value.toFixed(2)} x the requests, ${cost.value.toFixed(2)} x the CPU of each`,
  );
  const words = `at least ${requests} x the requests`;
  const noise = spread(pair.plain.map(({ perSecond }) => perSecond));
  if (noise > maxNoise) report.unclear(words, `the plain server varied by ${Math.round(100 * noise)} %`);
  else report.claim(words, rates.value >= requests);
  // CPU varies less than time, so it is judged on a busy machine as well.
  if (cpu !== undefined) report.claim(`at most ${cpu} x the CPU`, cost.value <= cpu);
}

/** The ratio of the medians, with the least and the most of a round. */
function ratioOf({ ours, plain }: Pair, of: (measured: Measured) => number, mustReach?: Bound) {
  const rounds = ours.map((one, round) => of(one) / of(plain[round] as Measured));
  return {
    ...figureOf(rounds, 'x', mustReach),
    value: rounded(median(ours.map(of)) / median(plain.map(of))),
  };
}

function compareAddedTime(report: Report, { name, latencyMs }: Part, { ours, plain }: Pair): void {
  const added = (measured: readonly Measured[]) => measured.map(({ p50Ms }) => p50Ms - latencyMs);
  const theirs = figureOf(added(plain), 'ms');
  const mustReach = { atMost: theirs.value };
  const figure = figureOf(added(ours), 'ms', mustReach);
  report.record(`${name}: time`, figure);
  report.record(`${name}: time of E`, theirs);
  report.fact(
    'added at p50',
    `${figure.value.toFixed(1)} ms; by the plain server ${theirs.value.toFixed(1)} ms`,
  );
  const words = 'adds no more time than the plain server';
  // Both vary by a millisecond or two, which must not decide.
  const isClear = figure.most < theirs.least || figure.least > theirs.most;
  if (isClear) report.claim(words, reaches(figure.value, mustReach));
  else report.unclear(words, 'the rounds of both overlap');
}

function describe(measured: readonly Measured[]): string {
  const rates = measured.map(({ perSecond }) => Math.round(perSecond));
  const cpu = median(measured.map(({ cpuMs }) => cpuMs));
  const p50 = median(measured.map(({ p50Ms }) => p50Ms));
  return `${Math.min(...rates)} to ${Math.max(...rates)}/s, ${Math.round(cpu * 1_000)} us of CPU a page, p50 ${p50.toFixed(1)} ms`;
}
