import { createHash } from 'node:crypto';
import type { RedisClient } from '../redis/client.ts';
import { createExpiringSet } from '../redis/expiring-set.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { absoluteLifetimeMs, idleTimeoutMs } from './lifetime.ts';

type Deps = { redis: RedisClient; records: Records; clientId: string; now: () => number };

/**
 * How long before its end a grant counts as expiring. As long as a grant lasts without a visit, so one that is visited within this time lasts
 * exactly until its end, unless it is removed.
 */
const expiringMs = idleTimeoutMs;

/**
 * Counts the grants that expire within 30 days, without opening any: a grant enters the set at the first visit within that time, and leaves it
 * when it is removed or expires. One that isn't visited again doesn't count, because no one would miss it. All methods throw RedisUnavailable.
 */
export function createExpiringGrants({ redis, records, clientId, now }: Deps) {
  const key = keys.expiringGrants(clientId);
  const hashes = createExpiringSet({ redis, records, now }, 'expiring-grants', key, expiringMs);

  return {
    /** Records a visit to a grant. */
    async recordVisit(sessionId: string, consentAt: number): Promise<void> {
      const expiresAt = consentAt + absoluteLifetimeMs;
      // safeguard: count-expiring-grants-only
      if (expiresAt - now() > expiringMs) return;
      await hashes.add(hashOf(sessionId), expiresAt);
    },

    /** Leaves out these grants, which have been removed. */
    remove: (...sessionIds: readonly string[]): Promise<void> => hashes.remove(...sessionIds.map(hashOf)),

    count: hashes.count,
  };
}

/** The set must not be a list of session ids. */
function hashOf(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('base64url').slice(0, 16);
}
