import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom, type Random } from '../simulator/random.ts';
import { redisOnPath } from '../src/redis/local-server.ts';
import { createEnds } from '../test/support/ends.ts';
import { createFleet, type Fleet, type Server } from '../test/support/fleet.ts';
import { allowAll } from '../test/support/pages.ts';
import type { Browser } from '../test/support/turntable.ts';
import type { Bench, Options } from './options.ts';
import { type RedisPair, startRedisPair } from './redis-pair.ts';
import { counted, grouped } from './report.ts';

/*
 * Mixed load on four processes while their Redis is frozen, killed and failed over, one of these a minute. Spotify rotates refresh
 * tokens strictly and its access tokens last 70 seconds, so that refreshes are under way at every fault. Every answer must be
 * right (whole, and of the person who asked) or an honest error.
 */
const processes = 4;
const people = 30;
const thinkMs = { least: 300, most: 900 };
/** Access tokens are refreshed a minute before they expire: these are due after ten seconds. */
const accessTokenSeconds = 70;
/** A person who gets no answer for this long would have left. */
const answerWithinMs = 15_000;

type Person = { name: string; browser: Browser };
type Tally = { right: number; errors: Map<string, number>; wrong: Map<string, number>; slowestMs: number };

export const bench: Bench = async (options) => {
  const ends = createEnds();
  const interrupted = () => ends.end().finally(() => process.exit(1));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  try {
    const program = redisOnPath(process.env);
    if (program === null) throw new Error('There is no redis-server on the PATH');
    const redis = await startRedisPair(ends, program);
    const fleet = await createFleet(ends, {
      rotation: 'strict',
      redisUrl: redis.url,
      extraListeners: people,
      ticking: true,
      env: { LOG_LEVEL: 'warn', SPOTIFY_DAILY_CALLS: '1000000', SPOTIFY_DAILY_SEARCHES: '1000000' },
    });
    fleet.simulator.settings.accessTokenSeconds = accessTokenSeconds;
    await measure(fleet, redis, options);
  } finally {
    await ends.end();
  }
};

async function measure(fleet: Fleet, redis: RedisPair, { minutes, seed, report }: Options): Promise<void> {
  report.begin(
    `faults: ${minutes} minutes, ${people} people at ${processes} processes, seed "${seed}", Node ${process.version}`,
  );
  const servers = await fleet.startMany(processes);
  const pids = servers.map(({ child }) => child.pid);
  const memoryBefore = servers.map(residentMb);
  const crowd = await signInAll(fleet, servers);
  const tally: Tally = { right: 0, errors: new Map(), wrong: new Map(), slowestMs: 0 };

  const until = performance.now() + minutes * 60_000;
  const random = createRandom(seed);
  const visits = crowd.map((person, index) =>
    roam(servers, person, createRandom(`${seed} ${index}`), until, tally),
  );
  for (let minute = 0; minute < minutes; minute += 1) {
    const nextMinute = sleep(Math.max(0, until - performance.now() - (minutes - minute - 1) * 60_000));
    await sleep(random.between(5_000, 15_000));
    const fault = (['freeze', 'kill', 'failOver'] as const)[minute % 3] ?? 'freeze';
    report.progress(
      `minute ${minute + 1}: ${fault}; ${grouped(tally.right)} right, ${tally.wrong.size} kinds of wrong`,
    );
    await redis[fault](random.between(2_000, 9_000));
    await nextMinute;
  }
  await Promise.all(visits);
  report.progress('');

  const lost = await lostSignIns(servers, crowd);
  const alive = servers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  report.fact('right answers', tally.right);
  report.fact('honest errors', list(tally.errors));
  report.fact('answers neither right nor an honest error', list(tally.wrong));
  report.fact('slowest answer', `${(tally.slowestMs / 1000).toFixed(1)} s`);
  report.fact(
    'token refreshes',
    fleet.simulator.calls.filter((one) => one.grantType === 'refresh_token').length,
  );
  report.fact(
    'memory of each process, before and after (MB)',
    `${memoryBefore} / ${servers.map(residentMb)}`,
  );
  report.claim('the same processes run as at the start', alive.length === pids.length);
  report.claim('no sign-in was lost', lost.length === 0);
  report.claim('no answer was neither right nor an honest error', tally.wrong.size === 0);
  if (lost.length > 0) report.fact('signed out', lost.join(', '));
}

async function signInAll(fleet: Fleet, servers: readonly Server[]): Promise<Person[]> {
  const crowd: Person[] = [];
  for (const [index, { id, name }] of fleet.simulator.listeners.slice(-people).entries()) {
    const server = servers[index % servers.length] as Server;
    const browser = server.browser();
    await browser.signIn(id, allowAll);
    crowd.push({ name: name ?? id, browser });
  }
  return crowd;
}

const pages = [
  '/now-playing',
  '/now-playing',
  '/playlists',
  '/library',
  '/library/recent',
  '/account',
  '/search?q=a',
];

/** One person who visits pages and presses buttons, each time at some process, until the time is up. */
async function roam(
  servers: readonly Server[],
  { name, browser }: Person,
  random: Random,
  until: number,
  tally: Tally,
): Promise<void> {
  while (performance.now() < until) {
    const server = random.pick(servers);
    const presses = random.percent(10);
    const path = presses
      ? random.pick(['/player/pause', '/player/play', '/player/next'])
      : random.pick(pages);
    const began = performance.now();
    const verdict = await Promise.race([
      server.visit(browser, path, presses ? 'POST' : 'GET').then(
        (outcome) => judge(name, presses, outcome),
        (error: NodeJS.ErrnoException) => ({ wrong: `no answer (${error.code ?? error.name})` }),
      ),
      sleep(answerWithinMs, { wrong: `no answer in ${answerWithinMs / 1000} s` }, { ref: false }),
    ]);
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - began);
    if ('wrong' in verdict) add(tally.wrong, `${path} ${verdict.wrong}`);
    else if ('error' in verdict) add(tally.errors, verdict.error);
    else tally.right += 1;
    await sleep(random.between(thinkMs.least, thinkMs.most));
  }
}

type Answer = { status: number; text: string; headers: Record<string, string | string[] | undefined> };
type Verdict = { right: true } | { error: string } | { wrong: string };

/** An error is honest if it is one of ours that passes, and the page that says so is whole. */
function judge(name: string, presses: boolean, { status, text, headers }: Answer): Verdict {
  const whole = text.trimEnd().endsWith('</html>');
  if ([429, 502, 503].includes(status))
    return whole ? { error: String(status) } : { wrong: `${status}, cut off` };
  if (presses) {
    const to = String(headers.location ?? '');
    const refused = [403, 404].includes(status) && whole;
    return (status === 303 && !to.startsWith('/login')) || refused
      ? { right: true }
      : { wrong: `${status} ${to}` };
  }
  if (status !== 200) return { wrong: `${status} ${headers.location ?? ''}` };
  if (!whole) return { wrong: '200, cut off' };
  const names = [...text.matchAll(/<bdi>(Guest\d+)<\/bdi>/g)].map(([, found]) => found);
  return names.length > 0 && names.every((found) => found === name)
    ? { right: true }
    : { wrong: `200, of ${names}` };
}

/** Who is signed out although Spotify honours their sign-in. */
async function lostSignIns(servers: readonly Server[], crowd: readonly Person[]): Promise<string[]> {
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

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function list(counts: ReadonlyMap<string, number>): string {
  return counted([...counts].flatMap(([key, count]) => Array<string>(count).fill(key)));
}

function residentMb({ child }: Server): number | 'ended' {
  if (child.exitCode !== null || child.signalCode !== null) return 'ended';
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
  return Math.round((pages * 4096) / 1024 / 1024);
}
