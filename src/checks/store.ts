import { dirname } from 'node:path';
import { NoRedis } from '../redis/local-server.ts';
import { ping } from '../redis/ping.ts';
import type { StoreChoice } from '../redis/store.ts';
import { bad, type CheckResult, open } from './result.ts';

const store = 'Redis';

/** What `check` finds of the Redis that Turntable would choose; of a private one that is not running, only that. */
export async function storeFindings(
  choose: () => Promise<StoreChoice>,
  check: (url: string) => Promise<CheckResult[]>,
): Promise<CheckResult[]> {
  let choice: StoreChoice;
  try {
    choice = await choose();
  } catch (error) {
    if (!(error instanceof NoRedis)) throw error;
    return [bad(store, error.message, 'Then check again.')];
  }
  const { url } = choice;
  // safeguard: doctor-knows-private-redis
  if (choice.kind !== 'private' || (await ping({ path: url })) !== null) return check(url);
  return [
    open(
      store,
      `Turntable starts a private one, with its data in ${dirname(url)}. ${choice.why}`,
      'Start Turntable, and check again, to have it checked too.',
    ),
  ];
}
