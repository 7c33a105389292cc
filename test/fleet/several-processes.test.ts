import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Rotation, type Simulator, startSimulator } from '../../simulator/simulator.ts';
import type { Timing } from '../../src/access/timing.ts';
import { freePort } from '../../src/redis/local-server.ts';
import {
  cookiesSetBy,
  createFleet,
  type Fleet,
  type Outcome,
  retryUntilRedisAnswers,
  type Server,
  until,
  visit,
  visitOnceRedisAnswers,
} from '../support/fleet.ts';
import { run } from '../support/process.ts';
import { testRedisUrl } from '../support/redis.ts';
import { command, type HeldCommand } from '../support/redis-proxy.ts';
import { testTiming as timing } from '../support/timing.ts';
import { type Browser, clientId, clientSecret, countTokenRequests, pathOf } from '../support/turntable.ts';

/*
 * Several real processes behind one address, one of which dies, sleeps or has a wrong clock.
 */

/** For a process that sleeps through its lease: in the usual order, deadline < lease, but short. */
const short = { accountsDeadlineMs: 3_000, leaseMs: 3_500, redisDeadlineMs: 2_000 };

const rotations = ['none', 'strict', 'family', 'grace'] as const;
/** The rotations that accept the old refresh token after the new one was issued. */
const forgiving: readonly Rotation[] = ['none', 'grace'];

/** The command that saves a refreshed grant. */
const save = command('eval', '(?<!lock:)grant:');

/** A person with an expired access token, at two servers of which the first can be held, and may have its own deadlines. */
async function twoServers(t: TestContext, rotation: Rotation, ofTheFirst: Partial<Timing> = {}) {
  const fleet = await createFleet(t, { rotation, timing });
  const [one, other] = await Promise.all([
    fleet.start({ viaRedisProxy: true, timing: ofTheFirst }),
    fleet.start(),
  ]);
  const mara = await signedInAt(other);
  await fleet.advance({ hours: 2 });
  fleet.simulator.forgetCalls();
  return { fleet, one, other, mara };
}

/**
 * Visits until the command or request of a page is held, and returns that visit as `late`. On a busy machine Redis may be too slow for the short
 * deadlines: such a page has done nothing yet.
 */
async function visitUntilHeld(server: Server, person: Browser, held: HeldCommand) {
  for (;;) {
    const late = server.visit(person);
    const answer = await Promise.race([held.reached.then(() => null), late]);
    if (answer === null) return { late };
    assert.equal(answer.status, 503, 'Redis was too slow');
  }
}

async function signedInAt(server: Server): Promise<Browser> {
  const mara = server.browser();
  await mara.signIn();
  return mara;
}

function countRefreshes({ simulator }: Fleet): number {
  return countTokenRequests(simulator, 'refresh_token');
}

function refusals({ simulator }: Fleet): number {
  return simulator.calls.filter((call) => call.grantType === 'refresh_token' && call.status === 400).length;
}

function isHonest(page: Outcome): void {
  assert.equal(page.status, 401);
  assert.match(page.text, /Your Spotify sign-in has expired/);
  assert.match(page.text, /href="\/login\?returnTo=%2Fnow-playing">Sign in again/);
}

/** After the page that reports the end: no redirect loop, nothing of the old sign-in, and a new one works. */
async function isOverAndCanBegin(fleet: Fleet, server: Server, mara: Browser): Promise<void> {
  const asked = countRefreshes(fleet);
  assert.equal(
    (await visitOnceRedisAnswers(server, mara)).status,
    303,
    'the next visit leads to the sign-in',
  );
  assert.equal(countRefreshes(fleet), asked, 'and Spotify is not asked again');
  const nextBrowser = await signedInAt(server);
  assert.equal((await visitOnceRedisAnswers(server, nextBrowser)).status, 200);
}

for (const rotation of ['strict', 'family'] as const) {
  // fault: many-requests-one-refresh
  test(`200 requests to four processes with an expired token are 200 pages, after one refresh (rotation: ${rotation})`, async (t) => {
    const fleet = await createFleet(t, { rotation, timing });
    const servers = await fleet.startMany(4);
    const [first] = servers as [Server];
    const mara = await signedInAt(first);

    for (const expire of [
      () => fleet.advance({ hours: 2 }),
      async () => fleet.simulator.expireAccessTokens(),
    ]) {
      await expire();
      await fleet.advance({ seconds: 5 });
      fleet.simulator.forgetCalls();

      const pages = await Promise.all(
        servers.flatMap((server) => Array.from({ length: 50 }, () => server.visit(mara))),
      );

      assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200]);
      assert.equal(countRefreshes(fleet), 1);
      assert.equal(refusals(fleet), 0);
    }
  });
}

// fault: slow-token-endpoint
test('while the token endpoint is slower than our deadline, one process asks it at a time, and the page loads as soon as it answers', async (t) => {
  const fleet = await createFleet(t, {
    rotation: 'none',
    timing: { ...timing, accountsDeadlineMs: 2_000, leaseMs: 2_500 },
  });
  const servers = await fleet.startMany(4);
  const [first] = servers as [Server];
  const mara = await signedInAt(first);
  await fleet.advance({ hours: 2 });
  fleet.simulator.forgetCalls();
  fleet.simulator.fault({ on: 'token', times: 2, how: 'silence' });

  const pages = await Promise.all(
    servers.flatMap((server) => Array.from({ length: 10 }, () => server.visit(mara))),
  );

  assert.equal(fleet.spotify.maxConcurrent(), 1);
  const statuses = pages.map(({ status }) => status);
  assert.deepEqual([...new Set(statuses)].sort(), [200, 502]);
  // Two processes got no answer. The next one got the token for everyone still waiting.
  assert.ok(statuses.filter((status) => status === 200).length >= 10);
  for (const server of servers) assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
});

// Some of these wait for a lease to end, so several wait at once.
suite('one process of two', { concurrency: 3 }, () => {
  for (const rotation of rotations) {
    // fault: process-killed-before-refresh
    test(`a process killed before it asks Spotify for a new token costs a wait, but no sign-in (rotation: ${rotation})`, async (t) => {
      const { fleet, one, other, mara } = await twoServers(t, rotation);
      const held = one.redis.hold(command('get', 'cooldown-accounts:'), 'after');
      const cutOff = one.visit(mara).catch(() => null);
      await held.reached;

      await one.kill();
      await cutOff;
      const page = visitOnceRedisAnswers(other, mara);
      await sleep(300); // it waits for the lock
      await fleet.releaseLocks();

      assert.equal((await page).status, 200);
      assert.equal(countRefreshes(fleet), 1);
      assert.equal(refusals(fleet), 0);
    });

    // fault: process-killed-before-save
    test(`a process killed after Spotify has answered, before the answer is saved: ${
      forgiving.includes(rotation)
        ? 'the old token serves once more'
        : 'the page says so, and a new sign-in works'
    } (rotation: ${rotation})`, async (t) => {
      const { fleet, one, other, mara } = await twoServers(t, rotation);
      const held = one.redis.hold(save, 'before');
      const cutOff = one.visit(mara).catch(() => null);
      await held.reached;

      await one.kill();
      await cutOff;
      await fleet.releaseLocks();

      const page = await visitOnceRedisAnswers(other, mara);
      assert.equal(countRefreshes(fleet), 2, 'the old token is tried once');
      if (forgiving.includes(rotation)) return assert.equal(page.status, 200);
      isHonest(page);
      await isOverAndCanBegin(fleet, other, mara);
    });

    // fault: refresh-response-lost
    test(`a lost answer of Spotify’s is requested once more, by the next request: ${
      forgiving.includes(rotation) ? 'nothing is lost' : 'the page says that the sign-in has ended'
    } (rotation: ${rotation})`, async (t) => {
      const { fleet, one, other, mara } = await twoServers(t, rotation);
      fleet.simulator.fault({ on: 'token', how: 'reset-after' });

      assert.equal((await one.visit(mara)).status, 502);
      assert.equal(countRefreshes(fleet), 1, 'not by the same request');
      const page = await visitOnceRedisAnswers(other, mara);

      assert.equal(countRefreshes(fleet), 2);
      if (forgiving.includes(rotation)) return assert.equal(page.status, 200);
      isHonest(page);
      await isOverAndCanBegin(fleet, other, mara);
    });

    // fault: suspended-before-refresh
    test(`a process that is suspended past its lease before it asks Spotify does no harm on resuming (rotation: ${rotation})`, async (t) => {
      const { fleet, one, other, mara } = await twoServers(t, rotation, short);
      const held = one.redis.hold(command('get', 'cooldown-accounts:'), 'after');
      const { late } = await visitUntilHeld(one, mara, held);
      one.pause();
      await leaseIsOver(fleet);

      assert.equal((await visitOnceRedisAnswers(other, mara)).status, 200);
      held.release();
      one.resume();

      // Redis may not have answered within its deadline.
      assert.ok([200, 503].includes((await late).status));
      for (const server of [other, one])
        assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
      await fleet.advance({ hours: 2 });
      for (const server of [other, one])
        assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
      assert.equal(refusals(fleet), 0);
      assert.equal(countRefreshes(fleet), 2);
    });
  }

  for (const rotation of ['none', 'strict', 'grace'] as const) {
    // fault: refresh-with-replaced-token
    test(`a refresh request that reaches Spotify after another process has refreshed does no harm (rotation: ${rotation})`, async (t) => {
      // The one wait that is out of order: the call outlasts its lock, as it does if the process slept during the call.
      const late = { accountsDeadlineMs: 60_000, leaseMs: 600 };
      const { fleet, one, other, mara } = await twoServers(t, rotation, late);
      const held = fleet.spotify.hold('before');
      const page = one.visit(mara);
      await held.reached;
      await leaseIsOver(fleet);

      assert.equal((await visitOnceRedisAnswers(other, mara)).status, 200);
      held.release();

      assert.equal((await page).status, 200);
      assert.equal(countRefreshes(fleet), 2);
      for (const server of [other, one])
        assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
      await fleet.advance({ hours: 2 });
      for (const server of [other, one])
        assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
    });

    // fault: suspended-after-refresh
    test(`a process that is suspended past its lease while holding Spotify’s answer saves it on resuming (rotation: ${rotation})`, async (t) => {
      const { fleet, one, other, mara } = await twoServers(t, rotation, short);
      const held = fleet.spotify.hold('after');
      const { late } = await visitUntilHeld(one, mara, held);
      one.pause();
      held.release();
      await leaseIsOver(fleet);

      const during = await visitOnceRedisAnswers(other, mara);
      if (forgiving.includes(rotation)) assert.equal(during.status, 200);
      else isHonest(during);
      one.resume();

      assert.ok([200, 502, 503].includes((await late).status));
      for (const server of [other, one])
        assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
      await fleet.advance({ hours: 2 });
      for (const server of [other, one])
        assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
    });
  }
});

// fault: token-family-revoked
test('if Spotify revokes everything because the old token was used twice, a process that resumes with the new one says so and does not loop', async (t) => {
  const { fleet, one, other, mara } = await twoServers(t, 'family', short);
  const held = fleet.spotify.hold('after');
  const { late } = await visitUntilHeld(one, mara, held);
  one.pause();
  held.release();
  await leaseIsOver(fleet);

  isHonest(await visitOnceRedisAnswers(other, mara));
  one.resume();

  assert.ok([401, 502].includes((await late).status));
  // The token that the woken process saved may be tried once; then the sign-in has ended.
  await other.visit(mara);
  await isOverAndCanBegin(fleet, other, mara);
});

// fault: suspended-during-save
test('a process that resumes during a save does not overwrite a newer grant', async (t) => {
  const { fleet, one, other, mara } = await twoServers(t, 'none', short);
  const held = one.redis.hold(save, 'before');
  const { late } = await visitUntilHeld(one, mara, held);
  one.pause();
  await leaseIsOver(fleet);

  assert.equal((await visitOnceRedisAnswers(other, mara)).status, 200);
  const key = (await fleet.keys()).find((one) => one.startsWith('grant:')) ?? '';
  const newest = await fleet.redis.get(key);
  held.release();
  one.resume();

  assert.ok([200, 503].includes((await late).status));
  assert.equal((await visitOnceRedisAnswers(one, mara)).status, 200);
  assert.equal(await fleet.redis.get(key), newest);
});

test('a refreshed grant that Redis refuses for a while is saved later, even after another process was refused the old token', async (t) => {
  const { fleet, one, other, mara } = await twoServers(t, 'strict', short);
  const held = one.redis.hold(save, 'before');
  const { late } = await visitUntilHeld(one, mara, held);
  assert.equal((await late).status, 503);
  await leaseIsOver(fleet);

  // Its process reconnects to Redis, and may have saved it by now.
  const during = await visitOnceRedisAnswers(other, mara);
  if (during.status !== 200) isHonest(during);
  held.release();

  await until(async () => (await other.visit(mara)).status === 200);
  await until(async () => (await one.visit(mara)).status === 200);
  await fleet.advance({ hours: 2 });
  assert.equal((await visitOnceRedisAnswers(other, mara)).status, 200);
  assert.ok(refusals(fleet) <= 1);
});

test('a process that resumes does not release a lock that another one now holds', async (t) => {
  const { fleet, one, other, mara } = await twoServers(t, 'none', short);
  const held = one.redis.hold(command('get', 'cooldown-accounts:'), 'after');
  const { late } = await visitUntilHeld(one, mara, held);
  one.pause();
  await leaseIsOver(fleet);
  const asking = fleet.spotify.hold('after');
  const page = other.visit(mara);
  await asking.reached;

  // It gives its own lock up, and then waits for the other one's.
  const again = one.redis.hold(command('set', 'lock:'), 'before');
  held.release();
  one.resume();
  await again.reached;

  assert.ok((await fleet.keys()).some((key) => key.startsWith('lock:')));
  again.release();
  asking.release();
  assert.equal((await page).status, 200);
  await late;
});

test('no request waits for a refresh while the old token is still good', async (t) => {
  const fleet = await createFleet(t, { timing });
  const [one, other] = await fleet.startMany(2);
  if (!one || !other) return assert.fail();
  const mara = await signedInAt(one);
  await fleet.advance({ minutes: 59, seconds: 30 });
  fleet.simulator.forgetCalls();
  const held = fleet.spotify.hold('before');
  let isOver = false;
  const page = one.visit(mara).finally(() => {
    isOver = true;
  });
  await held.reached;

  const pages = await Promise.all([one, other, other].map((server) => server.visit(mara)));

  assert.deepEqual(
    pages.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(isOver, false, 'the refresh is still in progress');
  held.release();
  assert.equal((await page).status, 200);
  assert.equal(countRefreshes(fleet), 1);
});

async function leaseIsOver(fleet: Fleet): Promise<void> {
  await until(async () => !(await fleet.keys()).some((key) => key.startsWith('lock:')));
}

// fault: sign-out-races-refresh
test('signing out on one process during a refresh on another leaves nothing behind, whichever comes first', async (t) => {
  const fleet = await createFleet(t, { timing });
  const [one, other] = await Promise.all([
    fleet.start({ viaRedisProxy: true }),
    fleet.start({ viaRedisProxy: true }),
  ]);

  // The sign-out starts when the refresh has come this far …
  for (const [what, side] of [
    [command('set', 'lock:'), 'before'],
    [command('set', 'lock:'), 'after'],
    [save, 'before'],
    [save, 'after'],
  ] as const) {
    const mara = await signedInAt(one);
    await fleet.advance({ hours: 2 });
    const held = one.redis.hold(what, side);
    const page = one.visit(mara);
    await held.reached;
    assert.equal((await other.visit(mara, '/logout', 'POST')).status, 303);
    held.release();
    assert.ok([200, 303, 401, 503].includes((await page).status));
    await isSignedOut(mara);
  }
  // … and the refresh starts when the sign-out has.
  for (const [what, side] of [
    [command('del', 'grant:'), 'before'],
    [command('del', 'grant:'), 'after'],
    [command('del', 'session:'), 'before'],
    [command('del', 'session:'), 'after'],
  ] as const) {
    const mara = await signedInAt(one);
    await fleet.advance({ hours: 2 });
    const held = other.redis.hold(what, side);
    const leaving = other.visit(mara, '/logout', 'POST');
    await held.reached;
    assert.ok([200, 303].includes((await one.visit(mara)).status));
    held.release();
    assert.equal((await leaving).status, 303);
    await isSignedOut(mara);
  }

  async function isSignedOut(mara: Browser): Promise<void> {
    assert.deepEqual(await fleet.keys(), []);
    for (const server of [one, other]) assert.equal((await visitOnceRedisAnswers(server, mara)).status, 303);
  }
});

// fault: sign-out-races-page
test('signing out on one process while another renders a page leaves nothing behind, whichever comes first', async (t) => {
  const fleet = await createFleet(t, { timing });
  const [one, other] = await Promise.all([
    fleet.start({ viaRedisProxy: true }),
    fleet.start({ viaRedisProxy: true }),
  ]);

  for (const [server, path, method] of [
    [one, '/now-playing', 'GET'],
    [other, '/logout', 'POST'],
  ] as const) {
    // Every exchange with Redis that the held process makes.
    for (let nth = 1; ; nth += 1) {
      const mara = await signedInAt(one);
      // A page loaded a minute later also extends the session.
      await fleet.advance({ minutes: 2 });
      const held = server.redis.hold(/^/, 'before', nth);
      const first = server.visit(mara, path, method);
      const isHeld = await Promise.race([held.reached.then(() => true), first.then(() => false)]);
      const second = await (server === one ? other.visit(mara, '/logout', 'POST') : one.visit(mara));
      held.release();
      await first;

      assert.ok(second.status < 400);
      assert.deepEqual(await settled(fleet), [], `${method} ${path}, held at its exchange ${nth}`);
      for (const each of [one, other]) assert.equal((await visitOnceRedisAnswers(each, mara)).status, 303);
      if (!isHeld) break;
      assert.ok(nth < 30);
    }
  }
});

/** The keys, once all background work is done. */
async function settled(fleet: Fleet): Promise<string[]> {
  let keys = await fleet.keys();
  for (let tries = 0; keys.length > 0 && tries < 100; tries += 1) {
    await sleep(100);
    keys = await fleet.keys();
  }
  return keys;
}

// fault: callback-at-two-processes
test('a callback from Spotify that reaches two processes at once is used once', async (t) => {
  const fleet = await createFleet(t, { timing });
  const [one, other] = await Promise.all([
    fleet.start({ viaRedisProxy: true }),
    fleet.start({ viaRedisProxy: true }),
  ]);
  const mara = one.browser();

  for (const side of ['before', 'after', 'before', 'after'] as const) {
    const way = await mara.agree();
    fleet.simulator.forgetCalls();
    // Both have come as far as they can before either may continue.
    const held = [one, other].map(({ redis }) => redis.hold(command('set', 'used-state:'), side));
    const answers = [one, other].map((server) => server.visit(mara, way));
    await Promise.all(held.map(({ reached }) => reached));
    for (const { release } of held) release();

    const pages = await Promise.all(answers);
    assert.ok(countTokenRequests(fleet.simulator, 'authorization_code') <= 1);
    for (const page of pages) {
      assert.equal(page.headers.location, '/', 'both answers sign the one browser in');
      assert.equal(
        (await visitOnceRedisAnswers(other, { cookieHeader: () => cookiesSetBy(page) })).status,
        200,
      );
    }
    assert.equal(countTokenRequests(fleet.simulator, 'authorization_code'), 1);
  }
});

// fault: sign-out-everywhere
test('signing out everywhere ends every browser on every process at once', async (t) => {
  const fleet = await createFleet(t, { timing });
  const servers = await fleet.startMany(3);
  const browsers = await Promise.all(servers.map(signedInAt));
  const [noors] = servers as [Server];
  const noor = noors.browser();
  await noor.signIn('noor');
  for (const server of servers) {
    for (const browser of browsers) assert.equal((await visitOnceRedisAnswers(server, browser)).status, 200);
  }

  const [first, ...others] = browsers as [Browser, ...Browser[]];
  const out = await noors.visit(first, '/account/sign-out-everywhere', 'POST');

  assert.equal(out.headers.location, '/?notice=signed-out-everywhere');
  for (const server of servers) {
    for (const browser of [first, ...others])
      assert.equal((await visitOnceRedisAnswers(server, browser)).status, 303);
    assert.equal((await visitOnceRedisAnswers(server, noor)).status, 200, 'no one else is signed out by it');
  }
});

const hour = 60 * 60 * 1000;

for (const [much, shift] of [
  ['an hour', hour],
  ['a day', 24 * hour],
  ['a year', 365 * 24 * hour],
] as const) {
  // fault: clocks-are-wrong
  test(`processes whose clocks are wrong by ${much} refresh nothing too soon and sign no one out`, async (t) => {
    const { servers, simulator, baseUrl } = await withClocks(t, [0, shift, -shift]);
    const people = await Promise.all(servers.map((server) => cookiesOfSignIn(server, simulator, baseUrl)));
    simulator.forgetCalls();

    for (let round = 0; round < 3; round += 1) {
      for (const server of servers) {
        for (const cookies of people) assert.equal((await pageAt(server, cookies, baseUrl)).status, 200);
      }
    }
    assert.equal(countTokenRequests(simulator, 'refresh_token'), 0);
  });

  // fault: clock-jumps
  test(`a clock that jumps by ${much} while the process runs signs no one out and refreshes nothing too soon`, async (t) => {
    for (const jump of [shift, -shift]) {
      const { servers, simulator, baseUrl, jumpAll } = await withClocks(t, [0], jump);
      const [server = ''] = servers;
      const before = await cookiesOfSignIn(server, simulator, baseUrl);
      simulator.forgetCalls();

      await jumpAll();

      const after = await cookiesOfSignIn(server, simulator, baseUrl);
      for (const cookies of [before, after])
        assert.equal((await pageAt(server, cookies, baseUrl)).status, 200);
      assert.equal(countTokenRequests(simulator, 'refresh_token'), 0);
    }
  });
}

function pageAt(server: string, cookies: string, baseUrl: string): Promise<Outcome> {
  return retryUntilRedisAnswers(() => visit(`${server}/now-playing`, 'GET', cookies, baseUrl));
}

/** Signs in as a browser with a correct clock would, and returns the cookies that it stores. */
async function cookiesOfSignIn(server: string, simulator: Simulator, baseUrl: string): Promise<string> {
  const left = await retryUntilRedisAnswers(() => visit(`${server}/login`, 'GET', '', baseUrl));
  const way = await simulator.agree(String(left.headers.location), 'mara');
  const back = await retryUntilRedisAnswers(() =>
    visit(server + pathOf(way), 'GET', cookiesSetBy(left), baseUrl),
  );
  assert.equal(back.headers.location, '/', back.text);
  return cookiesSetBy(back);
}

/** Servers as src/main.ts starts them, each with its own clock. */
async function withClocks(t: TestContext, shifts: readonly number[], jump = 0) {
  const simulator = await startSimulator({ clientId, clientSecret });
  t.after(() => simulator.close());
  const [url, redisUrl] = [`http://127.0.0.1:${await freePort()}`, await testRedisUrl()];
  simulator.registerRedirectUri(`${url}/callback`);
  const all = await Promise.all(
    shifts.map(async (shift) => {
      const port = await freePort();
      const shifted = join(import.meta.dirname, '../support/shifted-clock.ts');
      const server = run(t, 'src/main.ts', {
        NODE_OPTIONS: `--import=${shifted}`,
        SHIFT_MS: String(shift),
        JUMP_MS: String(jump),
        PORT: String(port),
        BASE_URL: url,
        REDIS_URL: redisUrl,
        SPOTIFY_CLIENT_ID: clientId,
        SPOTIFY_CLIENT_SECRET: clientSecret,
        SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
        SPOTIFY_API_URL: simulator.apiUrl,
      });
      await server.waitForOutput(/Turntable is at/);
      return { server, at: `http://127.0.0.1:${port}` };
    }),
  );
  return {
    simulator,
    baseUrl: url,
    servers: all.map(({ at }) => at),
    async jumpAll() {
      for (const { server } of all) {
        server.child.kill('SIGUSR2');
        await server.waitForOutput(/the clock has jumped/);
      }
    },
  };
}
