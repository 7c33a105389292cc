import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { type RedisAtHand, redisOnPath, startRedis } from '../../src/redis/local-server.ts';
import { createRecords } from '../../src/redis/records.ts';
import { defaultRedisPrefix } from '../../src/settings/redis-url.ts';

let shared: Promise<RedisAtHand> | undefined;
let places = 0;

// Measurements start servers by the same ways, and are no tests.
if (process.env.NODE_TEST_CONTEXT) after(async () => (await shared)?.stop());

const prefix = `test-${process.pid}-`;

/** A place of its own in a real Redis: the one at REDIS_URL, or else a private one for this test file. */
export async function redisPlace(): Promise<string> {
  shared ??= begin();
  const { url } = await shared;
  places += 1;
  const place = new URL(url);
  place.pathname ||= '/';
  place.searchParams.set('keyPrefix', `${prefix}${places}:`);
  return place.href;
}

/** A connection that puts before each key what a server without REDIS_PREFIX would; `keyPrefix` in the URL wins in both. */
export const connectAsServer = (url: string) => new Redis(url, { keyPrefix: defaultRedisPrefix });

/** The records in this Redis; a damaged one fails the test. */
export const recordsIn = (redis: Redis) => createRecords({ redis, formerPrefix: '', onDamaged: assert.fail });

/** What a record under this key is bound to if it is sealed: its kind and its id. */
export const boundTo = (key: string) => key.replace(/[{}]/g, '');

/** The program to start a Redis with. */
export const redisProgram = redisOnPath(process.env) ?? '';

/** For tests that stop or bend their Redis: the one at REDIS_URL will not do for that. */
export const skipWithoutProgram = redisProgram
  ? false
  : 'there is no redis-server on the PATH to start and stop';

/** A Redis that a test may stop and start again, with nothing lost between. */
export async function ownRedis(t: TestContext, program = redisProgram) {
  const keepIn = await mkdtemp(join(tmpdir(), 'turntable-test-'));
  let redis = await startRedis({ program, keepIn });
  let frozen: number | null = null;
  const thaw = () => {
    if (frozen !== null) process.kill(frozen, 'SIGCONT');
    frozen = null;
  };
  t.after(async () => {
    thaw();
    await redis.stop();
    await rm(keepIn, { recursive: true });
  });
  return {
    url: redis.url,
    stop: () => redis.stop(),
    /** Stops its process as it is: connections stay open, and nothing answers until `thaw`. */
    async freeze() {
      const client = new Redis(redis.url);
      frozen = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
      client.disconnect();
      process.kill(frozen, 'SIGSTOP');
    },
    thaw,
    async start() {
      redis = await startRedis({ program, keepIn, port: redis.port });
    },
  };
}

async function begin(): Promise<RedisAtHand> {
  const { REDIS_URL } = process.env;
  // A Redis that is not ours alone is left as it was found.
  if (REDIS_URL) return { url: REDIS_URL, stop: () => clear(REDIS_URL) };
  if (!redisProgram) throw new Error('There is no Redis: run the tests with npm test');
  return startRedis({ program: redisProgram });
}

async function clear(url: string): Promise<void> {
  const redis = new Redis(url);
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(...keys);
  redis.disconnect();
}
