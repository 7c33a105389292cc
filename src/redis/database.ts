import { Redis } from 'ioredis';
import { redisAddress } from '../settings/redis-url.ts';
import { isRefusedConnection, replyCode } from './errors.ts';

/**
 * Whether Redis refused the database that the URL names. ioredis says so in an `error` event and goes on in database 0, which may be
 * somebody else's, so whoever sees this has to disconnect.
 */
export function isRefusedDatabase(error: unknown): boolean {
  const { command } = error as { command?: { name?: string } };
  return command?.name === 'select' && !isRefusedConnection(replyCode(error));
}

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
    const { detail, fix } = refusedDatabase(url, error);
    problem = `${detail}. ${fix}`;
  });
  await redis.connect().catch(() => undefined);
  redis.disconnect();
  return problem;
}

/** What Redis says about a database it refused, which holds no more than its number, and what to do. */
export function refusedDatabase(url: string, error: Error): { detail: string; fix: string } {
  return {
    detail: `${redisAddress(url)} refuses the database that REDIS_URL names (${error.message})`,
    fix: 'Write another number after the host in REDIS_URL: most have 16 databases, numbered from 0. Without a number it is 0.',
  };
}
