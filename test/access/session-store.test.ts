import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SessionData, Store } from 'express-session';
import { Redis } from 'ioredis';
import { absoluteLifetimeMs } from '../../src/access/lifetime.ts';
import { createSessionRecords, sessionShape } from '../../src/access/session-records.ts';
import { RedisUnavailable } from '../../src/redis/errors.ts';
import { createSessionStore } from '../../src/web/session-store.ts';
import { createClock } from '../support/clock.ts';
import { recordsIn, testRedisUrl } from '../support/redis.ts';

const listener = { accountId: 'account-mara', id: 'mara', name: 'Mara' };

async function createStore(t: TestContext) {
  const redis = new Redis(await testRedisUrl());
  t.after(() => redis.disconnect());
  const clock = createClock(Date.now());
  const sessionRecords = createSessionRecords({ records: recordsIn(redis), now: clock.now });
  const store = createSessionStore({ redis, sessionRecords, now: clock.now });
  return { redis, clock, sessionRecords, store };
}

const get = (store: Store, id: string) =>
  new Promise<SessionData | null | undefined>((resolve, reject) => {
    store.get(id, (error, data) => (error ? reject(error) : resolve(data)));
  });
const set = (store: Store, id: string, data: object) =>
  new Promise<void>((resolve, reject) => {
    store.set(id, data as SessionData, (error) => (error ? reject(error) : resolve()));
  });
const destroy = (store: Store, id: string) =>
  new Promise<void>((resolve, reject) => {
    store.destroy(id, (error) => (error ? reject(error) : resolve()));
  });

test('a session is saved in Redis, read back and removed, and its TTL stays', async (t) => {
  const { redis, clock, sessionRecords, store } = await createStore(t);
  const startedAt = clock.now();
  await sessionRecords.write('one', { listener, startedAt });
  const ttl = await redis.pttl(sessionRecords.key('one'));

  const data = { cookie: { originalMaxAge: null }, v: sessionShape, startedAt };
  await set(store, 'one', { ...data, listener: { ...listener, name: 'Mara K.' } });

  const saved = await get(store, 'one');
  assert.deepEqual(saved?.listener, { ...listener, name: 'Mara K.' });
  assert.equal(saved?.startedAt, startedAt);
  const after = await redis.pttl(sessionRecords.key('one'));
  assert.ok(after > 0 && after <= ttl);

  await destroy(store, 'one');
  assert.equal(await get(store, 'one'), null);
  assert.equal(await redis.exists(sessionRecords.key('one')), 0);
});

test('a save that comes after the end of its session does not bring it back', async (t) => {
  const { clock, sessionRecords, store } = await createStore(t);
  const startedAt = clock.now();
  await sessionRecords.write('one', { listener, startedAt });
  await destroy(store, 'one');

  await set(store, 'one', { cookie: {}, v: sessionShape, listener, startedAt });
  assert.equal(await get(store, 'one'), null);
});

test('a session past its lifetime is not read, even if Redis still has it', async (t) => {
  const { redis, clock, sessionRecords, store } = await createStore(t);
  await sessionRecords.write('one', { listener, startedAt: clock.now() });
  await redis.persist(sessionRecords.key('one'));

  clock.advance({ seconds: absoluteLifetimeMs / 1000 + 1 });
  assert.equal(await get(store, 'one'), null);
});

test('if Redis is down, the error is our own and quotes no session', async (t) => {
  const { redis, store } = await createStore(t);
  redis.disconnect();
  const data = { cookie: {}, v: sessionShape, listener, startedAt: 0 };
  await assert.rejects(set(store, 'one', data), (error: Error) => {
    assert.ok(error instanceof RedisUnavailable);
    return !error.message.includes('mara');
  });
});
