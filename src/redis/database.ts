import { redisAddress } from '../settings/redis-url.ts';
import { connectForCheck } from './connect.ts';
import { describeFault, isRefusedDatabase, redisFault } from './errors.ts';

/** Why the database that a Redis URL names cannot be used, in sentences; null if it can, or if Redis does not answer. */
export async function databaseProblem(url: string): Promise<string | null> {
  let problem: string | null = null;
  const redis = connectForCheck(url);
  redis.on('error', (error: Error) => {
    if (!isRefusedDatabase(error)) return;
    const fault = redisFault(error);
    problem = `${describeFault(redisAddress(url), fault)}. ${fault.fix}`;
  });
  await redis.connect().catch(() => undefined);
  redis.disconnect();
  return problem;
}
