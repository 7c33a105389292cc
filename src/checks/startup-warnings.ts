import type { Log } from '../ops/log.ts';
import type { CheckResult } from './result.ts';

/**
 * Logs a warning for each failed check of Redis, except for those of the connection: what is wrong with that is logged whenever it changes.
 */
export function warnOfFailures(results: readonly CheckResult[], log: Log, except: string): void {
  // safeguard: warn-of-redis-settings
  for (const { name, status, detail, fix } of results)
    if (status === 'failed' && name !== except) log.warn(`${name}: ${detail}`, { fix });
}
