import type { Log } from '../ops/log.ts';
import type { CheckResult } from './result.ts';

/** Logs a warning for each failed check. */
export function warnOfFailures(results: readonly CheckResult[], log: Log): void {
  // safeguard: warn-of-redis-settings
  for (const { name, status, detail, fix } of results)
    if (status === 'failed') log.warn(`${name}: ${detail}`, { fix });
}
