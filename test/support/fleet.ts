import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Rotation, startSimulator } from '../../simulator/simulator.ts';
import { type Timing, timing as usualTiming } from '../../src/access/timing.ts';
import { freePort } from '../../src/redis/local-server.ts';
import { startAccountsProxy } from './accounts-proxy.ts';
import type { CleanupScope } from './cleanup.ts';
import { createClock } from './clock.ts';
import { processEnv } from './process.ts';
import { connectAsServer, testRedisUrl } from './redis.ts';
import { startRedisProxy } from './redis-proxy.ts';
import { type Browser, clientId, clientSecret, createBrowser, keyNames } from './turntable.ts';

/** The options of a server process, in the variable SERVER. */
export type ServerOptions = {
  env: Record<string, string>;
  timing: Timing;
  startAt: number;
  ticking: boolean;
  /** Any free one if absent. */
  port?: number | undefined;
  beginMs?: number | undefined;
};
/** Sent to a server process to move its clock. */
export type AdvanceMessage = { advanceMs: number };
/** Sent by a server process when it listens. */
export type ReadyMessage = { port: number };

export type FleetOptions = {
  rotation?: Rotation;
  timing?: Partial<Timing>;
  /** A prefix in the shared Redis if absent. */
  redisUrl?: string;
  env?: Record<string, string>;
  /** Listeners in addition to the three. */
  extraListeners?: number;
  /** Whether the clock also moves with real time. */
  ticking?: boolean;
  /** Modules that each server process loads first. */
  imports?: readonly string[];
  /** How long a server that stops may begin work, in milliseconds. */
  beginMs?: number | undefined;
};

export type Fleet = Awaited<ReturnType<typeof createFleet>>;
export type Server = Awaited<ReturnType<Fleet['start']>>;

export type Outcome = {
  status: number;
  text: string;
  headers: Record<string, string | string[] | undefined>;
};

/**
 * Starts server processes that share an address, a Redis, a simulator and a clock. Each is a real process with its own port; a cookie from
 * one is valid at all of them.
 */
export async function createFleet(t: CleanupScope, options: FleetOptions = {}) {
  const { rotation = 'strict', extraListeners = 0, ticking = false, imports = [] } = options;
  const clock = createClock(Date.now(), { ticking });
  const timing: Timing = { ...usualTiming, ...options.timing };
  const redisUrl = options.redisUrl ?? (await testRedisUrl());
  const simulator = await startSimulator({ clientId, clientSecret, now: clock.now, extraListeners });
  t.after(() => simulator.close());
  simulator.settings.rotation = rotation;
  const spotify = await startAccountsProxy(t, simulator);
  // The address that servers use in their responses. Nothing listens there: the tests send requests to each server's own port.
  const baseUrl = `http://127.0.0.1:${await freePort()}`;
  simulator.registerRedirectUri(`${baseUrl}/callback`);
  const redis = connectAsServer(redisUrl);
  // A test can stop its Redis; commands wait until it is back.
  redis.on('error', () => undefined);
  t.after(() => redis.disconnect());
  const servers = new Set<ChildProcess>();

  /** Starts another server, optionally with its own Redis proxy, other deadlines, and a fixed port. */
  async function start(how: { viaRedisProxy?: boolean; timing?: Partial<Timing>; port?: number } = {}) {
    const redisProxy = how.viaRedisProxy ? await startRedisProxy(t, redisUrl) : null;
    const { child, output } = startServer(t, {
      env: {
        BASE_URL: baseUrl,
        REDIS_URL: redisProxy?.url ?? redisUrl,
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
      imports,
      port: how.port,
      beginMs: options.beginMs,
    });
    servers.add(child);
    child.once('exit', () => servers.delete(child));
    const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [null])]);
    if (ready === null) throw new Error(`A server didn’t start:\n${output()}`);
    const { port } = ready as ReadyMessage;
    const url = `http://127.0.0.1:${port}`;

    return {
      url,
      /** The host in the servers' shared address. */
      host: new URL(baseUrl).host,
      child,
      output,
      /** The server's Redis proxy. Throws if it has none. */
      get redis() {
        if (!redisProxy) throw new Error('This server has no Redis proxy');
        return redisProxy;
      },
      browser: () => createBrowser(url, simulator, baseUrl),
      /** Sends a request with these cookies. Rejects if the server dies before it has answered. */
      visit: (person: Pick<Browser, 'cookieHeader'>, path = '/now-playing', method = 'GET') =>
        visit(url + path, method, person.cookieHeader(), baseUrl),
      pause: () => child.kill('SIGSTOP'),
      resume: () => child.kill('SIGCONT'),
      async kill(): Promise<void> {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
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
    startMany: (count: number) => Promise.all(Array.from({ length: count }, () => start())),
    /** Moves the clock of the simulator and of every running server. */
    async advance(by: Parameters<typeof clock.advance>[0]): Promise<void> {
      const before = clock.now();
      clock.advance(by);
      const message: AdvanceMessage = { advanceMs: clock.now() - before };
      await Promise.all(
        [...servers].map(async (child) => {
          const done = once(child, 'message');
          child.send(message);
          await done;
        }),
      );
    },
    /** Returns the names of the keys in Redis, except for used states and counters, which remain until they expire. */
    async keys(): Promise<string[]> {
      return (await keyNames(redisUrl)).filter((key) => !/^(used-state|calls|ledger|limit):/.test(key));
    },
    /** Removes every key with this fleet's prefix. */
    async clear(): Promise<void> {
      const all = await keyNames(redisUrl);
      if (all.length > 0) await redis.del(...all);
    },
    /** Releases the locks of refreshes, as the end of their leases would. Fails the test if a lock would outlast its lease. */
    async releaseLocks(): Promise<void> {
      for (const key of (await keyNames(redisUrl)).filter((one) => one.startsWith('lock:'))) {
        const left = await redis.pttl(key);
        assert.ok(left === -2 || (left >= 0 && left <= timing.leaseMs), `${key} expires in ${left} ms`);
        await redis.del(key);
      }
    },
    async keysWithoutTtl(): Promise<string[]> {
      const all = await keyNames(redisUrl);
      const ttls = await Promise.all(all.map((key) => redis.pttl(key)));
      return all.filter((_, index) => ttls[index] === -1);
    },
  };
}

/** Starts a server process, until the scope ends at the latest. */
function startServer(
  t: CleanupScope,
  { imports, ...options }: ServerOptions & { imports: readonly string[] },
) {
  const modules = [join(import.meta.dirname, 'loopback-only.ts'), ...imports];
  const child = fork(join(import.meta.dirname, 'server.ts'), {
    env: { ...processEnv, SERVER: JSON.stringify(options) },
    // As the server is started elsewhere: see "Memory" in docs/decisions/2026-11-28-exports.md.
    execArgv: ['--max-semi-space-size=4', ...modules.map((module) => `--import=${module}`)],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  return { child, output: () => output };
}

// Not fetch(): it sets `Sec-Fetch-…` headers itself, and keeps connections to servers that have died. Idle connections are closed well
// before a server closes them, because a request on a connection that is just being closed fails.
const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: 1_000 });

/** Sends a request with these cookies, as through a proxy at `baseUrl`. Rejects if the server dies before it has answered. */
export function visit(url: string, method = 'GET', Cookie = '', baseUrl = url): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const { host: Host } = new URL(baseUrl);
    const headers = { Host, Cookie, Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin' };
    const req = request(url, { method, headers, agent }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk) => (text += chunk));
      res.once('error', reject);
      res.once('end', () => resolve({ status: res.statusCode ?? 0, text, headers: res.headers }));
    });
    req.once('error', reject);
    req.end();
  });
}

/** Returns the unexpired cookies that a response sets. Max-Age takes precedence over Expires (RFC 6265, section 5.3). */
export function cookiesSetBy({ headers }: Outcome): string {
  const unexpired = [headers['set-cookie'] ?? []].flat().filter((cookie) => {
    const [, maxAge] = /; Max-Age=(-?\d+)/.exec(cookie) ?? [];
    const [, expires] = /; Expires=([^;]+)/.exec(cookie) ?? [];
    return maxAge === undefined
      ? expires === undefined || Date.parse(expires) > Date.now()
      : Number(maxAge) > 0;
  });
  return unexpired.map((cookie) => cookie.split(';')[0]).join('; ');
}

/** Visits a page, again if Redis didn't answer because a connection was cut or a command held. */
export function visitOnceRedisAnswers(
  server: Server,
  person: Pick<Browser, 'cookieHeader'>,
  path?: string,
): Promise<Outcome> {
  return retryUntilRedisAnswers(() => server.visit(person, path));
}

/** Repeats a visit while its status is 503. */
export async function retryUntilRedisAnswers(visit: () => Promise<Outcome>): Promise<Outcome> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await visit();
    if (outcome.status !== 503 || tries === 100) return outcome;
    await sleep(100);
  }
}

/** Waits until a condition is true. Throws after longer than even a busy machine would take. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`Still not true after two minutes: ${condition}`);
    await sleep(5);
  }
}
