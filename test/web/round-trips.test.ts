import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { startTurntable } from '../support/turntable.ts';

const pages = 30;

test('a page from the cache waits for one round trip to Redis', async (t) => {
  const { browser, redisUrl, simulator } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();
  // Nothing that could be in the library.
  simulator.plays('mara', { kind: 'ad' });

  // Session, grant, and the limit of requests in one. How many calls are left for now playing is known from the pages before.
  for (const path of ['/playlists', '/now-playing']) {
    // Makes the calls to Spotify. The clock stands still, so all further pages are from the cache.
    await mara.get(path).expect(200);
    await mara.get(path).expect(200);
    const before = await reads(redis);
    for (let page = 0; page < pages; page += 1) await mara.get(path).expect(200);
    const each = ((await reads(redis)) - before) / pages;
    // The server also checks its connection now and then.
    assert.equal(Math.floor(each), 1, `${path}: ${each}`);
  }
});

test('a page that calls Spotify waits for two round trips to Redis', async (t) => {
  const { browser, redisUrl } = await startTurntable(t);
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = browser();
  await mara.signIn();
  // With a notice, nothing cached is shown.
  const path = '/playlists?notice=playlist-saved';
  await mara.get(path).expect(200);
  const before = await reads(redis);
  for (let page = 0; page < pages; page += 1) await mara.get(path).expect(200);
  const each = ((await reads(redis)) - before) / pages;
  // The second one asks the quota gate.
  assert.equal(Math.floor(each), 2, `${each}`);
});

/** How often Redis has read from its connections: once for each round trip, however many commands share it. */
async function reads(redis: Redis): Promise<number> {
  return Number(/total_reads_processed:(\d+)/.exec(await redis.info('stats'))?.[1]);
}
