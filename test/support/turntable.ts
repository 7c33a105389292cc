import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { TestContext } from 'node:test';
import request from 'supertest';
import {
  type Fault,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../simulator/simulator.ts';
import { createGrants, type Grants } from '../../src/access/grants.ts';
import { type Limits, limits } from '../../src/access/rate-limiter.ts';
import { createSeal } from '../../src/access/seal.ts';
import { createSessionRecords } from '../../src/access/session-records.ts';
import type { Timing } from '../../src/access/timing.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/ops/log.ts';
import type { overloadLimits } from '../../src/ops/overload.ts';
import { createParts } from '../../src/parts.ts';
import { apiVersionIn } from './api-versions.ts';
import { beginningOfTrack, type Clock, createClock } from './clock.ts';
import { connectAsServer, recordsIn, redisPlace } from './redis.ts';
import { testTiming } from './timing.ts';

export const clientId = 'c1ient00000000000000000000000000';
export const clientSecret = '5ecret00000000000000000000000000';

/** For tests, which do within a second what people do in a day. */
export const noLimits = Object.fromEntries(
  Object.entries(limits).map(([name, { windowSeconds }]) => [name, { requests: 1_000_000, windowSeconds }]),
) as Limits;

type Options = {
  /** Variables beside the ones that every test needs. */
  env?: Record<string, string>;
  /** Deadlines and intervals; those of all tests if not given. */
  timing?: Partial<Timing>;
  /** Bounds on the requests under way; the usual ones if not given. */
  requestLimits?: typeof overloadLimits;
  simulator?: Partial<SimulatorOptions>;
  /** Whether the clock moves by itself as well. */
  ticking?: boolean;
  /** What each visitor may ask for; as much as they like where not given. */
  limits?: Limits;
  /** Another server to share Redis, simulator and clock with. */
  beside?: { clock: Clock; simulator: Simulator; redisUrl: string; baseUrl: string };
  redisUrl?: string;
};

export type Turntable = Awaited<ReturnType<typeof startTurntable>>;

/** The whole of Turntable on free ports of this machine, with a real Redis and the simulator, until the test ends. */
export async function startTurntable(t: TestContext, options: Options = {}) {
  const { beside } = options;
  const clock = beside?.clock ?? newClock(options.ticking ?? false);
  const redisUrl = beside?.redisUrl ?? options.redisUrl ?? (await redisPlace());
  const simulator = beside?.simulator ?? (await newSimulator(t, clock.now, options.simulator));

  let handler: RequestListener = (_req, res) => res.destroy();
  // Never closes a connection that the test is about to use again.
  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => handler(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  // Two servers behind one address: the second is reached at its own port, but is told the address of the first.
  const baseUrl = options.env?.BASE_URL ?? beside?.baseUrl ?? `http://127.0.0.1:${port}`;

  const { spotify, ...config } = readConfig({
    PORT: String(port),
    BASE_URL: baseUrl,
    REDIS_URL: redisUrl,
    SPOTIFY_CLIENT_ID: clientId,
    SPOTIFY_CLIENT_SECRET: clientSecret,
    SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
    SPOTIFY_API_URL: simulator.apiUrl,
    LOG_LEVEL: 'debug',
    ...options.env,
  });
  if (!spotify) throw new Error('These tests are about a configured server');
  simulator.registerRedirectUri(config.redirectUri);

  const logged: string[] = [];
  const log = createLog({ level: config.logLevel, write: (line) => logged.push(line) });
  const parts = createParts({
    config: { ...config, spotify },
    log,
    now: clock.now,
    timing: { ...testTiming, ...options.timing },
    limits: options.limits ?? noLimits,
  });
  t.after(parts.close);
  await parts.redisAnswered;
  const app = createApp({ config: { ...config, spotify }, log, parts, requestLimits: options.requestLimits });
  handler = app;

  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    baseUrl,
    clock,
    simulator,
    redisUrl,
    app,
    /** Every line of the log so far. */
    logged,
    /** A browser of its own: it keeps cookies, and follows no redirects. */
    browser: () => createBrowser(url, simulator, baseUrl),
    /** The names of the keys this server has in Redis, without the counts of calls and of requests, which end by themselves. */
    keys: async () => (await keysIn(redisUrl)).filter((key) => !/^(usage|limit):/.test(key)),
  };
}

/** One that ticks stays in time with a browser, which has the clock of this machine. */
function newClock(ticking: boolean): Clock {
  return ticking ? createClock(Date.now(), { ticking }) : createClock(beginningOfTrack());
}

async function newSimulator(
  t: TestContext,
  now: () => number,
  options: Partial<SimulatorOptions> = {},
): Promise<Simulator> {
  const simulator = await startSimulator({
    clientId,
    clientSecret,
    now,
    apiVersion: apiVersionIn(t),
    ...options,
  });
  t.after(() => simulator.close());
  return simulator;
}

export type Browser = ReturnType<typeof createBrowser>;

/**
 * A browser that keeps cookies and follows no redirects, at the server with this address; to the server it is at `baseUrl`, as behind
 * a proxy.
 */
export function createBrowser(url: string, simulator: Simulator, baseUrl = url) {
  const { host } = new URL(baseUrl);
  const agent = request.agent(url);
  agent.set('Host', host);
  const browser = {
    agent,
    host,
    get: (path: string) => agent.get(path).set('Accept', 'text/html').redirects(0),
    getJson: (path: string) => agent.get(path).set('Accept', 'application/json').redirects(0),
    /** As a form on one of our pages sends it. */
    post: (path: string) =>
      agent.post(path).set('Accept', 'text/html').set('Sec-Fetch-Site', 'same-origin').redirects(0),

    /** Goes to the sign-in and agrees at Spotify; gives the path Spotify sends the browser back to. */
    async agree(listener = 'mara', query = ''): Promise<string> {
      const left = await browser.get(`/login${query}`).expect(303);
      return pathOf(await simulator.agree(left.headers.location ?? '', listener));
    },

    /** Comes back from Spotify to a sign-in that fails; returns the page that says why, which has this status. */
    async fail(way: string, status: number) {
      const back = await browser.get(way).expect(303);
      assert.equal(back.headers.location, '/sign-in/problem');
      return browser.get('/sign-in/problem').expect(status);
    },

    /** Signs in from start to end; gives the answer of the callback. */
    async signIn(listener = 'mara', query = '') {
      return browser.get(await browser.agree(listener, query)).expect(303);
    },

    /** All cookies as they would be sent. */
    cookies: () => cookiesSent().map(({ name, value }) => ({ name, value })),

    /** The same as a header. */
    cookieHeader: () =>
      cookiesSent()
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),

    /** The cookie of the session as it would be sent, or undefined. */
    sessionCookie: () => cookiesSent().find(({ name }) => name.endsWith('-session'))?.value,
  };

  function cookiesSent() {
    const { hostname } = new URL(url);
    return agent.jar.getCookies({ domain: hostname, path: '/', secure: false, script: false });
  }
  return browser;
}

export function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** The names of all keys in this place, as a server that uses it knows them. */
export async function keysIn(redisUrl: string): Promise<string[]> {
  const redis = connectAsServer(redisUrl);
  const { keyPrefix = '' } = redis.options;
  const found = await redis.keys(`${keyPrefix}*`);
  redis.disconnect();
  return found.map((key) => key.slice(keyPrefix.length)).sort();
}

/** Ends the window of a limit before its time, in the place of that time: Redis counts it by its own clock. */
export async function endWindow(redisUrl: string, key: string): Promise<void> {
  const redis = connectAsServer(redisUrl);
  const ended = await redis.del(key);
  redis.disconnect();
  assert.equal(ended, 1, `there is a key ${key}`);
}

/** How often Spotify's token endpoint was asked for this. */
export function tokenRequests(simulator: Simulator, grantType: string): number {
  return simulator.calls.filter((call) => call.grantType === grantType).length;
}

/** How often this path of the Web API was asked. */
export function apiCalls(simulator: Simulator, path: string): number {
  return simulator.calls.filter((call) => call.service === 'api' && call.path === path).length;
}

/** Holds Spotify's next answer to such a call, or this one in its place, until it is released. `reached` resolves when it is ready. */
export function holdAnswer(simulator: Simulator, on: Fault['on'], answer?: Fault['answer']) {
  const ready = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const until = () => {
    ready.resolve();
    return over.promise;
  };
  simulator.fault({ on, until, ...(answer && { answer }) });
  return { reached: ready.promise, release: over.resolve };
}

const elsewhere = 'http://127.0.0.1:1/callback';

/** An access token of a listener, got past our client. */
export async function tokenOf(simulator: Simulator, listener: string): Promise<string> {
  simulator.registerRedirectUri(elsewhere);
  const asked = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: elsewhere,
    scope:
      'user-read-playback-state user-read-currently-playing playlist-read-private playlist-read-collaborative',
  };
  const way = await simulator.agree(
    `${simulator.accountsUrl}/authorize?${new URLSearchParams(asked)}`,
    listener,
  );
  const code = new URL(way).searchParams.get('code') ?? '';
  const answer = await fetch(`${simulator.accountsUrl}/api/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: elsewhere }),
  });
  const { access_token } = (await answer.json()) as { access_token: string };
  return access_token;
}

/** The grants of a server, opened as it would open them; one that does not open fails the test. */
export function grantsOf(t: TestContext, { redisUrl, clock }: Turntable, sessionSecret: string): Grants {
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  const records = recordsIn(redis);
  const sessions = createSessionRecords({ records, now: clock.now });
  return createGrants({
    redis,
    records,
    seal: createSeal([sessionSecret]),
    now: clock.now,
    accountOf: async (sessionId) => (await sessions.read(sessionId))?.listener.accountId ?? null,
  });
}
