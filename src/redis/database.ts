import { Redis } from 'ioredis';
import { redisAddress } from '../settings/redis-url.ts';
import { isRefusedDatabase, redisFault } from './errors.ts';

/** Returns why the database in a Redis URL can't be used, as a sentence; null if it can, or if Redis doesn't answer. */
export async function databaseProblem(url: string): Promise<string | null> {
  let sentence: string | null = null;
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  });
  redis.on('error', (error: Error) => {
    if (!isRefusedDatabase(error)) return;
    const { problem, fix } = redisFault(error);
    sentence = `${redisAddress(url)} ${problem} (${error.message}). ${fix}`;
  });
  // Problems are reported by the event.
  await redis.connect().catch(() => undefined);
  redis.disconnect();
  return sentence;
}
