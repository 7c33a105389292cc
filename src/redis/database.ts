import { Redis } from 'ioredis';
import { redisAddress } from '../settings/redis-url.ts';
import { isRefusedDatabase, redisFault } from './errors.ts';

/** Why the database that a Redis URL names cannot be used, as a sentence; null if it can, or if Redis does not answer. */
export async function databaseProblem(url: string): Promise<string | null> {
  let problem: string | null = null;
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  });
  redis.on('error', (error: Error) => {
    if (!isRefusedDatabase(error)) return;
    const { does, fix } = redisFault(error);
    problem = `${redisAddress(url)} ${does} (${error.message}). ${fix}`;
  });
  // What is wrong comes as an event.
  await redis.connect().catch(() => undefined);
  redis.disconnect();
  return problem;
}
