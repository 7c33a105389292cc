import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { visit as visitAt } from '../support/fleet.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { testTiming } from '../support/timing.ts';
import {
  type Browser,
  countTokenRequests,
  holdResponse,
  openGrants,
  startTurntable,
  type Turntable,
} from '../support/turntable.ts';

const sessionSecret = 'of-these-tests-and-long-enough-for-it';
const env = { SESSION_SECRET: sessionSecret };

/** The grant as it is in Redis; null if there is none. */
async function storedGrant(t: TestContext, turntable: Turntable) {
  const key = (await turntable.keys()).find((one) => one.startsWith('grant:'));
  return key ? openGrants(t, turntable, sessionSecret).read(key.slice('grant:{'.length, -1)) : null;
}

function leftOf(keys: string[]): string[] {
  return keys.filter((key) => !key.startsWith('used-state:'));
}

function visit(url: string, person: Browser, { path = '/now-playing', method = 'GET' } = {}) {
  return visitAt(url + path, method, person.cookieHeader(), `http://${person.host}`);
}

test('a refresh that finishes after its lease does not overwrite a newer one', async (t) => {
  const timing = { ...testTiming, accountsDeadlineMs: 60_000, leaseMs: 200 };
  const paused = await startTurntable(t, { env, timing });
  const other = await startTurntable(t, { env, timing, sharedWith: paused });
  const { simulator, clock } = paused;
  const mara = paused.browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.forgetCalls();

  const held = holdResponse(simulator, 'token');
  const late = visit(paused.url, mara);
  await held.reached;
  const quick = await visit(other.url, mara);
  assert.equal(quick.status, 200);
  const newest = await storedGrant(t, paused);

  held.release();
  assert.equal((await late).status, 200);
  assert.deepEqual(await storedGrant(t, paused), newest);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 2);
});

test('signing out during a refresh leaves nothing behind', async (t) => {
  const turntable = await startTurntable(t, { env });
  const { simulator, clock, keys, url } = turntable;
  const mara = turntable.browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.forgetCalls();

  const held = holdResponse(simulator, 'token');
  const page = visit(url, mara);
  await held.reached;
  await mara.post('/logout').expect(303);

  held.release();
  assert.equal((await page).status, 401);
  assert.deepEqual(leftOf(await keys()), []);
  await mara.get('/now-playing').expect(303);
});

test('signing out on one server during a slow page on another leaves nothing behind', async (t) => {
  const slow = await startTurntable(t, { env });
  const other = await startTurntable(t, { env, sharedWith: slow });
  const { simulator, keys } = slow;
  const mara = slow.browser();
  await mara.signIn();
  simulator.forgetCalls();

  const held = holdResponse(simulator, 'api');
  const page = visit(slow.url, mara);
  await held.reached;
  assert.equal((await visit(other.url, mara, { path: '/logout', method: 'POST' })).status, 303);

  held.release();
  assert.equal((await page).status, 200);
  assert.deepEqual(leftOf(await keys()), []);
  assert.equal((await visit(slow.url, mara)).status, 303);
});

test('a second sign-in while the first page is still loading keeps its own grant', async (t) => {
  const turntable = await startTurntable(t, { env });
  const { simulator, clock, url, keys } = turntable;
  const mara = turntable.browser();
  await mara.signIn();
  clock.advance({ hours: 2 });
  simulator.forgetCalls();
  const before = mara.sessionCookie();

  const held = holdResponse(simulator, 'token');
  const slow = visit(url, mara);
  await held.reached;
  await mara.signIn();
  assert.notEqual(mara.sessionCookie(), before);

  held.release();
  assert.equal((await slow).status, 401, 'the old session is over');
  await mara.get('/now-playing').expect(200);
  assert.equal((await keys()).filter((key) => key.startsWith('grant:')).length, 1);
});

// fault: callback-awaits-save
test('the callback is answered only after session and grant are saved', async (t) => {
  for (const write of [command('set', 'session:'), command('eval', 'browsers:'), command('set', 'grant:')]) {
    const redis = await startRedisProxy(t);
    const { browser, url } = await startTurntable(t, { env, redisUrl: redis.url });
    const mara = browser();
    const way = await mara.agree();
    const directly = new Redis(redis.direct);
    t.after(() => directly.disconnect());
    const { keyPrefix = '' } = directly.options;

    const reached = redis.delay(write, 300);
    const sent = request(url + way, { headers: { Cookie: mara.cookieHeader() } }).end();
    // A browser follows a redirect as soon as it has the headers, so everything must be saved by then.
    const [back] = (await once(sent, 'response')) as [IncomingMessage];
    assert.equal(back.statusCode, 303);
    await reached;
    const kinds = (await directly.keys(`${keyPrefix}*`))
      .map((key) => key.slice(keyPrefix.length).split(':')[0] ?? '')
      .filter((kind) => !['calls', 'limit', 'ledger', 'cooldown-accounts'].includes(kind));
    assert.deepEqual(kinds.sort(), ['browsers', 'grant', 'session', 'used-state'], `${write} held up`);
    back.resume();
  }
});

// fault: session-ends-during-save
test('a session that ends while a save of it is in flight does not come back', async (t) => {
  const redis = await startRedisProxy(t);
  const turntable = await startTurntable(t, { env, redisUrl: redis.url });
  const other = await startTurntable(t, { env, sharedWith: { ...turntable, redisUrl: redis.direct } });
  const mara = turntable.browser();
  const way = await mara.agree();

  // express-session saves once more when the response to a sign-in ends; that save is held while the person signs out.
  redis.delay(command('set', 'session:'), 300, 2);
  const sent = request(turntable.url + way, { headers: { Cookie: mara.cookieHeader() } }).end();
  const [back] = (await once(sent, 'response')) as [IncomingMessage];
  const Cookie = back.headers['set-cookie']?.find((one) => one.includes('-session='))?.split(';')[0];
  assert.ok(Cookie);
  const out = await visitAt(`${other.url}/logout`, 'POST', Cookie, turntable.url);
  assert.equal(out.status, 303);
  back.resume();
  await once(back, 'end');

  assert.deepEqual(leftOf(await other.keys()), []);
});

// fault: slow-page-after-refresh
test('a slow page that started before a refresh does not restore the old token', async (t) => {
  const turntable = await startTurntable(t, { env });
  const { simulator, clock, url } = turntable;
  simulator.settings.rotation = 'strict';
  const mara = turntable.browser();
  await mara.signIn();
  simulator.forgetCalls();

  const held = holdResponse(simulator, 'api');
  const slow = visit(url, mara, { path: '/playlists' });
  await held.reached;
  clock.advance({ hours: 2 });
  assert.equal((await visit(url, mara)).status, 200);
  const refreshed = await storedGrant(t, turntable);
  assert.equal(refreshed?.generation, 2);

  held.release();
  assert.equal((await slow).status, 200);
  assert.deepEqual(await storedGrant(t, turntable), refreshed);
  clock.advance({ hours: 2 });
  assert.equal((await visit(url, mara)).status, 200);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 2);
});
