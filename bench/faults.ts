import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../simulator/random.ts';
import { createFleet, type Fleet, type Server } from '../test/support/fleet.ts';
import { allowAll } from '../test/support/pages.ts';
import type { Browser } from '../test/support/turntable.ts';
import { addTo, judge, pressedButtons, visitedPages } from '../test/support/visits.ts';
import type { Bench, Options } from './options.ts';
import { type RedisPair, startRedisPair } from './redis-pair.ts';
import { formatCounts, grouped } from './report.ts';
import { withScope } from './with-scope.ts';

/*
 * Mixed load on four processes while their Redis is suspended, killed or failed over, once a minute. Spotify rotates refresh tokens strictly
 * and access tokens last 70 seconds, so that every fault happens during refreshes. Every response must be correct (complete, and for the
 * right person) or an expected error.
 */
const processes = 4;
const people = 30;
const thinkMs = { min: 300, max: 900 };
/** Access tokens are refreshed a minute before they expire, so after ten seconds. */
const accessTokenSeconds = 70;
/** A person would have left by then. */
const responseDeadlineMs = 15_000;

export type Person = { name: string; browser: Browser };
export type Tally = {
  correct: number;
  errors: Map<string, number>;
  wrong: Map<string, number>;
  slowestMs: number;
};

export const bench: Bench = async (options) => {
  await withScope(async (scope, program) => {
    const redis = await startRedisPair(scope, program);
    const fleet = await createFleet(scope, {
      rotation: 'strict',
      redisUrl: redis.url,
      extraListeners: people,
      ticking: true,
      env: { LOG_LEVEL: 'warn', SPOTIFY_DAILY_CALLS: '1000000', SPOTIFY_DAILY_SEARCHES: '1000000' },
    });
    fleet.simulator.settings.accessTokenSeconds = accessTokenSeconds;
    await measure(fleet, redis, options);
  });
};

async function measure(fleet: Fleet, redis: RedisPair, { minutes, seed, report }: Options): Promise<void> {
  report.begin(
    `faults: ${minutes} minutes, ${people} people at ${processes} processes, seed "${seed}", Node ${process.version}`,
  );
  const servers = await fleet.startMany(processes);
  const pids = servers.map(({ child }) => child.pid);
  const memoryBefore = servers.map(residentMb);
  const crowd = await signInAll(fleet, servers, people);
  const tally: Tally = { correct: 0, errors: new Map(), wrong: new Map(), slowestMs: 0 };

  const until = performance.now() + minutes * 60_000;
  const random = createRandom(seed);
  const visits = crowd.map((person, index) =>
    roam(servers, person, createRandom(`${seed} ${index}`), () => performance.now() >= until, tally),
  );
  for (let minute = 0; minute < minutes; minute += 1) {
    const nextMinute = sleep(Math.max(0, until - performance.now() - (minutes - minute - 1) * 60_000));
    await sleep(random.between(5_000, 15_000));
    const fault = (['freeze', 'kill', 'failOver'] as const)[minute % 3] ?? 'freeze';
    report.progress(
      `minute ${minute + 1}: ${fault}; ${grouped(tally.correct)} correct, ${tally.wrong.size} kinds of wrong responses`,
    );
    await redis[fault](random.between(2_000, 9_000));
    await nextMinute;
  }
  await Promise.all(visits);
  report.progress('');

  const lost = await lostSignIns(servers, crowd);
  const alive = servers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  report.fact('correct responses', tally.correct);
  report.fact('expected errors', formatCounts(tally.errors));
  report.fact('other responses', formatCounts(tally.wrong));
  report.fact('slowest response', `${(tally.slowestMs / 1000).toFixed(1)} s`);
  report.fact(
    'token refreshes',
    fleet.simulator.calls.filter((one) => one.grantType === 'refresh_token').length,
  );
  report.fact('memory of each process before and after (MB)', `${memoryBefore} / ${servers.map(residentMb)}`);
  report.claim('every process is still the same', alive.length === pids.length);
  report.claim('no sign-in was lost', lost.length === 0);
  report.claim('every response was correct or an expected error', tally.wrong.size === 0);
  if (lost.length > 0) report.fact('signed out', lost.join(', '));
}

export async function signInAll(fleet: Fleet, servers: readonly Server[], people: number): Promise<Person[]> {
  const crowd: Person[] = [];
  for (const [index, { id, name }] of fleet.simulator.listeners.slice(-people).entries()) {
    const server = servers[index % servers.length] as Server;
    const browser = server.browser();
    await browser.signIn(id, allowAll);
    crowd.push({ name: name ?? id, browser });
  }
  return crowd;
}

/** Visits pages and presses buttons as one person, at random processes, until `isOver` returns true. */
export async function roam(
  servers: readonly Server[],
  { name, browser }: Person,
  random: Random,
  isOver: () => boolean,
  tally: Tally,
): Promise<void> {
  while (!isOver()) {
    const server = random.pick(servers);
    const isAction = random.percent(10);
    const path = isAction ? random.pick(pressedButtons) : random.pick(visitedPages);
    const startedAt = performance.now();
    const verdict = await Promise.race([
      server.visit(browser, path, isAction ? 'POST' : 'GET').then(
        (outcome) => judge(name, isAction, outcome),
        (error: NodeJS.ErrnoException) => ({ wrong: `no response (${error.code ?? error.name})` }),
      ),
      sleep(responseDeadlineMs, { wrong: `no response in ${responseDeadlineMs / 1000} s` }, { ref: false }),
    ]);
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedAt);
    if ('wrong' in verdict) addTo(tally.wrong, `${path} ${verdict.wrong}`);
    else if ('error' in verdict) addTo(tally.errors, verdict.error);
    else tally.correct += 1;
    await sleep(random.between(thinkMs.min, thinkMs.max));
  }
}

/** Returns the names of people who are signed out although their grant is valid at Spotify. */
export async function lostSignIns(servers: readonly Server[], crowd: readonly Person[]): Promise<string[]> {
  const statuses = await Promise.all(
    crowd.map(async ({ browser }, index) => {
      const server = servers[index % servers.length] as Server;
      let status = 0;
      for (let tries = 0; tries < 40 && status !== 200; tries += 1) {
        if (tries > 0) await sleep(500);
        ({ status } = await server.visit(browser).catch(() => ({ status: 0 })));
      }
      return status;
    }),
  );
  return crowd.flatMap(({ name }, index) =>
    statuses[index] === 200 ? [] : [`${name} (${statuses[index]})`],
  );
}

function residentMb({ child }: Server): number | 'ended' {
  if (child.exitCode !== null || child.signalCode !== null) return 'ended';
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
  return Math.round((pages * 4096) / 1024 / 1024);
}
