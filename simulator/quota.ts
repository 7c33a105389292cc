import type { Family } from './families.ts';
import type { Bucket, Settings } from './types.ts';

const dayMs = 24 * 60 * 60 * 1000;

type FullBucket = { bucket: Bucket; until: number };

/**
 * Counts the accepted calls of the last 24 hours. Counts are stored by family and not by bucket, so changed settings also apply to the
 * calls of the past.
 */
export function createQuota({ settings, now }: { settings: Settings; now: () => number }) {
  /** When each call of the last day was accepted, oldest first. The family is null for paths without an endpoint. */
  const acceptedAt = new Map<Family | null, number[]>();

  /** Returns when the next call is possible, or null if one is possible now. Null for the families selects all calls. */
  const fullUntil = (families: readonly Family[] | null, callsPerDay: number): number | null => {
    const lists = [...acceptedAt]
      .filter(([family]) => families === null || (family !== null && families.includes(family)))
      .map(([, times]) => withoutExpired(times, now() - dayMs));
    if (lists.reduce((sum, { length }) => sum + length, 0) < callsPerDay) return null;
    const times = lists.flat().sort((one, other) => one - other);
    // A call is possible as soon as fewer than `callsPerDay` of the accepted ones are less than a day old.
    return (times[times.length - callsPerDay] ?? now()) + dayMs;
  };

  return {
    fullBuckets: (): FullBucket[] =>
      settings.buckets.flatMap((bucket) => {
        const until = fullUntil(bucket.families, bucket.callsPerDay);
        return until === null ? [] : [{ bucket, until }];
      }),

    /** Returns when the quota for all calls together allows the next one, or null if it does now. */
    totalFullUntil: (): number | null =>
      settings.callsPerDay === null ? null : fullUntil(null, settings.callsPerDay),

    count(family: Family | null) {
      const times = acceptedAt.get(family) ?? [];
      acceptedAt.set(family, withoutExpired(times, now() - dayMs));
      times.push(now());
    },
    reset: () => acceptedAt.clear(),
  };
}

/** Removes the times up to `expiry` from the list and returns it. */
function withoutExpired(times: number[], expiry: number): number[] {
  while (times[0] !== undefined && times[0] <= expiry) times.shift();
  return times;
}
