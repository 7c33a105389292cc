import type { Measured, Target } from './measure-load.ts';
import { type Bench, isIncluded, type Options } from './options.ts';
import { percentile, spread } from './report.ts';
import { type Sites, withSites } from './speed-sites.ts';

/*
 * How fast pages are beside the plainest server on the same packages (bench/floor/): D, which makes no call to Spotify, and E, which makes one
 * for each view. Both are measured in turn in the same run, because absolute figures depend on the machine.
 */
const seconds = 4;
const rounds = 3;
const clients = 64;
/** If the results of the plain server vary by more than this, the machine is too busy to decide. */
const maxNoise = 0.25;
/** More than can be served within the second in which an answer counts as fresh. */
const manyListeners = 2_500;

type Part = {
  name: string;
  title: string;
  latencyMs: number;
  clients: number;
  listeners: number;
  path: string;
  floor: '/floor' | '/playlists';
  /** The least ratio of requests, and the largest of CPU. */
  mustReach: { requests: number; cpu?: number };
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
];

export const bench: Bench = async (options) => {
  for (const part of parts)
    if (isIncluded(options, part.name)) await withSites(part, (sites) => comparePart(options, part, sites));
};

async function comparePart({ report }: Options, part: Part, sites: Sites): Promise<void> {
  report.begin(part.title);
  const ours = sites.turntable(part.path, part.listeners);
  const plain = sites.floor(part.floor);
  const load = { clients: part.clients, seconds };
  // Warms up the just-in-time compiler.
  for (const target of [ours, plain]) await sites.measure(target, load);
  const results = new Map<Target, Measured[]>([
    [ours, []],
    [plain, []],
  ]);
  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`round ${round} of ${rounds}`);
    const order = round % 2 === 0 ? [plain, ours] : [ours, plain];
    for (const target of order) results.get(target)?.push(await sites.measure(target, load));
  }
  report.progress('');
  if (!sites.isPinned) report.fact('server and load share the cores', 'taskset is not available');
  for (const [{ name }, measured] of results) report.fact(name, describe(measured));
  const middle = (target: Target, of: keyof Measured) =>
    percentile(
      (results.get(target) ?? []).map((one) => one[of]),
      50,
    );
  const requests = middle(ours, 'perSecond') / middle(plain, 'perSecond');
  const cpu = middle(ours, 'cpuMs') / middle(plain, 'cpuMs');
  report.fact('ratio', `${requests.toFixed(2)} x the requests, ${cpu.toFixed(2)} x the CPU of each`);
  const words = `at least ${part.mustReach.requests} x the requests`;
  const noise = spread((results.get(plain) ?? []).map(({ perSecond }) => perSecond));
  if (noise > maxNoise) report.unclear(words, `the plain server varied by ${Math.round(100 * noise)} %`);
  else report.claim(words, requests >= part.mustReach.requests);
  // CPU varies less than time, so it is judged on a busy machine as well.
  if (part.mustReach.cpu) report.claim(`at most ${part.mustReach.cpu} x the CPU`, cpu <= part.mustReach.cpu);
}

function describe(measured: readonly Measured[]): string {
  const rates = measured.map(({ perSecond }) => Math.round(perSecond));
  const cpu = percentile(
    measured.map(({ cpuMs }) => cpuMs),
    50,
  );
  const p50 = percentile(
    measured.map(({ p50Ms }) => p50Ms),
    50,
  );
  return `${Math.min(...rates)} to ${Math.max(...rates)}/s, ${Math.round(cpu * 1_000)} us of CPU a page, p50 ${p50.toFixed(1)} ms`;
}
