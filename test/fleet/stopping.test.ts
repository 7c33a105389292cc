import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { endAtEachCommand, type Flow, type Scenario } from '../support/each-command.ts';
import { openStream } from '../support/event-stream.ts';
import {
  cookiesSetBy,
  createFleet,
  type Outcome,
  type Server,
  until,
  visit,
  visitOnceRedisAnswers,
} from '../support/fleet.ts';
import { playerPath, waitForTicks } from '../support/live-listener.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { command, type HeldCommand } from '../support/redis-proxy.ts';
import { testTiming as timing } from '../support/timing.ts';
import { type Browser, countApiCalls, countTokenRequests } from '../support/turntable.ts';

/*
 * A process is asked to stop in the middle of everything that cannot be repeated, and another one takes over. Spotify revokes a refresh
 * token at its first use ("strict"), so a lost answer signs a person out.
 */

/** A request that arrived before the stop begins nothing that can't be repeated, however soon the test releases what it holds. */
const beginMs = 0;

type Person = Pick<Browser, 'cookieHeader'>;
type Sent = {
  /** Resolves to null if the browser left, or the connection was cut. */
  outcome: Promise<Outcome | null>;
  leave(): void;
};

/** One request, by a browser that may leave before the response. */
function send(server: Server, person: Person, path: string, method = 'GET', form = ''): Sent {
  const headers = {
    Host: server.host,
    Cookie: person.cookieHeader(),
    Accept: 'text/html',
    'Sec-Fetch-Site': 'same-origin',
    'Content-Type': 'application/x-www-form-urlencoded',
  };
  const sent = request(server.url + path, { method, headers, agent: false });
  const outcome = new Promise<Outcome | null>((resolve) => {
    sent.once('error', () => resolve(null));
    sent.once('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (text += chunk));
      answer.once('error', () => resolve(null));
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
  });
  sent.end(form);
  return { outcome, leave: () => void sent.destroy() };
}

/** Asks a server to stop, releases what is held once it begins nothing more, and waits until it has exited cleanly. */
async function stop(server: Server, held?: HeldCommand): Promise<void> {
  const ended = once(server.child, 'exit');
  server.child.kill('SIGTERM');
  await until(() => server.output().includes('"Finishing work in progress"'));
  held?.release();
  const [code] = await ended;
  assert.equal(code, 0, server.output());
}

/** The same browser with the cookies of this response added. */
function after(person: Person, { headers }: Outcome): Person {
  const cookies = new Map<string, string>();
  const set = [headers['set-cookie'] ?? []].flat().map((cookie) => cookie.split(';')[0] ?? '');
  for (const pair of [...person.cookieHeader().split('; '), ...set])
    cookies.set(pair.split('=')[0] ?? '', pair);
  return { cookieHeader: () => [...cookies.values()].join('; ') };
}

/** The page about a failed sign-in, at another server; any other response unchanged. */
async function followed(server: Server, outcome: Outcome | null): Promise<Outcome | null> {
  if (outcome?.headers.location !== '/sign-in/problem') return outcome;
  return server.visit({ cookieHeader: () => cookiesSetBy(outcome) }, '/sign-in/problem');
}

function saysThatItRestarts(outcome: Outcome | null): void {
  assert.equal(outcome?.status, 503);
  assert.match(outcome?.text ?? '', /Turntable is restarting.*Nothing is lost/s);
}

/** A flow during which the victim is asked to stop; its browser waits for the response, or has left. */
function stopAtEach(
  t: Parameters<typeof endAtEachCommand>[0],
  {
    browserLeaves,
    path,
    ...flow
  }: Pick<Flow, 'before' | 'check'> & { browserLeaves: boolean; path?: string },
  method?: string,
): Promise<string[]> {
  const leaving = new Map<Server, () => void>();
  return endAtEachCommand(t, {
    rotation: 'strict',
    timing,
    beginMs,
    ...flow,
    async act({ victim, mara }, way) {
      const { outcome, leave } = send(victim, mara, path ?? way, method);
      leaving.set(victim, leave);
      const answer = await outcome;
      if (answer === null) throw new Error('The browser has left');
      return answer;
    },
    async end(victim, held) {
      if (browserLeaves) leaving.get(victim)?.();
      await stop(victim, held);
    },
  });
}

for (const browserLeaves of [false, true]) {
  const whose = browserLeaves ? 'after the browser has left' : 'while the browser waits';

  // fault: stopped-during-refresh
  test(`stopped at any step of a refresh ${whose}, the server signs no one out`, async (t) => {
    const steps = await stopAtEach(t, {
      browserLeaves,
      path: '/playlists',
      async before({ fleet, mara }) {
        await mara.signIn();
        await fleet.advance({ hours: 2 });
        return '';
      },
      async check({ survivor, mara }, _cut, _path, outcome) {
        if (!browserLeaves && outcome?.status !== 200) saysThatItRestarts(outcome);
        assert.equal((await visitOnceRedisAnswers(survivor, mara, '/playlists')).status, 200);
      },
    });
    for (const step of ['set lock', 'eval grant', 'eval lock']) assert.ok(steps.includes(step), `${steps}`);
  });

  // fault: stopped-during-sign-in
  test(`stopped at any step of a sign-in ${whose}, the server completes it or has not begun it`, async (t) => {
    const steps = await stopAtEach(t, {
      browserLeaves,
      before: ({ mara }) => mara.agree(),
      async check({ fleet, survivor, mara }, _cut, way, outcome) {
        const isSignedIn = (await fleet.keys()).some((key) => key.startsWith('grant:'));
        if (isSignedIn) {
          if (browserLeaves) return;
          assert.equal(outcome?.headers.location, '/');
          assert.equal(
            (await visitOnceRedisAnswers(survivor, after(mara, outcome), '/playlists')).status,
            200,
          );
          return;
        }
        if (!browserLeaves) saysThatItRestarts(await followed(survivor, outcome));
        assert.equal((await survivor.visit(mara, way)).headers.location, '/', 'the way back is not spent');
      },
    });
    for (const step of ['set used-state', 'set session', 'set grant'])
      assert.ok(steps.includes(step), `${steps}`);
  });
}

// fault: stopped-during-renewed-consent
test('stopped at any step of signing in again, either the old sign-in or the new one works', async (t) => {
  await stopAtEach(t, {
    browserLeaves: false,
    async before({ mara }) {
      await mara.signIn();
      return mara.agree();
    },
    async check({ survivor, mara }, _cut, way, outcome) {
      if (outcome?.headers.location === '/') {
        assert.equal((await visitOnceRedisAnswers(survivor, after(mara, outcome), '/playlists')).status, 200);
        return;
      }
      saysThatItRestarts(await followed(survivor, outcome));
      assert.equal((await visitOnceRedisAnswers(survivor, mara, '/playlists')).status, 200);
      assert.equal((await survivor.visit(mara, way)).headers.location, '/', 'the way back is not spent');
    },
  });
});

// fault: stopped-during-sign-out
test('stopped at any step of signing out, the server completes it or has not begun it', async (t) => {
  const flow: Parameters<typeof stopAtEach>[1] = {
    browserLeaves: false,
    async before({ mara }) {
      await mara.signIn();
      return '/logout';
    },
    async check({ fleet, survivor, mara }, _cut, _path, outcome) {
      if (outcome?.status === 303) return assert.deepEqual(await fleet.keys(), []);
      saysThatItRestarts(outcome);
      assert.equal((await visitOnceRedisAnswers(survivor, mara, '/playlists')).status, 200);
    },
  };
  await stopAtEach(t, flow, 'POST');
});

for (const browserLeaves of [false, true]) {
  const whose = browserLeaves ? 'of a page whose browser has left' : 'that a page waits for';

  // fault: stop-saves-refresh
  test(`asked to stop while Spotify answers a refresh ${whose}, the server saves it first`, async (t) => {
    const fleet = await createFleet(t, { beginMs, timing });
    const [victim, survivor] = await Promise.all([fleet.start(), fleet.start()]);
    const mara = victim.browser();
    await mara.signIn();
    await fleet.advance({ hours: 2 });
    fleet.simulator.forgetCalls();

    const held = fleet.spotify.hold('after');
    const page = send(victim, mara, '/playlists');
    await held.reached;
    if (browserLeaves) page.leave();
    await stop(victim, held);

    if (!browserLeaves) assert.equal((await page.outcome)?.status, 200);
    assert.equal((await visitOnceRedisAnswers(survivor, mara, '/playlists')).status, 200);
    assert.equal(countTokenRequests(fleet.simulator, 'refresh_token'), 1);
  });
}

for (const [when, hold] of [
  ['when Spotify has answered', ({ fleet }) => fleet.spotify.hold('after')],
  ['before Spotify is asked', ({ victim }) => victim.redis.hold(command('set', 'lock:grant:'), 'after')],
] satisfies [string, (scene: Pick<Scenario, 'fleet' | 'victim'>) => HeldCommand][]) {
  // fault: stop-during-background-refresh
  test(`asked to stop during a refresh in the background, ${when}, the server signs no one out and ends no stream elsewhere`, async (t) => {
    const fleet = await createFleet(t, { beginMs, timing });
    const [victim, survivor] = await Promise.all([fleet.start({ viaRedisProxy: true }), fleet.start()]);
    fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
    const [mara, elsewhere] = [victim.browser(), survivor.browser()];
    await mara.signIn();
    await elsewhere.signIn();
    const polling = await openStream(t, victim.url, mara);
    await polling.waitFor(({ event }) => event === 'card');
    const stream = await openStream(t, survivor.url, elsewhere);
    await stream.waitFor(({ event }) => event === 'card');

    const held = hold({ fleet, victim });
    await fleet.advance({ hours: 2 });
    await held.reached;
    await stop(victim, held);

    for (const person of [mara, elsewhere])
      assert.equal((await visitOnceRedisAnswers(survivor, person, '/playlists')).status, 200);
    assert.equal(stream.hasEnded(), false);
  });
}

// fault: refresh-needed-while-stopping
test('a page that needs a refresh while the server stops says that the server is restarting, and Spotify is not asked', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing });
  const [victim, survivor] = await Promise.all([fleet.start({ viaRedisProxy: true }), fleet.start()]);
  const mara = victim.browser();
  await mara.signIn();
  await fleet.advance({ hours: 2 });
  fleet.simulator.forgetCalls();

  const held = victim.redis.hold(command('get', 'session:'), 'after');
  const page = send(victim, mara, '/playlists');
  await held.reached;
  await stop(victim, held);

  const outcome = await page.outcome;
  saysThatItRestarts(outcome);
  assert.equal(outcome?.headers['retry-after'], '2');
  assert.equal(countTokenRequests(fleet.simulator, 'refresh_token'), 0);
  assert.equal((await visitOnceRedisAnswers(survivor, mara, '/playlists')).status, 200);
});

// fault: valid-token-while-stopping
test('a page whose token is still good for a minute is shown while the server stops', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing });
  const victim = await fleet.start({ viaRedisProxy: true });
  const mara = victim.browser();
  await mara.signIn();
  await fleet.advance({ minutes: 59, seconds: 30 });

  const held = victim.redis.hold(command('get', 'session:'), 'after');
  const page = send(victim, mara, '/playlists');
  await held.reached;
  await stop(victim, held);

  assert.equal((await page.outcome)?.status, 200);
});

test('asked to stop during a sign-in whose browser has left, the server completes it', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing });
  const victim = await fleet.start();
  const mara = victim.browser();
  const way = await mara.agree();

  const held = fleet.spotify.hold('after');
  const page = send(victim, mara, way);
  await held.reached;
  page.leave();
  await stop(victim, held);

  const kinds = (await fleet.keys()).map((key) => key.split(':')[0]);
  assert.deepEqual(kinds, ['browsers', 'grant', 'session']);
});

// fault: stop-during-abandoned-sign-out
test('asked to stop during a sign-out whose browser has left, the server completes it', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing });
  const victim = await fleet.start({ viaRedisProxy: true });
  const mara = victim.browser();
  await mara.signIn();

  const held = victim.redis.hold(command('del', 'grant:'), 'after');
  const page = send(victim, mara, '/logout', 'POST');
  await held.reached;
  page.leave();
  await stop(victim, held);

  assert.deepEqual(await fleet.keys(), []);
});

// fault: stop-during-abandoned-form
test('asked to stop while it handles a form whose browser has left, the server completes it once', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing });
  const [victim, survivor] = await Promise.all([fleet.start(), fleet.start()]);
  const mara = victim.browser();
  await mara.signIn('mara', allowAll);
  const form = new URLSearchParams({
    idempotencyKey: 'a',
    name: 'Made once',
    public: 'false',
    returnTo: '/',
  }).toString();
  const isAsked = () => apiRequests(fleet.simulator).includes('POST /me/playlists');

  fleet.simulator.fault({ on: /playlists$/, delayMs: 1_000 });
  const first = send(victim, mara, '/playlists', 'POST', form);
  await until(isAsked);
  first.leave();
  await stop(victim);

  const again = await send(survivor, mara, '/playlists', 'POST', form).outcome;
  assert.equal(again?.status, 303);
  assert.match(String(again?.headers.location), /notice=playlist-created/);
  assert.equal(apiRequests(fleet.simulator).filter((call) => call === 'POST /me/playlists').length, 1);
});

// fault: stop-waits-for-redis
test('asked to stop while a refresh waits for Redis, the server saves it when Redis is back', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const fleet = await createFleet(t, { beginMs, timing, redisUrl: redis.url });
  const [victim, survivor] = await Promise.all([fleet.start({ viaRedisProxy: true }), fleet.start()]);
  const mara = victim.browser();
  await mara.signIn();
  await fleet.advance({ hours: 2 });
  fleet.simulator.forgetCalls();

  const held = victim.redis.hold(command('eval', '(?<!lock:)grant:'), 'before');
  const page = send(victim, mara, '/playlists');
  await held.reached;
  await redis.stop();
  held.release();
  assert.equal((await page.outcome)?.status, 503);
  const stopped = stop(victim);
  await until(() => victim.output().includes('"Finishing work in progress"'));
  await redis.start();
  await stopped;

  assert.equal((await visitOnceRedisAnswers(survivor, mara, '/playlists')).status, 200);
  assert.equal(countTokenRequests(fleet.simulator, 'refresh_token'), 1);
});

// fault: no-polls-while-stopping
test('a server that is stopping makes no polls', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing });
  const victim = await fleet.start();
  fleet.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const [mara, noor] = [victim.browser(), victim.browser()];
  await mara.signIn();
  const stream = await openStream(t, victim.url, mara);
  await stream.waitFor(({ event }) => event === 'card');

  // The only thing that keeps it from exiting: another person's sign-in.
  const way = await noor.agree('noor');
  fleet.simulator.forgetCalls();
  const held = fleet.spotify.hold('after');
  send(victim, noor, way);
  await held.reached;
  const stopped = stop(victim);
  await until(() => victim.output().includes('"Finishing work in progress"'));
  await fleet.advance({ minutes: 10 });
  await waitForTicks(fleet.simulator);
  assert.equal(countApiCalls(fleet.simulator, playerPath), 0);
  await stream.waitForEnd();
  held.release();
  await stopped;
});

// fault: ctrl-c-arrives-twice
test('Ctrl-C under npm arrives twice at once, and the server still finishes what it has begun', async (t) => {
  const fleet = await createFleet(t, { beginMs, timing: { accountsDeadlineMs: 60_000, leaseMs: 61_000 } });
  const server = await fleet.start();
  const mara = server.browser();
  await mara.signIn();
  await fleet.advance({ hours: 2 });
  const held = fleet.spotify.hold('before');
  const page = send(server, mara, '/playlists');
  await held.reached;
  const ended = once(server.child, 'exit');
  // Two pending signals of one kind would arrive as one.
  server.child.kill('SIGINT');
  server.child.kill('SIGTERM');
  await until(() => server.output().includes('"Finishing work in progress"'));
  held.release();

  assert.equal((await page.outcome)?.status, 200);
  assert.deepEqual(await ended, [0, null]);
});

// fault: stop-deadline
test('a server that cannot finish says so and exits within ten seconds, or at once when asked again', async (t) => {
  const fleet = await createFleet(t, {
    beginMs,
    timing: { accountsDeadlineMs: 60_000, leaseMs: 61_000, lockWaitMs: 62_000 },
  });
  for (const asksAgain of [false, true]) {
    const server = await fleet.start();
    const mara = server.browser();
    await mara.signIn();
    await fleet.advance({ hours: 2 });
    const held = fleet.spotify.hold('before');
    send(server, mara, '/playlists');
    await held.reached;
    const ended = once(server.child, 'exit');
    const startedAt = performance.now();
    server.child.kill('SIGTERM');
    await until(() => server.output().includes('"Finishing work in progress"'));
    const again = asksAgain ? setInterval(() => server.child.kill('SIGTERM'), 250) : undefined;
    const [code] = await ended;
    clearInterval(again);
    const tookMs = performance.now() - startedAt;
    held.release();

    if (asksAgain) {
      assert.equal(code, 1);
      assert.ok(tookMs < 8_000, `${tookMs} ms`);
    } else {
      assert.equal(code, 0);
      assert.ok(tookMs > 8_000 && tookMs < 20_000, `${tookMs} ms`);
      assert.match(
        server.output(),
        /Stopped before everything was finished.*|"unfinished":"refresh a grant"/,
      );
    }
  }
});

// fault: stop-accepts-waiting
test('asked to stop, the server answers the requests whose connections it has not accepted yet', async (t) => {
  const fleet = await createFleet(t, { timing });
  const server = await fleet.start();
  server.pause();
  const waiting = await Promise.all(
    Array.from({ length: 20 }, () => openSocket(t, server, 'GET /healthz HTTP/1.1')),
  );
  for (const { write } of waiting) await write(blankLine);
  const ended = once(server.child, 'exit');
  server.child.kill('SIGTERM');
  server.resume();

  for (const { ended: answered, received } of waiting) {
    await answered;
    assert.match(received(), /^HTTP\/1\.1 200 /);
  }
  assert.deepEqual(await ended, [0, null]);
});

// fault: stop-serves-arrived
test('a page that arrived just before the stop, and needs a refresh, is served', async (t) => {
  const fleet = await createFleet(t, { timing, beginMs: 60_000 });
  const victim = await fleet.start({ viaRedisProxy: true });
  const mara = victim.browser();
  await mara.signIn();
  await fleet.advance({ hours: 2 });
  fleet.simulator.forgetCalls();

  const held = victim.redis.hold(command('get', 'session:'), 'after');
  const page = send(victim, mara, '/playlists');
  await held.reached;
  const ended = once(victim.child, 'exit');
  victim.child.kill('SIGTERM');
  await until(() => victim.output().includes('"Stopping"'));
  held.release();

  assert.equal((await page.outcome)?.status, 200);
  assert.equal(countTokenRequests(fleet.simulator, 'refresh_token'), 1);
  assert.deepEqual(await ended, [0, null]);
});

// fault: not-ready-while-stopping
test('a server that is stopping is not ready, but alive', async (t) => {
  const fleet = await createFleet(t, { timing });
  const server = await fleet.start();
  const ready = await openSocket(t, server, 'GET /readyz HTTP/1.1');
  const alive = await openSocket(t, server, 'GET /healthz HTTP/1.1');
  // Both connections have to be accepted before the server stops.
  await until(async () => (await visit(`${server.url}/healthz`)).status === 200);
  const ended = once(server.child, 'exit');
  server.child.kill('SIGTERM');
  await until(() => server.output().includes('"Stopping"'));
  for (const { write } of [ready, alive]) await write(blankLine);

  await Promise.all([ready.ended, alive.ended]);
  assert.match(ready.received(), /^HTTP\/1\.1 503 .*not ready: Turntable is stopping/s);
  assert.match(alive.received(), /^HTTP\/1\.1 200 /);
  assert.deepEqual(await ended, [0, null]);
});

const blankLine = '\r\n\r\n';

/** Opens a connection, and sends the beginning of a request. */
async function openSocket(t: TestContext, { url, host }: Server, firstLine: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  socket.on('error', () => undefined);
  const ended = once(socket, 'close');
  const write = (data: string) => new Promise<void>((resolve) => socket.write(data, () => resolve()));
  await write(`${firstLine}\r\nHost: ${host}`);
  return { write, ended, received: () => text };
}

test('streaming a file causes no warning about listeners', async (t) => {
  const fleet = await createFleet(t);
  const server = await fleet.start();
  const mara = server.browser();
  await mara.signIn();

  const { outcome } = send(server, mara, '/playlists/export.csv');

  assert.equal((await outcome)?.status, 200);
  assert.doesNotMatch(server.output(), /MaxListenersExceededWarning/);
});
