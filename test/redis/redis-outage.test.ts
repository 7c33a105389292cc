import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { until, visit } from '../support/fleet.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { usualRedisDeadline } from '../support/timing.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

/** The page loads again without a restart. */
async function isBack(mara: Browser): Promise<void> {
  await until(async () => (await mara.get('/now-playing')).status === 200);
}

async function isTurnedAway(mara: Browser, path: string): Promise<void> {
  const page = await mara.get(path).expect(503);
  assert.match(page.text, /Nothing is lost, and you don’t need to sign in again/);
  assert.equal(page.headers['retry-after'], '2');
}

// fault: redis-stopped
test('while Redis is stopped every page returns 503, and everything works again once it is back', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const { browser, url, logged } = await startTurntable(t, { redisUrl: redis.url });
  const mara = browser();
  await mara.signIn();

  await redis.stop();
  for (const path of ['/now-playing', '/playlists', '/', '/login']) await isTurnedAway(mara, path);
  assert.match((await mara.failSignIn('/callback?state=a&code=b', 503)).text, /Nothing is lost/);
  for (const path of ['/', '/login']) await isTurnedAway(browser(), path);
  assert.equal((await mara.post('/logout')).status, 503);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  assert.equal(JSON.parse((await mara.getJson('/now-playing').expect(503)).text).reason, 'redis-unavailable');

  await redis.start();
  await isBack(mara);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.match(logged.join(''), /Redis does not answer.*redis-server --appendonly yes/);
  assert.match(logged.join(''), /Redis is responding again/);
});

test('while Redis hangs, pages return 503 instead of hanging, and no one is signed out', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const { browser } = await startTurntable(t, { redisUrl: redis.url, timing: usualRedisDeadline });
  const mara = browser();
  await until(async () => (await mara.get(await mara.agree())).status === 303);

  await redis.freeze();
  await isTurnedAway(mara, '/now-playing');
  redis.thaw();
  await isBack(mara);
});

test('a Redis that refuses writes is reported as unavailable, never as a success, and reads still work', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const { browser } = await startTurntable(t, { redisUrl: redis.url });
  const [mara, noor] = [browser(), browser()];
  await mara.signIn();
  const way = await noor.agree('noor');
  const direct = new Redis(redis.url);
  t.after(() => direct.disconnect());

  await direct.config('SET', 'maxmemory', '1');
  await noor.failSignIn(way, 503);
  assert.equal(noor.sessionCookie(), undefined);
  await mara.get('/now-playing').expect(200);

  await direct.config('SET', 'maxmemory', '0');
  await noor.get(way).expect(303);
});

// fault: sign-in-while-redis-fails
test('a new sign-in that Redis refuses leaves the previous one as it was', async (t) => {
  const redis = await startRedisProxy(t);
  const { browser } = await startTurntable(t, { redisUrl: redis.url });
  const mara = browser();
  await mara.signIn();
  const before = mara.sessionCookie();

  for (const lost of [command('set', 'session:'), command('eval', 'browsers:'), command('set', 'grant:')]) {
    const way = await mara.agree();
    redis.dropReplyTo(lost);

    await mara.failSignIn(way, 503);

    assert.equal(mara.sessionCookie(), before);
    await isBack(mara);
  }
});

/** Marks a key that does not hold a string. */
const aList = 'a list';

// fault: damaged-session-or-grant
test('a damaged session or grant signs its browser out, is counted, and is never an error; a sealed grant is not removed', async (t) => {
  const { browser, keys, redisUrl, logged } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());

  for (const [kind, record] of [
    ...['{bad', '{}', '"x"', '[]', '123', 'null', '{"cookie":null}', aList].map(
      (one) => ['session', one] as const,
    ),
    ...['', 'x', '1:', '1:abc.def', '{"accessToken":"x"}', aList].map((one) => ['grant', one] as const),
  ]) {
    // Another process may have the key it is sealed with, or this one after a change of secrets.
    const isLeft = kind === 'grant' && record !== aList;
    const mara = browser();
    await mara.signIn();
    const key = (await keys()).find((one) => one.startsWith(`${kind}:`)) ?? '';
    await redis.del(key);
    if (record === aList) await redis.lpush(key, 'x');
    else await redis.set(key, record);

    await mara.get('/now-playing').expect(303);
    assert.equal((await mara.get('/').expect(200)).status, 200);

    assert.deepEqual(
      (await keys()).filter((one) => one === key),
      isLeft ? [key] : [],
      `${kind} ${record}`,
    );
    assert.match(logged.splice(0).join(''), new RegExp(`"kind":"${kind}".*damaged`), `${kind} ${record}`);
    await mara.signIn();
    await mara.get('/now-playing').expect(200);
    for (const left of await keys()) await redis.del(left);
  }
});

// fault: session-with-one-bad-field
test('a session record that is right but for one field is treated as absent, and is never an error', async (t) => {
  const { browser, keys, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();
  const key = (await keys()).find((one) => one.startsWith('session:')) ?? '';
  const whole = JSON.parse((await redis.get(key)) ?? '');

  for (const wrong of [
    { listener: null },
    { listener: { ...whole.listener, name: 5 } },
    { listener: { ...whole.listener, accountId: {} } },
    { startedAt: '2026' },
    { startedAt: 1e300 },
    { startedAt: -1e300 },
  ]) {
    await redis.set(key, JSON.stringify({ ...whole, ...wrong }), 'EX', 60);

    await mara.get('/now-playing').expect(303);
    await mara.get('/').expect(200);

    assert.equal(await redis.exists(key), 0, JSON.stringify(wrong));
  }

  // The cookie settings in a record are not read at all.
  for (const cookie of [
    null,
    [],
    'x',
    { ...whole.cookie, originalMaxAge: 'long' },
    { ...whole.cookie, maxAge: 'long' },
    { ...whole.cookie, expires: 'some day' },
    { ...whole.cookie, serialize: 1, toJSON: 1 },
  ]) {
    await redis.set(key, JSON.stringify({ ...whole, cookie }), 'EX', 60);
    for (const path of ['/now-playing', '/account']) await mara.get(path).expect(200);
  }
  await mara.signIn();
  await mara.get('/now-playing').expect(200);
});

// fault: grant-without-generation
test('a grant whose generation is not a number is treated as absent', async (t) => {
  const { browser, keys, redisUrl, clock } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());

  for (const generation of ['x', '', '01', '1.5', ' 1', '-1', '0', '9'.repeat(40)]) {
    const mara = browser();
    await mara.signIn();
    const key = (await keys()).find((one) => one.startsWith('grant:')) ?? '';
    const sealed = (await redis.get(key))?.split(':')[1];
    const record = `${generation}:${sealed}`;
    await redis.set(key, record);
    clock.advance({ hours: 2 });

    await mara.get('/now-playing').expect(303);

    assert.equal(await redis.get(key), record, generation);
    for (const left of await keys()) await redis.del(left);
  }
});

test('a Redis that asks for a password is distinguished from one that is down', { skip }, async (t) => {
  const redis = await startOwnRedis(t);
  const direct = new Redis(redis.url);
  t.after(() => direct.disconnect());
  await direct.config('SET', 'requirepass', 'a-password');

  for (const url of [redis.url, redis.url.replace('//', '//:wrong@')]) {
    const { browser, logged } = await startTurntable(t, { redisUrl: url });
    await browser().get('/').expect(503);
    assert.match(logged.join(''), /Redis refuses the connection.*Check the user and password in REDIS_URL/);
    assert.doesNotMatch(logged.join(''), /wrong@/);
  }
});

// fault: grant-copied-to-other-session
test('a grant copied to another session, even of the same listener, does not open', async (t) => {
  const { browser, keys, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const grants = async () => (await keys()).filter((key) => key.startsWith('grant:'));
  const mara = browser();
  await mara.signIn('mara');
  const [maras = ''] = await grants();

  for (const listener of ['noor', 'mara']) {
    const other = browser();
    const before = await grants();
    await other.signIn(listener);
    const others = (await grants()).find((key) => !before.includes(key)) ?? '';
    await redis.set(others, (await redis.get(maras)) ?? '');
    await other.get('/now-playing').expect(303);
  }
  await mara.get('/now-playing').expect(200);
});

// fault: secret-changed
test('a new secret before the old one in SESSION_SECRET signs no one out; removing the old one does', async (t) => {
  const [old, fresh] = ['the old one that has been long enough', 'the fresh one that is long enough'];
  const before = await startTurntable(t, { env: { SESSION_SECRET: old } });
  const mara = before.browser();
  await mara.signIn();
  const Cookie = mara.cookieHeader();
  const statusWith = async (SESSION_SECRET: string) => {
    const { url, baseUrl } = await startTurntable(t, { sharedWith: before, env: { SESSION_SECRET } });
    return (await visit(`${url}/now-playing`, 'GET', Cookie, baseUrl)).status;
  };

  assert.equal(await statusWith(`${fresh},${old}`), 200);
  assert.equal(await statusWith(fresh), 303);
});
