import { dirname } from 'node:path';
import type { RedisChoice } from '../redis/choice.ts';
import { NoRedis } from '../redis/local-server.ts';
import { ping } from '../redis/ping.ts';
import { type CheckResult, failed, note } from './result.ts';

const name = 'Redis';

/** Returns the results of `check` on the Redis that Turntable would choose. If that is a private one that isn't running, reports only that. */
export async function checkRedisChoice(
  choose: () => Promise<RedisChoice>,
  check: (url: string) => Promise<CheckResult[]>,
): Promise<CheckResult[]> {
  let choice: RedisChoice;
  try {
    choice = await choose();
  } catch (error) {
    if (!(error instanceof NoRedis)) throw error;
    return [failed(name, error.message)];
  }
  const { url } = choice;
  // safeguard: doctor-knows-private-redis
  if (choice.kind !== 'private' || (await ping({ path: url })) !== null) return check(url);
  return [
    note(
      name,
      `Turntable will start a private Redis with its data in ${dirname(url)}. ${choice.why}`,
      'To include it in this check, start Turntable first.',
    ),
  ];
}
