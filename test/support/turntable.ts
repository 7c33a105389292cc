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
import { basePathOf } from '../../src/routes.ts';
import { apiVersionIn } from './api-versions.ts';
import { beginningOfTrack, type Clock, createClock } from './clock.ts';
import { connectAsServer, recordsIn, testRedisUrl } from './redis.ts';
import { testTiming } from './timing.ts';

export const clientId = 'c1ient00000000000000000000000000';
export const clientSecret = '5ecret00000000000000000000000000';

/** Tests do within a second what people do in a day. */
export const noLimits = Object.fromEntries(
  Object.entries(limits).map(([name, { windowSeconds }]) => [name, { requests: 1_000_000, windowSeconds }]),
) as Limits;

type Options = {
  /** Variables in addition to those that every test needs. */
  env?: Record<string, string>;
  /** Overrides deadlines and intervals of testTiming. */
  timing?: Partial<Timing>;
  /** The server's usual limits on concurrent requests if absent. */
  requestLimits?: typeof overloadLimits;
  simulator?: Partial<SimulatorOptions>;
  /** Whether the clock also moves with real time. */
  ticking?: boolean;
  /** The rate limits of visitors; none if absent. */
  limits?: Limits;
  /** Another server, whose Redis, simulator and clock are used. */
  sharedWith?: { clock: Clock; simulator: Simulator; redisUrl: string; baseUrl: string };
  redisUrl?: string;
  /** The path of BASE_URL, such as `/music`; none if absent. */
  basePath?: string;
  /** One that starts now if absent. */
  clock?: Clock;
};

export type Turntable = Awaited<ReturnType<typeof startTurntable>>;

/** Starts Turntable with a real Redis and the simulator, on free ports of this machine, until the test ends. */
export async function startTurntable(t: TestContext, options: Options = {}) {
  const { sharedWith } = options;
  const clock = options.clock ?? sharedWith?.clock ?? newClock(options.ticking ?? false);
  const redisUrl = sharedWith?.redisUrl ?? options.redisUrl ?? (await testRedisUrl());
  const simulator = sharedWith?.simulator ?? (await newSimulator(t, clock.now, options.simulator));

  let handler: RequestListener = (_req, res) => res.destroy();
  // A long timeout, so that the server doesn't close a connection that the test is about to use again.
  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => handler(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  // With two servers behind one address, the second listens on its own port but uses the address of the first.
  const baseUrl =
    options.env?.BASE_URL ?? sharedWith?.baseUrl ?? `http://127.0.0.1:${port}${options.basePath ?? ''}`;

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
  if (!spotify) throw new Error('The server has no Spotify credentials');
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
    /** The lines of the log. */
    logged,
    /** Returns a new browser, which keeps cookies and doesn't follow redirects. */
    browser: () => createBrowser(url, simulator, baseUrl),
    /** Returns the names of this server's keys in Redis, except for counters, which remain until they expire. */
    keys: async () => (await keyNames(redisUrl)).filter((key) => !/^(calls|ledger|limit):/.test(key)),
  };
}

/** A ticking clock agrees with a browser's, which is the clock of this machine. */
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
 * A browser that keeps cookies and doesn't follow redirects. It sends requests to `url` with the host of `baseUrl`, as through a proxy.
 */
export function createBrowser(url: string, simulator: Simulator, baseUrl = url, ca?: Buffer) {
  const { host } = new URL(baseUrl);
  const basePath = basePathOf(baseUrl);
  const agent = request.agent(url);
  if (ca) agent.ca(ca);
  if (url !== baseUrl) agent.set('Host', host);
  const browser = {
    agent,
    host,
    ca,
    get: (path: string) => agent.get(path).set('Accept', 'text/html').redirects(0),
    getJson: (path: string) => agent.get(path).set('Accept', 'application/json').redirects(0),
    /** Posts as a form on one of Turntable's pages does. */
    post: (path: string) =>
      agent.post(path).set('Accept', 'text/html').set('Sec-Fetch-Site', 'same-origin').redirects(0),

    /** Starts a sign-in and agrees at Spotify. Returns the path that Spotify redirects to. */
    async agree(listener = 'mara', query = ''): Promise<string> {
      const redirect = await browser.get(`${basePath}/login${query}`).expect(303);
      return pathOf(await simulator.agree(redirect.headers.location ?? '', listener));
    },

    /** Follows a callback path to a sign-in that fails. Returns the error page, which has this status. */
    async failSignIn(callbackPath: string, status: number) {
      const redirect = await browser.get(callbackPath).expect(303);
      assert.equal(redirect.headers.location, `${basePath}/sign-in/problem`);
      return browser.get(`${basePath}/sign-in/problem`).expect(status);
    },

    /** Signs in. Returns the response of the callback. */
    async signIn(listener = 'mara', query = '') {
      return browser.get(await browser.agree(listener, query)).expect(303);
    },

    /** Returns all cookies that would be sent. */
    cookies: () => cookiesSent().map(({ name, value }) => ({ name, value })),

    cookieHeader: () =>
      cookiesSent()
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),

    /** Returns the value of the session cookie, or undefined. */
    sessionCookie: () => cookiesSent().find(({ name }) => name.endsWith('-session'))?.value,
  };

  function cookiesSent() {
    const { hostname, protocol } = new URL(url);
    const secure = protocol === 'https:';
    return agent.jar.getCookies({ domain: hostname, path: `${basePath}/`, secure, script: false });
  }
  return browser;
}

export function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** Returns the names of all keys, without the prefix, as a server knows them. */
export async function keyNames(redisUrl: string): Promise<string[]> {
  const redis = connectAsServer(redisUrl);
  const { keyPrefix = '' } = redis.options;
  const found = await redis.keys(`${keyPrefix}*`);
  redis.disconnect();
  return found.map((key) => key.slice(keyPrefix.length)).sort();
}

/** Ends the window of a rate limit. The test's clock can't, because Redis counts the window by its own clock. */
export async function endRateLimitWindow(redisUrl: string, key: string): Promise<void> {
  const redis = connectAsServer(redisUrl);
  const ended = await redis.del(key);
  redis.disconnect();
  assert.equal(ended, 1, `there is a key ${key}`);
}

export function countTokenRequests(simulator: Simulator, grantType: string): number {
  return simulator.calls.filter((call) => call.grantType === grantType).length;
}

export function countApiCalls(simulator: Simulator, path: string): number {
  return simulator.calls.filter((call) => call.service === 'api' && call.path === path).length;
}

/** Holds the next matching response of the simulator, or `answer` in its place, until it is released. `reached` resolves when it is ready. */
export function holdResponse(simulator: Simulator, on: Fault['on'], answer?: Fault['answer']) {
  const ready = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const until = () => {
    ready.resolve();
    return released.promise;
  };
  simulator.fault({ on, until, ...(answer && { answer }) });
  return { reached: ready.promise, release: released.resolve };
}

const otherRedirectUri = 'http://127.0.0.1:1/callback';

/** Gets an access token of a listener without the app. */
export async function accessTokenOf(
  simulator: Simulator,
  listener: string,
  scope = 'user-read-playback-state user-read-currently-playing playlist-read-private playlist-read-collaborative',
): Promise<string> {
  simulator.registerRedirectUri(otherRedirectUri);
  const params = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: otherRedirectUri,
    scope,
  };
  const redirect = await simulator.agree(
    `${simulator.accountsUrl}/authorize?${new URLSearchParams(params)}`,
    listener,
  );
  const code = new URL(redirect).searchParams.get('code') ?? '';
  const response = await fetch(`${simulator.accountsUrl}/api/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: otherRedirectUri }),
  });
  const { access_token } = (await response.json()) as { access_token: string };
  return access_token;
}

/** Returns the grants of a server, which it opens as the server would. A grant that doesn't open fails the test. */
export function openGrants(t: TestContext, { redisUrl, clock }: Turntable, sessionSecret: string): Grants {
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  const records = recordsIn(redis);
  const sessions = createSessionRecords({ records, now: clock.now });
  return createGrants({
    redis,
    records,
    seal: createSeal([sessionSecret]),
    clientId,
    now: clock.now,
    accountOf: async (sessionId) => (await sessions.read(sessionId))?.listener.accountId ?? null,
  });
}
