import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { summarize } from '../support/each-command.ts';
import { visit } from '../support/fleet.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { countTokenRequests, keyNames, openGrants, startTurntable } from '../support/turntable.ts';

test('a session is written at the sign-in and removed at the sign-out; pages only read it, and extend it once a minute', async (t) => {
  const redis = await startRedisProxy(t);
  const { browser, clock } = await startTurntable(t, { redisUrl: redis.url });
  let said: string[] = [];
  redis.onCommand((command) => said.push(summarize(command)));
  const mara = browser();
  await mara.signIn();
  assert.ok(said.includes('set session'));

  const visited = async () => {
    said = [];
    for (const path of ['/now-playing', '/playlists', '/account', '/nowhere', '/']) await mara.get(path);
    // Calls to Spotify are counted and published to subscribers; requests are counted as well (by a script). Pings, and looks for exports to continue, come at any time.
    return said
      .filter(
        (one) =>
          !/^(get|mget|hgetall|zcount|zrangebyscore|publish|ping)\b|^eval( ledger| now-playing|$)/.test(one),
      )
      .sort();
  };
  const aMinute = ['eval browsers', 'expire grant', 'expire session'];
  assert.deepEqual(await visited(), aMinute);
  assert.deepEqual(await visited(), []);
  clock.advance({ seconds: 59 });
  assert.deepEqual(await visited(), []);
  clock.advance({ seconds: 1 });
  assert.deepEqual(await visited(), aMinute);

  said = [];
  await mara.post('/logout').expect(303);
  const written = said.filter((one) => /^(del|hdel|set) /.test(one)).sort();
  assert.deepEqual(written, ['del grant', 'del now-playing', 'del session', 'del session', 'hdel browsers']);
});

// fault: every-key-has-ttl
test('every key in Redis has a TTL', async (t) => {
  const { browser, clock, keys, redisUrl, simulator } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const haveAnEnd = async (when: string) => {
    const all = await keys();
    for (const key of all) assert.ok((await redis.pttl(key)) > 0, `${when}: ${key}`);
    return all.map((key) => key.split(':')[0]);
  };
  const mara = browser();

  await mara.agree();
  await mara.signIn();
  assert.deepEqual(await haveAnEnd('signed in'), ['browsers', 'grant', 'session', 'used-state']);
  clock.advance({ hours: 2 });
  for (const path of ['/now-playing', '/playlists', '/account']) await mara.get(path).expect(200);
  await haveAnEnd('after a refresh and a minute');
  simulator.fault({ on: 'api', answer: { status: 429, body: '', headers: { 'Retry-After': '3600' } } });
  await mara.get('/playlists?page=2').expect(503);
  await haveAnEnd('in a cooldown');
  for (const key of await keyNames(redisUrl)) assert.ok((await redis.pttl(key)) > 0, key);
  clock.advance({ hours: 2 });
  await mara.signIn();
  await haveAnEnd('signed in again');
  clock.advance({ hours: 2 });
  simulator.revokeGrants();
  await mara.get('/now-playing').expect(401);
  await haveAnEnd('after Spotify has ended it');
});

// fault: lease-lost-before-refresh
test('a process that was suspended past its lease before asking for a token uses the one that another process saved', async (t) => {
  const redis = await startRedisProxy(t);
  const one = await startTurntable(t, { redisUrl: redis.url, timing: { leaseMs: 300 } });
  const other = await startTurntable(t, { sharedWith: { ...one, redisUrl: redis.direct } });
  const mara = one.browser();
  await mara.signIn();
  one.clock.advance({ hours: 2 });
  const held = redis.hold(command('get', 'cooldown-accounts:'), 'after');

  const late = mara.get('/playlists').expect(200).then();
  await held.reached;
  // It waits for the lease to end.
  const page = await visit(`${other.url}/playlists`, 'GET', mara.cookieHeader(), one.baseUrl);
  assert.equal(page.status, 200);
  held.release();

  await late;
  assert.equal(countTokenRequests(one.simulator, 'refresh_token'), 1);
});

// fault: nothing-secret-in-redis
test('Redis contains no readable token: grants are sealed, and sessions hold nothing secret', async (t) => {
  const sessionSecret = 'of-these-tests-and-long-enough-for-it';
  const turntable = await startTurntable(t, { env: { SESSION_SECRET: sessionSecret } });
  const { browser, keys, redisUrl } = turntable;
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();
  const find = async (kind: string) => (await keys()).find((key) => key.startsWith(`${kind}:`)) ?? '';
  const grantKey = await find('grant');
  const grant = await openGrants(t, turntable, sessionSecret).read(grantKey.slice('grant:{'.length, -1));
  assert.ok(grant);

  const record = (await redis.get(grantKey)) ?? '';
  assert.match(
    record,
    /^1:[\w-]{8}\.[\w-]+$/,
    'a generation, the id of the key it is sealed with, and the seal',
  );
  const session = JSON.parse((await redis.get(await find('session'))) ?? '');
  assert.deepEqual(Object.keys(session).sort(), ['cookie', 'listener', 'startedAt', 'v']);
  assert.deepEqual(Object.keys(session.listener).sort(), ['accountId', 'id', 'name']);

  const browsers = await redis.hgetall(await find('browsers'));
  const all = [record, JSON.stringify(session), JSON.stringify(browsers), ...(await keys())].join('\n');
  for (const secret of [grant.accessToken, grant.refreshToken, sessionSecret]) {
    for (const form of [secret, btoa(secret).slice(0, 40), Buffer.from(secret).toString('hex').slice(0, 40)])
      assert.ok(!all.includes(form));
  }
});

// fault: two-session-cookies
test('two session cookies in one request are one session or none, never an error and never someone else’s', async (t) => {
  const { browser, url } = await startTurntable(t);
  const [mara, noor] = [browser(), browser()];
  await mara.signIn('mara');
  await noor.signIn('noor');
  const name = `turntable-${new URL(url).port}-session`;
  const [maras, noors] = [mara.sessionCookie(), noor.sessionCookie()];

  for (const [cookie, whose] of [
    [`${name}=${maras}; ${name}=${noors}`, 'Mara Lindqvist'],
    [`${name}=${noors}; ${name}=${maras}`, 'Noor Haddad'],
    [`${name}=s%3Amade.up; ${name}=${maras}`, null],
    [`${name}=${maras}; ${name}=`, 'Mara Lindqvist'],
    [`${name}=; ${name}=${maras}`, null],
  ] as const) {
    const page = await fetch(`${url}/account`, {
      headers: { Cookie: cookie, Accept: 'text/html' },
      redirect: 'manual',
    });
    if (whose === null) assert.equal(page.status, 303);
    else assert.match(await page.text(), new RegExp(whose));
  }
});

test('a session whose lifetime cannot be extended still works', { skip }, async (t) => {
  const own = await startOwnRedis(t);
  const { browser, clock } = await startTurntable(t, { redisUrl: own.url });
  const redis = new Redis(own.url);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();

  await redis.call('ACL', 'SETUSER', 'default', '-expire');
  for (const path of ['/now-playing', '/account']) {
    clock.advance({ minutes: 2 });
    await mara.get(path).expect(200);
  }
});
