import { statSync } from 'node:fs';
import { Redis } from 'ioredis';
import { listeningAt, redisAddress } from '../settings/redis-url.ts';
import { isRefusedDatabase, redisFault } from './errors.ts';

/** Why the database that a Redis URL names cannot be used, as a sentence; null if it can, or if Redis does not answer. */
export async function databaseProblem(url: string): Promise<string | null> {
  const at = listeningAt(url);
  // safeguard: check-socket-path
  if ('path' in at && !mayBeSocket(at.path))
    return `REDIS_URL names ${at.path}, which isn't a socket. Write the path after "unixsocket" in redis.conf.`;
  let problem: string | null = null;
  const redis = new Redis(url, {
    lazyConnect: true,
    // It asks INFO, which many users may not, and logs a line of its own about that.
    enableReadyCheck: false,
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

/** A path where nothing is yet may become one when Redis starts. */
function mayBeSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? true;
}
