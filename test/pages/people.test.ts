import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testInEachApiVersion } from '../support/api-versions.ts';
import { openStream } from '../support/event-stream.ts';
import { until, visit } from '../support/fleet.ts';
import { connectAsServer, testRedisUrl } from '../support/redis.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { clientId, startTurntable, type Turntable } from '../support/turntable.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const owned = { env: { OWNER_LISTENERS: 'mara' } };

function accountOf({ simulator }: Turntable, listener: string): string {
  return simulator.listeners.find(({ id }) => id === listener)?.accountId ?? '';
}

testInEachApiVersion(
  'an owner sees who is signed in, and ends their access until they allow it again',
  async (t) => {
    const turntable = await startTurntable(t, owned);
    const { browser, keys, clock } = turntable;
    const [mara, noor, noorsPhone] = [browser(), browser(), browser()];
    await mara.signIn();
    await noor
      .get(await noor.agree('noor'))
      .set('User-Agent', firefox)
      .expect(303);
    clock.advance({ minutes: 5 });
    await noorsPhone.signIn('noor');

    const account = await mara.get('/account').expect(200);
    assert.match(account.text, /<a href="\/account\/people">See who is signed in<\/a>/);
    const page = await mara.get('/account/people').expect(200);
    assert.match(page.text, /Noor Haddad<\/bdi><\/strong> <span class="small">noor<\/span>/);
    assert.match(page.text, /Firefox on Linux, last seen/);
    assert.match(
      page.text,
      /Mara Lindqvist<\/bdi><\/strong> <span class="small">mara<\/span> <span class="badge">owner/,
    );
    assert.equal(page.text.match(/>End access</g)?.length, 1, 'not the owner’s own');
    const { body } = await mara.getJson('/account/people').expect(200);
    assert.deepEqual(
      body.people.map((one: { id: string; browsers: object[] }) => [one.id, one.browsers.length]).sort(),
      [
        ['mara', 1],
        ['noor', 2],
      ],
    );
    assert.doesNotMatch(JSON.stringify(body), /sessionId/);

    const { accountId } = body.people.find(({ id }: { id: string }) => id === 'noor');
    const form = { account: accountId };
    const ended = await mara.post('/account/people/end').type('form').send(form).expect(303);
    assert.equal(ended.headers.location, '/account/people?notice=access-ended');
    for (const person of [noor, noorsPhone]) await person.get('/account').expect(303);
    assert.equal((await keys()).filter((key) => /^(session|grant|browsers):/.test(key)).length, 3);
    const refused = await noor.failSignIn(await noor.agree('noor'), 403);
    assert.match(refused.text, /This site isn’t open to your account/);
    assert.equal((await keys()).filter((key) => /^(session|grant|browsers):/.test(key)).length, 3);

    const after = await mara.get('/account/people').expect(200);
    assert.match(after.text, /<h2>Access ended<\/h2>[\s\S]*Noor Haddad/);
    assert.doesNotMatch(after.text, />End access</);
    await mara.post('/account/people/allow').set('Accept', 'application/json').send(form).expect(204);
    await noor.signIn('noor');
    await noor.get('/account').expect(200);
  },
);

test('for anyone but owners, the page doesn’t exist, and the account page doesn’t lead there', async (t) => {
  const turntable = await startTurntable(t, owned);
  const { browser } = turntable;
  const [mara, noor] = [browser(), browser()];
  await mara.signIn();
  await noor.signIn('noor');

  assert.doesNotMatch((await noor.get('/account').expect(200)).text, /account\/people/);
  await noor.get('/account/people').expect(404);
  for (const path of ['/account/people/end', '/account/people/allow'])
    await noor
      .post(path)
      .send({ account: accountOf(turntable, 'mara') })
      .expect(404);
  await browser().get('/account/people').expect(303);
  await mara.post('/account/people/end').set('Sec-Fetch-Site', 'cross-site').send({}).expect(403);

  const plain = await startTurntable(t);
  const jonas = plain.browser();
  await jonas.signIn('jonas');
  await jonas.get('/account/people').expect(404);
  assert.ok(!(await plain.keys()).some((key) => key.startsWith('people:')), 'and nothing is stored for it');
});

test('an owner keeps their access, and no one else’s ends who isn’t there', async (t) => {
  const turntable = await startTurntable(t, {
    env: { OWNER_LISTENERS: 'mara,jonas', ALLOWED_LISTENERS: 'noor' },
  });
  const [mara, jonas] = [turntable.browser(), turntable.browser()];
  await mara.signIn();
  await jonas.signIn('jonas');

  for (const account of [accountOf(turntable, 'mara'), accountOf(turntable, 'jonas'), 'no-one', ''])
    await mara.post('/account/people/end').send({ account }).expect(404);

  await jonas.get('/account').expect(200);
  await mara.get('/account').expect(200);
});

test('someone who disconnects is no longer listed, and ending access closes open streams', async (t) => {
  const turntable = await startTurntable(t, owned);
  const { browser, redisUrl, url } = turntable;
  const [mara, noor, jonas] = [browser(), browser(), browser()];
  await mara.signIn();
  await noor.signIn('noor');
  await jonas.signIn('jonas');
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());

  await jonas.post('/account/disconnect').expect(303);
  const listed = await redis.hkeys(`people:{${clientId}}`);
  assert.deepEqual(listed.sort(), [accountOf(turntable, 'mara'), accountOf(turntable, 'noor')].sort());
  assert.ok((await redis.pttl(`people:{${clientId}}`)) > 0);

  const stream = await openStream(t, url, noor);
  await mara
    .post('/account/people/end')
    .send({ account: accountOf(turntable, 'noor') })
    .expect(303);
  await until(() => stream.hasEnded());
});

test('someone who hasn’t come back for 30 days, or signs out while a page is being answered, isn’t stored', async (t) => {
  const redisUrl = await testRedisUrl();
  const proxy = await startRedisProxy(t, redisUrl);
  const turntable = await startTurntable(t, { ...owned, redisUrl: proxy.url });
  const { clock, simulator, baseUrl } = turntable;
  const other = await startTurntable(t, { ...owned, sharedWith: { clock, simulator, redisUrl, baseUrl } });
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  const listed = () => redis.hkeys(`people:{${clientId}}`);
  const [mara, noor, jonas] = [turntable.browser(), turntable.browser(), turntable.browser()];
  await mara.signIn();
  await noor.signIn('noor');
  await jonas.signIn('jonas');
  assert.equal((await listed()).length, 3);

  clock.advance({ minutes: 2 });
  const held = proxy.hold(command('eval', accountOf(turntable, 'jonas')), 'before');
  const visiting = jonas.get('/account').then(({ status }) => status);
  await held.reached;
  await visit(`${other.url}/account/disconnect`, 'POST', jonas.cookieHeader(), baseUrl);
  held.release();
  await visiting;
  await until(async () => (await listed()).length === 2);

  for (let times = 0; times < 2; times += 1) {
    clock.advance({ days: 20 });
    await mara.get('/account').expect(200);
  }
  await until(async () => (await listed()).join() === accountOf(turntable, 'mara'));
});

// fault: access-ended-during-sign-in
test('access that is ended during a sign-in is over at its end', async (t) => {
  const redisUrl = await testRedisUrl();
  const proxy = await startRedisProxy(t, redisUrl);
  const turntable = await startTurntable(t, { ...owned, redisUrl: proxy.url });
  const { browser, keys } = turntable;
  const [mara, noor] = [browser(), browser()];
  await mara.signIn();
  const account = accountOf(turntable, 'noor');
  const way = await noor.agree('noor');
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());

  const held = proxy.hold(command('set', 'grant:'), 'after');
  const signingIn = noor.get(way).then(({ headers }) => headers.location);
  await held.reached;
  const entry = { shape: 1, boundTo: account, id: 'noor', name: null, endedAt: 1 };
  await redis.hset(`people:{${clientId}}`, `${account} ended`, JSON.stringify(entry));
  held.release();

  assert.equal(await signingIn, '/?notice=signed-out');
  await noor.get('/account').expect(303);
  const left = (await keys()).filter((key) => /^(session|grant|browsers):/.test(key));
  assert.equal(left.length, 3, `only mara’s: ${left}`);
});

test('damaged entries are removed and reported, those of another version stay, and access stays ended', async (t) => {
  const turntable = await startTurntable(t, owned);
  const { browser, redisUrl, logged } = turntable;
  const mara = browser();
  await mara.signIn();
  const redis = connectAsServer(redisUrl);
  t.after(() => redis.disconnect());
  const key = `people:{${clientId}}`;
  const account = accountOf(turntable, 'noor');
  await redis.hset(
    key,
    'a',
    'garbage',
    'b',
    '{"shape":1}',
    'c',
    '{"shape":2}',
    `${account} ended`,
    '{"shape":2}',
  );

  const { body } = await mara.getJson('/account/people').expect(200);

  assert.deepEqual([body.people.length, body.former.length], [1, 0]);
  assert.deepEqual(
    (await redis.hkeys(key)).sort(),
    ['c', `${account} ended`, accountOf(turntable, 'mara')].sort(),
  );
  assert.match(logged.join(''), /"kind":"people","why":"an entry"/);
  const noor = browser();
  await noor.failSignIn(await noor.agree('noor'), 403);

  await redis.set(key, 'not a hash');
  await mara.get('/account/people').expect(200);
  await noor.signIn('noor');
  assert.equal((await mara.getJson('/account/people').expect(200)).body.people.length, 1);
});
