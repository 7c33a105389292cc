import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { createSeal } from '../../src/access/seal.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { startLiveListener } from '../support/live-listener.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { boundTo } from '../support/redis.ts';
import { command, startRedisProxy } from '../support/redis-proxy.ts';
import { clientId, countTokenRequests, startTurntable } from '../support/turntable.ts';

const secret = 'of-these-tests-and-long-enough-for-it';

/** Longer than a test may take: a page that waits for a lock fails it. */
const lockWait = { lockWaitMs: 600_000, leaseMs: 500_000 };

async function signedIn(t: TestContext, options: Parameters<typeof startTurntable>[1] = {}) {
  const turntable = await startTurntable(t, { env: { SESSION_SECRET: secret }, ...options });
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  const mara = turntable.browser();
  await mara.signIn('mara', allowAll);
  const sessionId = /^s:([^.]+)\./.exec(decodeURIComponent(mara.sessionCookie() ?? ''))?.[1] ?? '';
  const session = JSON.parse((await redis.get(`session:{${sessionId}}`)) ?? '');
  const { accountId }: { accountId: string } = session.listener;
  return { ...turntable, redis, mara, sessionId, session, accountId };
}

/** The kinds of record that the log has reported as damaged since the last call. */
function damagedIn(logged: string[]): string[] {
  return logged
    .splice(0)
    .map((line) => JSON.parse(line))
    .filter(({ message }) => /damaged/.test(message))
    .map(({ kind }) => kind);
}

// fault: session-of-newer-version
test('a session of a newer version is treated as absent and left alone, and works again under that version', async (t) => {
  const { mara, redis, sessionId, session, logged } = await signedIn(t);
  const key = `session:{${sessionId}}`;
  const newer = JSON.stringify({ ...session, v: 2, listener: 'of another form' });
  await redis.set(key, newer, 'KEEPTTL');
  damagedIn(logged);

  for (const path of ['/now-playing', '/account']) await mara.get(path).expect(303);
  await mara.get('/').expect(200);
  await mara.post('/logout').expect(303);

  assert.equal(await redis.get(key), newer);
  assert.deepEqual(damagedIn(logged), [], 'it is not damaged');
  await redis.set(key, JSON.stringify(session), 'KEEPTTL');
  await mara.get('/now-playing').expect(200);
});

// fault: sign-in-beside-newer-session
test('a sign-in next to a session of a newer version overwrites nothing of it', async (t) => {
  const { mara, redis, sessionId, session } = await signedIn(t);
  const newer = JSON.stringify({ ...session, v: 2 });
  await redis.set(`session:{${sessionId}}`, newer, 'KEEPTTL');
  const grant = await redis.get(`grant:{${sessionId}}`);

  await mara.signIn('mara');
  await mara.get('/now-playing').expect(200);

  assert.equal(await redis.get(`session:{${sessionId}}`), newer);
  assert.equal(await redis.get(`grant:{${sessionId}}`), grant);
});

// fault: unreadable-or-newer-grant
test('a grant that does not open, or is of a newer version, is left to its TTL, and works again once it opens', async (t) => {
  const { mara, redis, sessionId, logged, clock } = await signedIn(t);
  const key = `grant:{${sessionId}}`;
  const seal = createSeal([secret]);
  const intact = (await redis.get(key)) ?? '';
  const fields = JSON.parse(seal.open(intact.slice(2), boundTo(key)).text ?? '');

  for (const [record, damaged] of [
    [
      `1:${createSeal(['another secret, of a process beside']).seal(JSON.stringify(fields), boundTo(key))}`,
      true,
    ],
    [`1:${intact.slice(2, 30)}`, true],
    [`1:${seal.seal(JSON.stringify({ ...fields, refreshToken: 7 }), boundTo(key))}`, true],
    [`1:${seal.seal(JSON.stringify({ ...fields, shape: 2 }), boundTo(key))}`, false],
    [JSON.stringify({ shape: 2, sealed: intact }), false],
  ] as const) {
    damagedIn(logged);
    await redis.set(key, record, 'KEEPTTL');
    await mara.get('/now-playing').expect(303);
    await mara.getJson('/account').expect(401);
    clock.advance({ minutes: 5 });

    assert.equal(await redis.get(key), record);
    assert.deepEqual([...new Set(damagedIn(logged))], damaged ? ['grant'] : []);
    await redis.set(key, intact, 'KEEPTTL');
    await mara.get('/now-playing').expect(200);
  }
});

// fault: browser-of-newer-version
test('an entry of a newer version in the list of browsers is left alone, and signed out everywhere like the others', async (t) => {
  const { mara, redis, sessionId, accountId, browser, keys } = await signedIn(t);
  const key = `browsers:{${accountId}}`;
  await redis.hset(key, sessionId, JSON.stringify({ shape: 2, names: ['of another form'] }));
  const other = browser();
  await other.signIn('mara');

  assert.equal((await other.getJson('/account').expect(200)).body.browsers.length, 1);
  assert.match((await redis.hget(key, sessionId)) ?? '', /"shape":2/);
  await other.post('/account/sign-out-everywhere').expect(303);

  await mara.get('/now-playing').expect(303);
  assert.deepEqual(
    (await keys()).filter((one) => !one.startsWith('used-state:')),
    [],
  );
});

test('an observation from before players had shuffle and repeat counts as one of another version', async (t) => {
  const { mara, redis, accountId, logged, clock } = await signedIn(t);
  await mara.get('/now-playing').expect(200);
  const key = `now-playing:{${accountId}}`;
  const { playback, ...rest } = JSON.parse((await redis.get(key)) ?? '');
  const { shuffle: _shuffle, repeat: _repeat, context: _context, ...earlier } = playback;
  await redis.set(key, JSON.stringify({ ...rest, shape: 5, playback: earlier }));
  damagedIn(logged);

  clock.advance({ seconds: 5 });
  await mara.get('/now-playing').expect(200);

  assert.deepEqual(damagedIn(logged), []);
});

// fault: damaged-record-replaced-meanwhile
test('a damaged record is removed by comparing: one that was written in the meantime stays', async (t) => {
  const line = await startRedisProxy(t);
  const { mara, redis, accountId, logged, simulator, clock } = await signedIn(t, {
    redisUrl: line.url,
  });
  await mara.get('/now-playing').expect(200);
  const key = `now-playing:{${accountId}}`;
  const intact = (await redis.get(key)) ?? '';
  const { playback: _playback, ...rest } = JSON.parse(intact);
  const damaged = JSON.stringify(rest);

  await redis.set(key, damaged);
  const removing = line.hold(command('eval', key), 'before');
  clock.advance({ seconds: 2 });
  simulator.rateLimit(600);
  await mara.get('/playlists?page=2').expect(503);
  const page = mara.get('/now-playing').then(({ status }) => status);
  await removing.reached;
  const direct = new Redis(line.direct);
  t.after(() => direct.disconnect());
  await direct.set(key, intact);
  removing.release();

  assert.equal(await page, 503, 'what was read is not used');
  assert.equal(await direct.get(key), intact);
  assert.deepEqual(damagedIn(logged), ['now-playing']);
  await mara.get('/now-playing').expect(200);
});

// fault: damaged-lock
test('a lock of another type or text, without a TTL or with one that is too long, is removed: no page waits for it', async (t) => {
  const { mara, redis, sessionId, clock, simulator, logged } = await signedIn(t, { timing: lockWait });
  const key = `lock:grant:{${sessionId}}`;

  for (const [what, harm] of [
    ['a list', () => redis.rpush(key, 'x')],
    ['a hash', () => redis.hset(key, 'x', 'y')],
    ['an owner without an end', () => redis.set(key, '01234567-89ab-cdef-0123-456789abcdef')],
    [
      'an owner with a TTL that is too long',
      () => redis.set(key, '01234567-89ab-cdef-0123-456789abcdef', 'EX', 3_600),
    ],
    [
      'a newer shape with a TTL that is too long',
      () => redis.set(key, '{"shape":2,"owner":"x"}', 'EX', 3_600),
    ],
    ['a text that is no owner', () => redis.set(key, 'x', 'EX', 8)],
    ['an empty text', () => redis.set(key, '', 'EX', 8)],
  ] as const) {
    await harm();
    clock.advance({ hours: 2 });
    simulator.forgetCalls();
    damagedIn(logged);
    await mara.get('/account').expect(200);
    assert.equal(countTokenRequests(simulator, 'refresh_token'), 1, what);
    assert.equal(await redis.exists(key), 0, what);
    assert.deepEqual(damagedIn(logged), ['lock'], what);
  }

  await redis.set(key, '01234567-89ab-cdef-0123-456789abcdef', 'EX', 8);
  clock.advance({ hours: 2 });
  const waiting = mara.get('/account').then(({ status }) => status);
  simulator.forgetCalls();
  await until(async () => (await redis.exists(key)) === 1);
  assert.equal(countTokenRequests(simulator, 'refresh_token'), 0, 'a real one is waited for');
  await redis.del(key);
  assert.equal(await waiting, 200);
});

// fault: damaged-lease
test('an invalid lease is taken over, and the player is polled', async (t) => {
  const { mara, redis, accountId, url, clock, simulator, logged } = await signedIn(t);
  const key = `lease:{${accountId}}`;
  await mara.get('/now-playing').expect(200);

  for (const harm of [
    () => redis.rpush(key, 'x'),
    () => redis.set(key, 'x', 'EX', 3_600),
    () => redis.set(key, '01234567-89ab-cdef-0123-456789abcdef'),
    () => redis.set(key, '01234567-89ab-cdef-0123-456789abcdef', 'EX', 3_600),
  ]) {
    await redis.del(key);
    await harm();
    const stream = await openStream(t, url, mara);
    simulator.forgetCalls();
    clock.advance({ minutes: 10 });
    await until(() => apiRequests(simulator).includes('GET /me/player'));
    stream.close();
  }

  // With a TTL like ours only its text shows that it is invalid.
  await redis.set(key, 'x', 'PX', 6_000);
  damagedIn(logged);
  await openStream(t, url, mara);
  await until(() => damagedIn(logged).includes('lease'));
});

// fault: damaged-messages
test('messages that are damaged are ignored and counted, those of another version are only ignored, and later ones are processed', async (t) => {
  const { url, mara, redisUrl, logged, simulator, name } = await startLiveListener(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const { keyPrefix = '' } = redis.options;
  const accountId = (await redis.keys(`${keyPrefix}now-playing:*`))[0]?.split(':').at(-1)?.slice(1, -1) ?? '';
  const record = JSON.parse((await redis.get(`now-playing:{${accountId}}`)) ?? '');
  const { shape, boundTo: _boundTo, ...observation } = record;
  const update = { observation, cooldown: null, spotifyDown: false, redisDown: false };
  const message = { shape, from: 'elsewhere', kind: 'update', accountId, update };
  const stream = await openStream(t, url, mara);
  await stream.waitFor(({ event }) => event === 'card');
  const say = (one: unknown) =>
    redis.publish(`${keyPrefix}live:{${clientId}}`, typeof one === 'string' ? one : JSON.stringify(one));
  damagedIn(logged);
  const ofOthers = [
    { ...message, shape: shape - 1 },
    { ...message, shape: shape + 1 },
    { ...message, kind: 'another' },
    { shape: 99, from: 'elsewhere', kind: 'end', sessionIds: [] },
  ];
  for (const one of ofOthers) await say(one);

  const odd = [
    'not JSON',
    '{}',
    'null',
    '[]',
    { ...message, from: 7 },
    { ...message, accountId: {} },
    { ...message, update: null },
    ...Object.keys(update).map((field) => ({ ...message, update: { ...update, [field]: 'x' } })),
    ...Object.keys(observation).map((field) => ({
      ...message,
      update: { ...update, observation: { ...observation, [field]: { x: 1 } } },
    })),
    { shape: 4, from: 'elsewhere', kind: 'poll', accountId, since: 'now' },
    { shape: 4, from: 'elsewhere', kind: 'end', sessionIds: [7] },
    { shape: 4, from: 'elsewhere', kind: 'end', sessionIds: 'all' },
  ];
  for (const one of odd) await say(one);
  const counted: string[] = [];
  await until(() => {
    counted.push(...damagedIn(logged));
    return counted.length >= odd.length;
  });
  assert.deepEqual(
    counted,
    odd.map(() => 'message'),
  );
  assert.equal(stream.cards().length, 1, 'nothing of it was shown');

  simulator.plays('mara', { kind: 'track', index: 3, progressMs: 0 });
  await mara.get('/devices').expect(200);
  const item = { ...observation.playback.item, name: 'Something else' };
  const { playback, askedAt } = observation;
  const newer = { ...observation, askedAt: askedAt + 1, playback: { ...playback, item } };
  await say({ ...message, update: { ...update, observation: newer } });
  await stream.waitFor(({ data }) => data.title === 'Something else' && data.title !== name);
});

// fault: damaged-cooldown
test('neither an invalid cooldown nor a probe that never ends stops calls', async (t) => {
  const { mara, redis, clock, logged } = await signedIn(t);
  const key = `ledger:{${clientId}}`;
  const far = clock.now() + 30 * 24 * 3_600_000;
  const at = clock.now();

  for (const text of [
    '',
    'x',
    String(far),
    `1e999 rate ${at}`,
    `${far} rate ${at}`,
    `${'9'.repeat(30)} rate ${at}`,
    `${at + 60_000} or so`,
    `${at + 60_000} whatever ${at}`,
  ]) {
    damagedIn(logged);
    clock.advance({ seconds: 2 });
    await redis.hset(key, 'closed all', text);
    await mara.get('/now-playing').expect(200);
    assert.equal(await redis.hget(key, 'closed all'), null, text);
    assert.deepEqual([...new Set(damagedIn(logged))], ['ledger'], text);
  }

  await redis.hset(key, 'a later kind of field', 'x');
  clock.advance({ seconds: 2 });
  await mara.get('/now-playing').expect(200);
  assert.equal(await redis.hget(key, 'a later kind of field'), 'x');

  for (const probe of ['x', '', String(far)]) {
    const ended = `${clock.now() - 1_000} rate ${at}`;
    await redis.hset(key, 'closed all', ended, 'probe all', probe);
    clock.advance({ seconds: 2 });
    await mara.get('/now-playing').expect(200);
    assert.equal(await redis.hget(key, 'closed all'), null, 'the call that probed has ended the wait');
  }
});

test('an invalid cooldown of the accounts service stops nothing; one that a later version has written is left alone', async (t) => {
  const { mara, redis, clock, logged } = await signedIn(t);
  const key = `cooldown-accounts:{${clientId}}`;
  const far = clock.now() + 30 * 24 * 3_600_000;
  const later = JSON.stringify({ shape: 2, until: far });

  for (const text of ['x', '', String(far), later]) {
    await redis.set(key, text, 'EX', 3_600);
    clock.advance({ hours: 2 });
    damagedIn(logged);
    await mara.get('/playlists').expect(200);

    assert.equal(await redis.get(key), text === later ? later : null, text);
    assert.deepEqual(damagedIn(logged), text === later ? [] : ['cooldown-accounts'], text);
  }
});

// fault: damaged-call-count
test('calls are counted even if the stored count is invalid', async (t) => {
  const { mara, redis, clock, logged } = await signedIn(t);
  const key = `calls:{${clientId}}`;
  const bin = Math.floor(clock.now() / 3_600_000);
  const field = `lists ${bin}`;
  const used = async () => Number(await redis.hget(key, field));
  const before = await used();
  const damaged = [field, 'many', 'yesterday', '3', `lists ${bin + 1_000}`, '999999', `no-one ${bin}`, '1'];
  await redis.hset(key, ...damaged);
  damagedIn(logged);

  await mara.get('/playlists').expect(200);
  assert.equal(await used(), 1, `in place of ${before}`);
  await mara.get('/now-playing').expect(200);
  const left = Object.keys(await redis.hgetall(key));
  assert.deepEqual(
    left.filter((one) => damaged.includes(one)),
    [field],
  );
  assert.deepEqual([...new Set(damagedIn(logged))], ['calls']);

  await redis.del(key);
  await redis.set(key, 'x');
  clock.advance({ seconds: 2 });
  await mara.get('/now-playing').expect(200);
  assert.equal(await redis.type(key), 'hash');
});

// fault: endless-stream-slots
test('stream slots that never expire are treated as free', async (t) => {
  const { mara, redis, url, sessionId } = await signedIn(t);
  const key = `streams:{${sessionId}}`;
  await mara.get('/now-playing').expect(200);
  for (const harm of [
    () => redis.zadd(key, ...Array.from({ length: 20 }, (_, place) => ['+inf', `x${place}`]).flat()),
    () => redis.set(key, 'x'),
  ]) {
    await redis.del(key);
    await harm();
    const stream = await openStream(t, url, mara);
    assert.equal(stream.status, 200);
    stream.close();
  }
});

// fault: damaged-idempotency-record
test('a form is handled once despite an invalid record, and redirects only to our own pages', async (t) => {
  const { mara, redis, simulator, keys } = await signedIn(t);
  const send = async (form: object) => mara.post('/playlists').type('form').send(form).expect(303);
  const created = () => apiRequests(simulator).filter((call) => call === 'POST /me/playlists').length;
  const keyOfForms = async () => (await keys()).filter((key) => key.startsWith('idempotency:'));

  for (const [index, text] of [
    '//evil.example/',
    '/\\evil.example',
    'https://evil.example',
    'x',
    '{}',
  ].entries()) {
    const form = { name: 'New', idempotencyKey: `form ${index}` };
    const before = await keyOfForms();
    const { headers } = await send(form);
    const [key = ''] = (await keyOfForms()).filter((one) => !before.includes(one));
    await redis.set(key, text, 'EX', 60);
    simulator.forgetCalls();

    const again = await send(form);

    assert.match(again.headers.location ?? '', /^\/playlists\//, `${text}, as at first: ${headers.location}`);
    assert.equal(created(), 1, 'nothing says that it was done');
    await send(form);
    assert.equal(created(), 1, 'and now it is known');
  }
});

// fault: damaged-used-state
test('the callback from Spotify works despite an invalid record', async (t) => {
  const { redis, browser, simulator } = await signedIn(t);

  for (const harm of [
    (key: string) => redis.rpush(key, 'x'),
    (key: string) => redis.set(key, 'x', 'EX', 60),
    (key: string) => redis.set(key, '1'),
  ]) {
    const noor = browser();
    const way = await noor.agree('noor');
    const state = new URLSearchParams(way.split('?')[1]).get('state') ?? '';
    await harm(`used-state:{${createHash('sha256').update(state).digest('base64url')}}`);
    await noor.get(way).expect(303);
    simulator.forgetCalls();
    await noor.get(way).expect(303);
    assert.equal(simulator.calls.length, 0, 'it is known that it was good once');
  }
});

// fault: damaged-api-version
test('the API version is detected again if its record is invalid', async (t) => {
  const { mara, redis, logged, clock } = await signedIn(t, { simulator: { apiVersion: 'legacy' } });
  const [playlist] = (await mara.getJson('/playlists').expect(200)).body.playlists as { id: string }[];
  const path = `/playlists/${playlist?.id}`;
  await mara.get(path).expect(200);
  const key = `api-version:{${clientId}}`;
  assert.equal(await redis.get(key), 'legacy');

  for (const text of ['x', '', '2026-02', '{"apiVersion":"legacy"}']) {
    await redis.set(key, text);
    damagedIn(logged);
    clock.advance({ minutes: 11 });
    await mara.get(path).expect(200);
    assert.deepEqual([...new Set(damagedIn(logged))], ['api-version'], text);
    assert.equal(await redis.get(key), 'legacy');
  }
});
