import type { Redis } from 'ioredis';
import { keys } from '../redis/keys.ts';
import type { KeyType, Records } from '../redis/records.ts';

/** How many of a day's calls have been used. */
export type Budget = {
  perDay: number;
  /** Calls of all kinds in the last 24 hours. */
  used: number;
  /** When calls stop counting: how many, and in how many milliseconds from now, the soonest first. */
  expiries: { inMs: number; calls: number }[];
};

type Deps = {
  redis: Redis;
  records: Records;
  clientId: string;
  now: () => number;
  /** The assumed daily quota, in calls per 24 hours. Spotify publishes no number. */
  dailyCalls: number;
};

const dayMs = 24 * 60 * 60 * 1000;
/** Calls are counted in 15-minute bins, so each counts for 24 hours, or up to one bin longer. */
const binMs = 15 * 60 * 1000;

/** How long the counts remain after the last call. */
export const usageTtlMs = dayMs + 2 * binMs;

/** The counts of calls in Redis, one field for each bin. */
export const usageType: KeyType = { kind: 'usage', type: 'hash' };

/** Reads how much of the daily quota all processes have used. The quota gate does the counting: see `acquireScript` there. */
export function createUsage({ redis, records, clientId, now, dailyCalls }: Deps) {
  const key = keys.usage(clientId);

  return {
    /** Returns how many of a day's calls have been used. Throws RedisUnavailable. */
    async budget(): Promise<Budget> {
      const bins = await records.withType(usageType, key, () => redis.hgetall(key));
      const all = Object.entries(bins);
      // safeguard: drop-invalid-counts
      const intact = all.filter(([bin, calls]) => isValidCount(bin, calls, now()));
      if (intact.length < all.length) records.report(usageType.kind, 'a count');
      const current = new Map(intact.filter(([bin]) => expiryOf(bin) > now()));
      const obsolete = Object.keys(bins).filter((bin) => !current.has(bin));
      // A Redis that refuses writes keeps them for now.
      if (obsolete.length > 0) await redis.hdel(key, ...obsolete).catch(() => undefined);
      return budgetFrom(Object.fromEntries(current), now(), dailyCalls);
    },
  };
}

/** Returns the name of the bin in which a call at this time, in milliseconds since 1970, is counted. */
export function binOf(at: number): string {
  return String(Math.floor(at / binMs));
}

/** Returns the budget that follows from the number of calls in each bin. */
export function budgetFrom(
  bins: Readonly<Record<string, number | string>>,
  now: number,
  perDay: number,
): Budget {
  const expiries = Object.entries(bins)
    .map(([bin, calls]) => ({ inMs: expiryOf(bin) - now, calls: Number(calls) }))
    .filter(({ inMs }) => inMs > 0)
    .sort((a, b) => a.inMs - b.inMs);
  return { perDay, used: expiries.reduce((sum, { calls }) => sum + calls, 0), expiries };
}

/** Whether these are a bin and a number of calls. A bin far in the future isn't valid: it would count for days. */
function isValidCount(bin: string, calls: string, now: number): boolean {
  return /^\d{1,15}$/.test(bin) && /^\d{1,15}$/.test(calls) && expiryOf(bin) <= now + 2 * dayMs;
}

/** When the calls of a bin stop counting. */
function expiryOf(bin: string): number {
  return Number(bin) * binMs + binMs + dayMs;
}
