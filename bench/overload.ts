import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from './load-generator.ts';
import type { Bench, Options } from './options.ts';
import { type Site, type Visit, withSite } from './overload-site.ts';
import { counted, grouped, percentile } from './report.ts';

/*
 * Ten times the load that fits: how many pages are still served, how soon the others are refused, and how soon all is as before. Server, load,
 * Redis and Spotify share the cores of this machine, so each figure stands beside that of a load that fits, measured right before and right after.
 */
const spotifyMs = 80;
const deadlineMs = 2_000;
const clientSteps = [50, 100, 200, 400];
const fitSeconds = 4;
const overloadSeconds = 8;
const recoverySeconds = 4;
const times = 10;
const rounds = 3;
/** If the load that fits itself differs by more than this from one run to the next, the machine is too busy with something else to tell. */
const mostNoise = 0.25;
const leastShare = 0.9;
const mostRefusalMs = 50;
const mostRecoveryMs = 5_000;
const mostMemoryMb = 200;

export const bench: Bench = (options) =>
  withSite(spotifyMs, async (site) => {
    const clients = await findFit(options, site);
    for (const [part, waitsAsTold] of parts) {
      if (options.only === undefined || options.only === part)
        await overload(options, site, { clients, waitsAsTold });
    }
  });

const parts = [
  ['waiting', true],
  ['insisting', false],
] as const;

/** What a load came to: pages in time per second, and per second of the server's CPU. */
type Run = LoadResult & { perSecond: number; perCpuSecond: number };

type Round = { fit: Run; overload: Run; recoveryMs: number; memoryMb: number };

/** The number of clients from which more would not be served more pages in time. */
async function findFit({ report }: Options, site: Site): Promise<number> {
  report.begin(
    `Pages of playlists for people who are signed in, with a Spotify that takes ${spotifyMs} ms, on ${availableParallelism()} cores for everything`,
  );
  // Until everything that is compiled on the way is.
  await run(site, { clients: 200, seconds: 3 * fitSeconds });
  const runs: [clients: number, run: Run][] = [];
  for (const clients of clientSteps) {
    const result = await run(site, { clients, seconds: fitSeconds });
    runs.push([clients, result]);
    report.fact(`${clients} clients`, `${Math.round(result.perSecond)}/s, ${duration(result.goodMs)}`);
  }
  const best = Math.max(...runs.map(([, { perSecond }]) => perSecond));
  const [fit = 0] = runs.find(([, { perSecond }]) => perSecond >= 0.9 * best) ?? [];
  report.fact('the load that fits: the fewest that get nearly the most', `${fit} clients`);
  return fit;
}

/** Rounds of the load that fits, ten times as much, and the load that fits once more until all is normal. */
async function overload(
  { report }: Options,
  site: Site,
  { clients, waitsAsTold }: { clients: number; waitsAsTold: boolean },
): Promise<void> {
  const what = waitsAsTold ? 'that wait as Retry-After says' : 'that ask again at once';
  report.begin(`${rounds} times ${overloadSeconds} s of ${times * clients} clients ${what}`);
  const watch = startWatch(site);
  const all: Round[] = [];
  let memoryBefore = 0;
  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`round ${round} of ${rounds}`);
    const fit = await run(site, { clients, seconds: fitSeconds });
    memoryBefore ||= watch.highestMemory();
    watch.highestMemory();
    const many = { clients: times * clients, seconds: overloadSeconds, waitsAsTold };
    const overload = await run(site, many);
    const endedAt = performance.now();
    const memoryMb = watch.highestMemory();
    await run(site, { clients, seconds: recoverySeconds });
    all.push({ fit, overload, recoveryMs: watch.normalAgainAfter(endedAt), memoryMb });
  }
  await sleep(5_000);
  const memoryAfter = site.memory();
  const health = await watch.stop();
  report.progress('');
  tell(report, all, health);
  const memory = Math.max(...all.map(({ memoryMb }) => memoryMb));
  report.fact('memory before, at most during, after', [memoryBefore, memory, memoryAfter].map(mb).join(', '));
  judge(report, all, { waitsAsTold, health, addedMb: memory - memoryBefore });
}

function tell(report: Options['report'], all: readonly Round[], health: readonly Visit[]): void {
  const each = (one: (round: Round) => string) => all.map(one).join(', ');
  const refusals = all.flatMap(({ overload }) => overload.refusedMs);
  report.fact(
    'pages in time, load that fits',
    each(({ fit }) => `${Math.round(fit.perSecond)}/s`),
  );
  report.fact(
    `pages in time, ${times} times as much`,
    each(({ overload }) => `${Math.round(overload.perSecond)}/s`),
  );
  report.fact(
    'share of the load that fits',
    each((round) => percent(shareOf(round))),
  );
  report.fact(
    'the same for each second of CPU',
    each((round) => percent(cpuShareOf(round))),
  );
  report.fact('how long they took', duration(all.flatMap(({ overload }) => overload.goodMs)));
  report.fact(
    'pages too late',
    each(({ overload }) => grouped(overload.late)),
  );
  report.fact('refused per second', Math.round(refusals.length / (rounds * overloadSeconds)));
  report.fact('refused after', duration(refusals));
  report.fact('neither a page nor an honest 503', wrongs(all));
  const statuses = counted(health.map(({ status }) => status));
  report.fact('health checks meanwhile', `${statuses}; ${duration(health.map(({ ms }) => ms))}`);
  report.fact(
    'normal again after',
    each(({ recoveryMs }) => `${Math.round(recoveryMs)} ms`),
  );
}

type Facts = { waitsAsTold: boolean; health: readonly Visit[]; addedMb: number };

function judge(
  report: Options['report'],
  all: readonly Round[],
  { waitsAsTold, health, addedMb }: Facts,
): void {
  const fits = all.map(({ fit }) => fit.perSecond);
  const noise = (Math.max(...fits) - Math.min(...fits)) / percentile(fits, 50);
  const claim = `at least ${percent(leastShare)} of the load that fits (median of ${rounds})`;
  if (noise > mostNoise) report.unclear(claim, `the load that fits varies by ${percent(noise)} itself`);
  else report.claim(claim, percentile(all.map(shareOf), 50) >= leastShare);

  // Those that ask again at once are made to wait.
  const refusedMs = percentile(
    all.flatMap(({ overload }) => overload.refusedMs),
    50,
  );
  if (waitsAsTold)
    report.claim(`half of the refusals within ${mostRefusalMs} ms`, refusedMs <= mostRefusalMs);
  report.claim('every answer a page or an honest 503', wrongs(all) === 'none');
  const isHealthy = health.length > 0 && health.every(({ status }) => status === 200);
  report.claim('health checks always answered', isHealthy);
  const slowest = Math.max(...all.map(({ recoveryMs }) => recoveryMs));
  report.claim(`normal again within ${mostRecoveryMs / 1_000} s`, slowest <= mostRecoveryMs);
  report.claim(`less than ${mostMemoryMb} MB above the load that fits`, addedMb < mostMemoryMb);
}

async function run(
  site: Site,
  { clients, seconds, waitsAsTold = true }: { clients: number; seconds: number; waitsAsTold?: boolean },
): Promise<Run> {
  const cpu = site.cpu();
  const result = await site.run({ clients, seconds, waitsAsTold, deadlineMs });
  const good = result.goodMs.length;
  return { ...result, perSecond: good / seconds, perCpuSecond: good / (site.cpu() - cpu) };
}

const shareOf = ({ fit, overload }: Round): number => overload.perSecond / fit.perSecond;
const cpuShareOf = ({ fit, overload }: Round): number => overload.perCpuSecond / fit.perCpuSecond;

/** Visits a page and the health check, one after the other, and looks at the memory, until stopped. */
function startWatch(site: Site) {
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
    /** The most memory since this was asked last, in MB. */
    highestMemory(): number {
      const value = highest;
      highest = 0;
      return value;
    },
    /** Milliseconds from this moment until pages are served in time, and go on to be; infinite if they are not yet. */
    normalAgainAfter(moment: number): number {
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

function wrongs(all: readonly Round[]): string {
  const wrong = all.flatMap(({ overload }) => Object.entries(overload.wrong));
  return wrong.map(([what, count]) => `${grouped(count)} x ${what}`).join(', ') || 'none';
}

function mb(value: number): string {
  return `${Math.round(value)} MB`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
