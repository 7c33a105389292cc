import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Options } from './bench.ts';
import type { LoadResult } from './load-generator.ts';
import { type Site, type Visit, withSite } from './overload-site.ts';
import { counted, grouped, percentile } from './report.ts';

/*
 * Ten times the load that fits: how many pages are still served, how soon the others are refused, and how soon all is as before. Server, load,
 * Redis and Spotify share the cores of this machine, so each figure stands beside that of a load that fits, measured right before and right after.
 */
const spotifyMs = 80;
const deadlineMs = 2_000;
const clientSteps = [25, 50, 100, 200, 400];
const fitSeconds = 4;
const overloadSeconds = 8;
const times = 10;
const rounds = 3;
/** A load that fits differs from one run to the next by less than this part, or the machine is too busy for a share of 90 % to mean anything. */
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

type Kind = { clients: number; waitsAsTold: boolean };

/** The number of clients from which more would not be served more pages in time. */
async function findFit({ report }: Options, site: Site): Promise<number> {
  report.begin(
    `Pages of playlists for people who are signed in, with a Spotify that takes ${spotifyMs} ms, on ${availableParallelism()} cores for everything`,
  );
  // Until everything that is compiled on the way is.
  await site.run({ clients: 50, seconds: fitSeconds, waitsAsTold: true, deadlineMs });
  const goodputs: [clients: number, goodput: number][] = [];
  for (const clients of clientSteps) {
    const result = await site.run({ clients, seconds: fitSeconds, waitsAsTold: true, deadlineMs });
    goodputs.push([clients, perSecond(result, fitSeconds)]);
    report.fact(
      `${clients} clients`,
      `${perSecondText(perSecond(result, fitSeconds))}, ${times95(result.goodMs)}`,
    );
  }
  const best = Math.max(...goodputs.map(([, goodput]) => goodput));
  const [fit = 0] = goodputs.find(([, goodput]) => goodput >= 0.9 * best) ?? [];
  report.fact('the load that fits: the fewest that get nearly the most', `${fit} clients`);
  return fit;
}

/** Rounds of the load that fits and ten times as much, in turn. */
async function overload({ report }: Options, site: Site, { clients, waitsAsTold }: Kind): Promise<void> {
  const what = waitsAsTold ? 'that wait as Retry-After says' : 'that ask again at once';
  report.begin(`${rounds} times ${overloadSeconds} s of ${times * clients} clients ${what}`);
  const fit = { clients, seconds: fitSeconds, waitsAsTold, deadlineMs };
  const watch = startWatch(site);
  const fits = [perSecond(await site.run(fit), fitSeconds)];
  const memoryBefore = watch.highestMemory();
  const memories: number[] = [];
  const overloads: LoadResult[] = [];
  const recoveries: number[] = [];

  for (let round = 1; round <= rounds; round += 1) {
    report.progress(`round ${round} of ${rounds}`);
    watch.highestMemory();
    overloads.push(await site.run({ ...fit, clients: times * clients, seconds: overloadSeconds }));
    memories.push(watch.highestMemory());
    const endedAt = performance.now();
    fits.push(perSecond(await site.run(fit), fitSeconds));
    recoveries.push(watch.normalAgainAfter(endedAt));
  }
  await sleep(5_000);
  watch.highestMemory();
  await sleep(500);
  const memoryAfter = watch.highestMemory();
  const health = await watch.stop();
  report.progress('');

  const goodputs = overloads.map((result) => perSecond(result, overloadSeconds));
  const shares = goodputs.map(
    (goodput, index) => goodput / (((fits[index] ?? 0) + (fits[index + 1] ?? 0)) / 2),
  );
  const refusals = overloads.flatMap(({ refusedMs }) => refusedMs);
  report.fact('load that fits, before, between and after', fits.map(perSecondText).join(', '));
  report.fact(`${times} times as much`, goodputs.map(perSecondText).join(', '));
  report.fact('share of the load that fits', shares.map(percent).join(', '));
  report.fact('served too late', overloads.map(({ late }) => grouped(late)).join(', '));
  report.fact('refused per second', Math.round(refusals.length / (rounds * overloadSeconds)));
  report.fact('refused after', times95(refusals));
  report.fact('neither a page nor an honest 503', wrongs(overloads));
  report.fact(
    'health checks meanwhile',
    `${counted(health.map(({ status }) => status))}; ${times95(health.map(({ ms }) => ms))}`,
  );
  report.fact('normal again after', recoveries.map(ms).join(', '));
  report.fact(
    'memory before, at most during, after',
    [memoryBefore, Math.max(...memories), memoryAfter].map(mb).join(', '),
  );

  const noise = (Math.max(...fits) - Math.min(...fits)) / percentile(fits, 50);
  const share = percentile(shares, 50);
  const claim = `at least ${percent(leastShare)} of the load that fits (median of ${rounds})`;
  if (noise > mostNoise) report.unclear(claim, `the load that fits varies by ${percent(noise)} itself`);
  else report.claim(claim, share >= leastShare);
  // Those that ask again at once are made to wait, so that refusing them does not take all the CPU.
  if (waitsAsTold)
    report.claim(
      `half of the refusals within ${mostRefusalMs} ms`,
      percentile(refusals, 50) <= mostRefusalMs,
    );
  report.claim('every answer a page or an honest 503', wrongs(overloads) === 'none');
  report.claim(
    'health checks always answered',
    health.length > 0 && health.every(({ status }) => status === 200),
  );
  report.claim(`normal again within ${mostRecoveryMs / 1_000} s`, Math.max(...recoveries) <= mostRecoveryMs);
  report.claim(
    `less than ${mostMemoryMb} MB above the load that fits`,
    Math.max(...memories) - memoryBefore < mostMemoryMb,
  );
}

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

function perSecond({ goodMs }: LoadResult, seconds: number): number {
  return goodMs.length / seconds;
}

function perSecondText(value: number): string {
  return `${Math.round(value)}/s`;
}

function times95(values: readonly number[]): string {
  if (values.length === 0) return 'none';
  return `half within ${ms(percentile(values, 50))}, 95 % within ${ms(percentile(values, 95))}`;
}

function wrongs(results: readonly LoadResult[]): string {
  const all = results.flatMap(({ wrong }) => Object.entries(wrong));
  return all.map(([what, count]) => `${grouped(count)} x ${what}`).join(', ') || 'none';
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

function mb(value: number): string {
  return `${Math.round(value)} MB`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
