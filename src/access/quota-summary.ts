import { closedUntilOf, learnedLimit, quotaOf, sharingFamilies } from './quota-budget.ts';
import { type QuotaFamily, quotaFamilies } from './quota-families.ts';
import type { Ledger } from './quota-fields.ts';
import { callsIn } from './usage.ts';

/** How much of a day's calls is used. Counts are calls in the last 24 hours. */
type Used = {
  used: number;
  /** The limit, as far as it is known; null if it isn't. */
  limit: number | null;
  /** Whether most of the limit is used. */
  isNearlyUsed: boolean;
};

/** The calls of a family, if any were made or it is paused. `closedUntil`: milliseconds since 1970, for this family alone. */
type FamilyUse = Used & {
  family: QuotaFamily;
  knownGood: number | null;
  closedUntil: number | null;
  /** The family that shares the limit, and how many calls both have used. */
  sharing: { with: QuotaFamily; used: number } | null;
};

export type QuotaInUse = {
  total: Used;
  /** Until when all calls are paused, in milliseconds since 1970; null if they aren't. */
  closedUntil: number | null;
  families: FamilyUse[];
  /** Endpoints that Spotify has probably removed. */
  gone: string[];
};

/** From this part of a limit on, people are warned. */
const warnFrom = 0.8;

/** How much of the day's calls is used, for people. `dailyCalls` is the limit for all calls while there was no 429. */
export function quotaInUse(ledger: Ledger, dailyCalls: number, now: number): QuotaInUse {
  const closedUntil = closedUntilOf(ledger, ['all'], now);
  const families = quotaFamilies.map((family) => {
    const { usedIn24Hours, knownGood } = quotaOf(ledger, family, now);
    const limit = learnedLimit(ledger, family, dailyCalls, now);
    const group = sharingFamilies(ledger, family);
    const [, other] = group;
    // safeguard: warn-of-shared-limit
    const together = usedOf(callsIn(ledger.counts, now, group), limit);
    const sharing = other ? { with: other, used: together.used } : null;
    const closedUntil = closedUntilOf(ledger, [family], now);
    return { ...together, family, used: usedIn24Hours, knownGood, closedUntil, sharing };
  });
  return {
    total: usedOf(callsIn(ledger.counts, now), dailyCalls),
    closedUntil,
    families: families.filter((one) => one.used > 0 || one.closedUntil !== null),
    gone: [...ledger.closures]
      .filter(([, { kind, until }]) => kind === 'gone' && until > now)
      .map(([endpoint]) => endpoint),
  };
}

function usedOf(used: number, limit: number | null): Used {
  // safeguard: warn-from-80-percent
  return { used, limit, isNearlyUsed: limit !== null && used >= warnFrom * limit };
}

/** The quota of each family, for programs: times are in ISO 8601. `total.budget` is the guess that counts while there was no 429. */
export function quotaSummary(ledger: Ledger, dailyCalls: number, now: number) {
  const families = quotaFamilies.map((family) => {
    const { closedUntil, ...counts } = quotaOf(ledger, family, now);
    return [family, { ...counts, closedUntil: closedUntil && new Date(closedUntil).toISOString() }] as const;
  });
  return {
    families: Object.fromEntries(families),
    total: { usedIn24Hours: callsIn(ledger.counts, now), budget: dailyCalls },
  };
}
