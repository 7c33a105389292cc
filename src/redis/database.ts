import { statSync } from 'node:fs';
import { formatRedisAddress, parseRedisAddress } from '../settings/redis-url.ts';
import { createClient, type RedisServer } from './client.ts';
import { isRefusedDatabase, redisFault } from './errors.ts';

/** Returns why the database in a Redis URL can't be used, as a sentence; null if it can, or if Redis doesn't answer. */
export async function databaseProblem(server: RedisServer): Promise<string | null> {
  const { url } = server;
  const address = parseRedisAddress(url);
  // safeguard: check-socket-path
  if ('path' in address && !mayBeSocket(address.path))
    return `The path in REDIS_URL, ${address.path}, is not a socket. Use the path after "unixsocket" in redis.conf.`;
  let sentence: string | null = null;
  const redis = createClient(server, {
    lazyConnect: true,
    // It sends INFO, which many users aren't allowed to, and ioredis then logs a warning.
    enableReadyCheck: false,
    retryStrategy: () => null,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  });
  redis.on('error', (error: Error) => {
    if (!isRefusedDatabase(error)) return;
    const { problem, fix } = redisFault(error);
    sentence = `${formatRedisAddress(url)} ${problem} (${error.message}). ${fix}`;
  });
  // Problems are reported by the event.
  await redis.connect().catch(() => undefined);
  redis.disconnect();
  return sentence;
}

/** A path that doesn't exist yet may become a socket when Redis starts. */
function mayBeSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? true;
}
