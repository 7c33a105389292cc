import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as ask } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Rotation, startSimulator } from '../../simulator/simulator.ts';
import { type Timing, timing as usualTiming } from '../../src/access/timing.ts';
import { freePort } from '../../src/redis/local-server.ts';
import { createClock } from './clock.ts';
import type { Ends } from './ends.ts';
import { connectAsServer, redisPlace } from './redis.ts';
import { slowRedis } from './slow-redis.ts';
import { slowSpotify } from './slow-spotify.ts';
import { type Browser, clientId, clientSecret, createBrowser, keysIn } from './turntable.ts';

/** What a server process is given in the variable SERVER, and what it is told later. */
export type ServerOptions = {
  env: Record<string, string>;
  timing: Timing;
  startAt: number;
  ticking: boolean;
};
export type CallResult = { advanceMs: number };
/** What it says once it listens. */
export type Ready = { port: number };

export type FleetOptions = {
  rotation?: Rotation;
  timing?: Partial<Timing>;
  /** A Redis of one's own; a place in the shared one where not given. */
  redisUrl?: string;
  env?: Record<string, string>;
  /** Listeners beside the three. */
  extraListeners?: number;
  /** Whether the clock moves by itself as well. */
  ticking?: boolean;
};

export type Fleet = Awaited<ReturnType<typeof createFleet>>;
export type Server = Awaited<ReturnType<Fleet['start']>>;

/** How one page, or another request, came out. */
export type Outcome = {
  status: number;
  text: string;
  headers: Record<string, string | string[] | undefined>;
};

/**
 * Room for server processes that share one address, one Redis, one simulator and one clock. Each is a real process, reached at
 * a port of its own; cookies made at one are good at all.
 */
export async function createFleet(t: Ends, options: FleetOptions = {}) {
  const { rotation = 'strict', extraListeners = 0, ticking = false } = options;
  const clock = createClock(Date.now(), { ticking });
  const timing: Timing = { ...usualTiming, ...options.timing };
  const redisUrl = options.redisUrl ?? (await redisPlace());
  const simulator = await startSimulator({ clientId, clientSecret, now: clock.now, extraListeners });
  t.after(() => simulator.close());
  simulator.settings.rotation = rotation;
  const spotify = await slowSpotify(t, simulator);
  // The address that browsers are told. Nobody need listen there: each server is asked at its own port.
  const baseUrl = `http://127.0.0.1:${await freePort()}`;
  simulator.registerRedirectUri(`${baseUrl}/callback`);
  const redis = connectAsServer(redisUrl);
  // A test may stop its Redis; what it asks then waits until there is one again.
  redis.on('error', () => undefined);
  t.after(() => redis.disconnect());
  const servers = new Set<ChildProcess>();

  /** Starts one more server, straight at Redis or by a way of its own that can be held up; with other deadlines if given. */
  async function start(how: { heldUp?: boolean; timing?: Partial<Timing> } = {}) {
    const line = how.heldUp ? await slowRedis(t, redisUrl) : null;
    const { child, said } = startServer(t, {
      env: {
        BASE_URL: baseUrl,
        REDIS_URL: line?.url ?? redisUrl,
        SPOTIFY_CLIENT_ID: clientId,
        SPOTIFY_CLIENT_SECRET: clientSecret,
        SPOTIFY_ACCOUNTS_URL: spotify.accountsUrl,
        SPOTIFY_API_URL: simulator.apiUrl,
        LOG_LEVEL: 'info',
        ...options.env,
      },
      timing: { ...timing, ...how.timing },
      startAt: clock.now(),
      ticking,
    });
    servers.add(child);
    child.once('exit', () => servers.delete(child));
    const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [null])]);
    if (ready === null) throw new Error(`A server did not start:\n${said()}`);
    const { port } = ready as Ready;
    const url = `http://127.0.0.1:${port}`;

    return {
      url,
      /** What it takes for its own address, as browsers send it. */
      host: new URL(baseUrl).host,
      child,
      said,
      /** Its way to Redis; only where it was started to be held up. */
      get redis() {
        if (!line) throw new Error('This server goes straight to Redis');
        return line;
      },
      browser: () => createBrowser(url, simulator, baseUrl),
      /** One request with these cookies; rejects where the server dies before it has answered. */
      visit: (person: Pick<Browser, 'cookieHeader'>, path = '/now-playing', method = 'GET') =>
        visit(url + path, method, person.cookieHeader(), baseUrl),
      pause: () => child.kill('SIGSTOP'),
      goOn: () => child.kill('SIGCONT'),
      async kill(): Promise<void> {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      },
    };
  }

  return {
    baseUrl,
    clock,
    timing,
    simulator,
    spotify,
    redis,
    redisUrl,
    start,
    /** Starts so many at once. */
    startMany: (count: number) => Promise.all(Array.from({ length: count }, () => start())),
    /** Moves the clock of the simulator and of every server that runs. */
    async advance(by: Parameters<typeof clock.advance>[0]): Promise<void> {
      const before = clock.now();
      clock.advance(by);
      const told: CallResult = { advanceMs: clock.now() - before };
      await Promise.all(
        [...servers].map(async (child) => {
          const done = once(child, 'message');
          child.send(told);
          await done;
        }),
      );
    },
    /** The names of the keys in Redis, without the marks of sign-ins that are over and the counts of calls and requests. */
    async keys(): Promise<string[]> {
      return (await keysIn(redisUrl)).filter((key) => !/^(used|calls|limit):/.test(key));
    },
    /** Removes every key, and nothing of anybody else's. */
    async clear(): Promise<void> {
      const all = await keysIn(redisUrl);
      if (all.length > 0) await redis.del(...all);
    },
    /** Frees the locks of refreshes, as their leases would in time. A lock that would outlast its lease fails the test. */
    async endLeases(): Promise<void> {
      for (const key of (await keysIn(redisUrl)).filter((one) => one.startsWith('lock:'))) {
        const left = await redis.pttl(key);
        assert.ok(left === -2 || (left >= 0 && left <= timing.leaseMs), `${key} ends in ${left} ms`);
        await redis.del(key);
      }
    },
    /** The keys in Redis that would stand there for ever. */
    async everlasting(): Promise<string[]> {
      const all = await keysIn(redisUrl);
      const lives = await Promise.all(all.map((key) => redis.pttl(key)));
      return all.filter((_, index) => lives[index] === -1);
    },
  };
}

/** One server process, ended with the test at the latest. */
function startServer(t: Ends, options: ServerOptions) {
  const child = fork(join(import.meta.dirname, 'server.ts'), {
    env: { PATH: process.env.PATH ?? '', SERVER: JSON.stringify(options) },
    execArgv: [`--import=${join(import.meta.dirname, 'loopback-only.ts')}`],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let said = '';
  child.stdout?.on('data', (chunk) => (said += chunk));
  child.stderr?.on('data', (chunk) => (said += chunk));
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  return { child, said: () => said };
}

// Not fetch: it sends `Sec-Fetch-…` headers of its own, and keeps connections to servers that have died.
// Connections are given up well before a server closes them: one that is closed just when it is used again would be an error.
const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: 1_000 });

/** One request with these cookies, as behind a proxy at `baseUrl`; rejects where the server dies before it has answered. */
export function visit(url: string, method = 'GET', Cookie = '', baseUrl = url): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const { host: Host } = new URL(baseUrl);
    const headers = { Host, Cookie, Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin' };
    const sent = ask(url, { method, headers, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (text += chunk));
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    sent.once('error', reject);
    sent.end();
  });
}

/** The cookies that an answer sets and that are not over already. Max-Age counts before Expires (RFC 6265, section 5.3). */
export function cookiesSetBy({ headers }: Outcome): string {
  const standing = [headers['set-cookie'] ?? []].flat().filter((cookie) => {
    const [, age] = /; Max-Age=(-?\d+)/.exec(cookie) ?? [];
    const [, end] = /; Expires=([^;]+)/.exec(cookie) ?? [];
    return age === undefined ? end === undefined || Date.parse(end) > Date.now() : Number(age) > 0;
  });
  return standing.map((cookie) => cookie.split(';')[0]).join('; ');
}

/** What a person sees who tries again when Redis did not answer: a connection to it was cut, or one command was held up. */
export function seen(server: Server, person: Pick<Browser, 'cookieHeader'>, path?: string): Promise<Outcome> {
  return withRedis(() => server.visit(person, path));
}

/** Tries again while Redis does not answer. */
export async function withRedis(visit: () => Promise<Outcome>): Promise<Outcome> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await visit();
    if (outcome.status !== 503 || tries === 100) return outcome;
    await sleep(100);
  }
}

/** Waits until something is so, for longer than even a busy machine takes: a test that waits in vain fails, and its file ends. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 120_000;
  while (!(await what())) {
    if (performance.now() > giveUpAt) throw new Error(`Not so after two minutes: ${what}`);
    await sleep(5);
  }
}
