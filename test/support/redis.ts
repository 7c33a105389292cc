import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { type AvailableRedis, redisOnPath, startRedis } from '../../src/redis/local-server.ts';
import { createRecords } from '../../src/redis/records.ts';
import { defaultRedisPrefix } from '../../src/settings/redis-url.ts';

let sharedRedis: Promise<AvailableRedis> | undefined;
let prefixes = 0;

// Benchmarks use this file as well, outside a test.
if (process.env.NODE_TEST_CONTEXT) after(async () => (await sharedRedis)?.stop());

const prefix = `test-${process.pid}-`;

/** Returns a URL with its own key prefix, in the Redis at REDIS_URL or else in a private one for this test file. */
export async function testRedisUrl(): Promise<string> {
  sharedRedis ??= startSharedRedis();
  const { url } = await sharedRedis;
  prefixes += 1;
  const redisUrl = new URL(url);
  redisUrl.pathname ||= '/';
  redisUrl.searchParams.set('keyPrefix', `${prefix}${prefixes}:`);
  return redisUrl.href;
}

/** Connects with the key prefix of a server without REDIS_PREFIX. As for a server, `keyPrefix` in the URL takes precedence. */
export const connectAsServer = (url: string) => new Redis(url, { keyPrefix: defaultRedisPrefix });

/** Returns the records of this Redis. A damaged one fails the test. */
export const recordsIn = (redis: Redis) => createRecords({ redis, formerPrefix: '', onDamaged: assert.fail });

/** Returns the kind and id to which a sealed record under this key is bound. */
export const boundTo = (key: string) => key.replace(/[{}]/g, '');

/** The path of redis-server, empty if there is none. */
export const redisProgram = redisOnPath(process.env) ?? '';

/** For tests that stop or reconfigure their Redis, which the one at REDIS_URL doesn't allow. */
export const skipWithoutProgram = redisProgram ? false : 'no redis-server on the PATH';

/** Starts a Redis that the test can stop and start again without losing data. */
export async function startOwnRedis(t: TestContext, program = redisProgram) {
  const dataDir = await mkdtemp(join(tmpdir(), 'turntable-test-'));
  let redis = await startRedis({ program, dataDir });
  let frozen: number | null = null;
  const thaw = () => {
    if (frozen !== null) process.kill(frozen, 'SIGCONT');
    frozen = null;
  };
  t.after(async () => {
    thaw();
    await redis.stop();
    await rm(dataDir, { recursive: true });
  });
  return {
    url: redis.url,
    stop: () => redis.stop(),
    /** Suspends the process: connections stay open, and nothing answers until `thaw`. */
    async freeze() {
      const client = new Redis(redis.url);
      frozen = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
      client.disconnect();
      process.kill(frozen, 'SIGSTOP');
    },
    thaw,
    async start() {
      redis = await startRedis({ program, dataDir, port: redis.port });
    },
  };
}

async function startSharedRedis(): Promise<AvailableRedis> {
  const { REDIS_URL } = process.env;
  // Others may use this Redis, so only the keys of the tests are removed.
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
