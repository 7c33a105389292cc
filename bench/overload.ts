import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from './load-generator.ts';
import { type Bench, isIncluded, type Options } from './options.ts';
import { type Site, type Visit, withSite } from './overload-site.ts';
import { counted, grouped } from './report.ts';
import { percentile } from './statistics.ts';

/*
 * Ten times the load that one server can handle: how many pages it still serves, how soon it refuses the others, and how soon it recovers.
 * Server, load, Redis and Spotify share the cores of this machine, so each figure is compared with a fitting load, measured right before and
 * right after.
 */
const spotifyMs = 80;
const deadlineMs = 2_000;
const clientSteps = [50, 100, 200, 400];
const fitSeconds = 4;
const overloadSeconds = 8;
const recoverySeconds = 4;
const times = 10;
const rounds = 3;
/** If the results of the fitting load vary by more than this, the machine is too busy to decide. */
const maxNoise = 0.25;
const minShare = 0.9;
const maxRefusalMs = 50;
const maxRecoveryMs = 5_000;
const maxAddedMemoryMb = 200;

export const bench: Bench = (options) =>
  withSite(spotifyMs, async (site) => {
    const clients = await findFit(options, site);
    for (const [part, respectsRetryAfter] of parts) {
      if (isIncluded(options, part)) await overload(options, site, { clients, respectsRetryAfter });
    }
  });

const parts = [
  ['waiting', true],
  ['retrying', false],
] as const;

/** The result of a load, with its timely pages per second, and per second of the server's CPU. */
type Run = LoadResult & { perSecond: number; perCpuSecond: number };

type Round = { fit: Run; overload: Run; recoveryMs: number; memoryMb: number };

/** Returns the number of clients beyond which the server doesn't serve more pages in time. */
async function findFit({ report }: Options, site: Site): Promise<number> {
  report.begin(
    `Playlist pages for signed-in listeners, with a Spotify that takes ${spotifyMs} ms, all on ${availableParallelism()} cores`,
  );
  // Warms up the just-in-time compiler.
  await run(site, { clients: 200, seconds: 3 * fitSeconds });
  const runs: [clients: number, run: Run][] = [];
  for (const clients of clientSteps) {
    const result = await run(site, { clients, seconds: fitSeconds });
    runs.push([clients, result]);
    report.fact(`${clients} clients`, `${Math.round(result.perSecond)}/s, ${duration(result.goodMs)}`);
  }
  const best = Math.max(...runs.map(([, { perSecond }]) => perSecond));
  const [fit = 0] = runs.find(([, { perSecond }]) => perSecond >= 0.9 * best) ?? [];
  report.fact('fitting load: fewest clients with at least 90 % of the best result', `${fit} clients`);
  return fit;
}

/** Runs rounds of the fitting load, the overload, and the fitting load again during the recovery. */
async function overload(
  { report }: Options,
  site: Site,
  { clients, respectsRetryAfter }: { clients: number; respectsRetryAfter: boolean },
): Promise<void> {
  const what = respectsRetryAfter ? 'that wait for Retry-After' : 'that retry at once';
  report.begin(`${rounds} times ${overloadSeconds} s of ${times * clients} clients ${what}`);
  const monitor = startMonitor(site);
  const all: Round[] = [];
  let memoryBefore = 0;
  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`round ${round} of ${rounds}`);
    const fit = await run(site, { clients, seconds: fitSeconds });
    memoryBefore ||= monitor.highestMemory();
    monitor.highestMemory();
    const load = { clients: times * clients, seconds: overloadSeconds, respectsRetryAfter };
    const overload = await run(site, load);
    const endedAt = performance.now();
    const memoryMb = monitor.highestMemory();
    await run(site, { clients, seconds: recoverySeconds });
    all.push({ fit, overload, recoveryMs: monitor.recoveryTime(endedAt), memoryMb });
  }
  await sleep(5_000);
  const memoryAfter = site.memory();
  const health = await monitor.stop();
  report.progress('');
  reportRounds(report, all, health);
  const memory = Math.max(...all.map(({ memoryMb }) => memoryMb));
  report.fact('memory before, highest during, after', [memoryBefore, memory, memoryAfter].map(mb).join(', '));
  judge(report, all, { respectsRetryAfter, health, addedMb: memory - memoryBefore });
}

function reportRounds(report: Options['report'], all: readonly Round[], health: readonly Visit[]): void {
  const each = (one: (round: Round) => string) => all.map(one).join(', ');
  const refusals = all.flatMap(({ overload }) => overload.refusedMs);
  report.fact(
    'timely pages, fitting load',
    each(({ fit }) => `${Math.round(fit.perSecond)}/s`),
  );
  report.fact(
    `timely pages, ${times} times the load`,
    each(({ overload }) => `${Math.round(overload.perSecond)}/s`),
  );
  report.fact(
    'share of the fitting load',
    each((round) => percent(shareOf(round))),
  );
  report.fact(
    'the same per CPU second',
    each((round) => percent(cpuShareOf(round))),
  );
  report.fact('duration of timely pages', duration(all.flatMap(({ overload }) => overload.goodMs)));
  report.fact(
    'late pages',
    each(({ overload }) => grouped(overload.late)),
  );
  report.fact('refused per second', Math.round(refusals.length / (rounds * overloadSeconds)));
  report.fact('refused after', duration(refusals));
  report.fact('neither a page nor a 503 with Retry-After', wrongResponses(all));
  const statuses = counted(health.map(({ status }) => status));
  report.fact('health checks during the overload', `${statuses}; ${duration(health.map(({ ms }) => ms))}`);
  report.fact(
    'recovered after',
    each(({ recoveryMs }) => `${Math.round(recoveryMs)} ms`),
  );
}

type Facts = { respectsRetryAfter: boolean; health: readonly Visit[]; addedMb: number };

function judge(
  report: Options['report'],
  all: readonly Round[],
  { respectsRetryAfter, health, addedMb }: Facts,
): void {
  const fits = all.map(({ fit }) => fit.perSecond);
  const noise = (Math.max(...fits) - Math.min(...fits)) / percentile(fits, 50);
  const claim = `at least ${percent(minShare)} of the fitting load (median of ${rounds})`;
  if (noise > maxNoise) report.unclear(claim, `the fitting load itself varies by ${percent(noise)}`);
  else report.claim(claim, percentile(all.map(shareOf), 50) >= minShare);

  // Clients that retry at once are delayed on purpose.
  const refusedMs = percentile(
    all.flatMap(({ overload }) => overload.refusedMs),
    50,
  );
  if (respectsRetryAfter)
    report.claim(`half of the refusals within ${maxRefusalMs} ms`, refusedMs <= maxRefusalMs);
  report.claim('every response a page or a 503 with Retry-After', wrongResponses(all) === 'none');
  const isHealthy = health.length > 0 && health.every(({ status }) => status === 200);
  report.claim('health checks always answered', isHealthy);
  const slowest = Math.max(...all.map(({ recoveryMs }) => recoveryMs));
  report.claim(`recovered within ${maxRecoveryMs / 1_000} s`, slowest <= maxRecoveryMs);
  report.claim(
    `less than ${maxAddedMemoryMb} MB more than with the fitting load`,
    addedMb < maxAddedMemoryMb,
  );
}

async function run(
  site: Site,
  {
    clients,
    seconds,
    respectsRetryAfter = true,
  }: { clients: number; seconds: number; respectsRetryAfter?: boolean },
): Promise<Run> {
  const cpu = site.cpu();
  const result = await site.run({ clients, seconds, respectsRetryAfter, deadlineMs });
  const good = result.goodMs.length;
  return { ...result, perSecond: good / seconds, perCpuSecond: good / (site.cpu() - cpu) };
}

const shareOf = ({ fit, overload }: Round): number => overload.perSecond / fit.perSecond;
const cpuShareOf = ({ fit, overload }: Round): number => overload.perCpuSecond / fit.perCpuSecond;

/** Visits a page and the health check repeatedly, and samples the memory, until stopped. */
function startMonitor(site: Site) {
  const pages: Visit[] = [];
  const health: Visit[] = [];
  let highest = 0;
  let stopped = false;
  const sampling = setInterval(() => {
    highest = Math.max(highest, site.memory());
  }, 100);
  const repeat = async (path: string, visits: Visit[]) => {
    while (!stopped) {
      visits.push(await site.visit(path));
      await sleep(50);
    }
  };
  const done = Promise.all([repeat('/playlists', pages), repeat('/healthz', health)]);

  return {
    /** Returns the highest memory since the last call, in MB. */
    highestMemory(): number {
      const value = highest;
      highest = 0;
      return value;
    },
    /** Returns the milliseconds from this moment until all pages are served in time; infinite if they aren't yet. */
    recoveryTime(moment: number): number {
      const since = pages.filter(({ at, ms }) => at + ms >= moment);
      const lastBad = since.findLastIndex(({ ms, status }) => status !== 200 || ms > deadlineMs);
      const first = since[lastBad + 1];
      return first ? Math.max(0, first.at + first.ms - moment) : Number.POSITIVE_INFINITY;
    },
    async stop(): Promise<readonly Visit[]> {
      stopped = true;
      clearInterval(sampling);
      await done;
      return health;
    },
  };
}

function duration(values: readonly number[]): string {
  if (values.length === 0) return 'none';
  const within = (part: number) => `${Math.round(percentile(values, part))} ms`;
  return `half within ${within(50)}, 95 % within ${within(95)}`;
}

function wrongResponses(all: readonly Round[]): string {
  const wrong = all.flatMap(({ overload }) => Object.entries(overload.wrong));
  return wrong.map(([what, count]) => `${grouped(count)} x ${what}`).join(', ') || 'none';
}

function mb(value: number): string {
  return `${Math.round(value)} MB`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
