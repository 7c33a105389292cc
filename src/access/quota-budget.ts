import { type QuotaFamily, quotaFamilies } from './quota-families.ts';
import type { Ledger } from './quota-ledger.ts';
import { callsIn, type Expiries, expiriesIn } from './usage.ts';

/** How many of a day's calls have been used. */
export type Budget = {
  perDay: number;
  /** Calls in the last 24 hours. */
  used: number;
  expiries: Expiries;
};

/** What is known of a family's quota. Counts are calls in 24 hours. */
export type FamilyQuota = {
  usedToday: number;
  /** The most without a refusal; null if there was no day of it yet. */
  knownGood: number | null;
  /** As many had been made when Spotify last refused one; null if it never has. */
  refusedAt: number | null;
  /** Until when Spotify refuses this family, in milliseconds since 1970; null if it doesn't. */
  closedUntil: number | null;
};

/** What is known of a family's quota. */
export function quotaOf(ledger: Ledger, family: QuotaFamily, now: number): FamilyQuota {
  const ends = ['all', family].map((scope) => ledger.closures.get(scope)?.until ?? 0);
  const until = Math.max(...ends);
  return {
    usedToday: callsIn(ledger.counts, now, family),
    knownGood: ledger.good.get(family) ?? null,
    refusedAt: ledger.refused.get(family)?.calls ?? null,
    closedUntil: until > now ? until : null,
  };
}

/** What is known of all families, for programs: times are in ISO 8601. `total.budget` is the guess that counts while nothing was refused. */
export function quotaSummary(ledger: Ledger, dailyCalls: number, now: number) {
  const families = quotaFamilies.map((family) => {
    const { closedUntil, ...counts } = quotaOf(ledger, family, now);
    return [family, { ...counts, closedUntil: closedUntil && new Date(closedUntil).toISOString() }] as const;
  });
  return {
    families: Object.fromEntries(families),
    total: { usedToday: callsIn(ledger.counts, now), budget: dailyCalls },
  };
}

/** How many calls of a family Spotify allows in 24 hours, by what was refused and what was not; null while nothing was refused. */
export function learnedLimit({ refusedAt, knownGood }: FamilyQuota): number | null {
  return refusedAt === null ? null : Math.max(1, refusedAt - 1, knownGood ?? 0);
}

/**
 * The budget of live updates: calls of `player-read`, up to what is known of that family, or to the guessed total. Other calls don't count, so
 * that they can't starve live updates.
 */
export function liveBudget(ledger: Ledger, dailyCalls: number, now: number): Budget {
  const quota = quotaOf(ledger, 'player-read', now);
  const perDay = learnedLimit(quota) ?? Math.max(dailyCalls, quota.knownGood ?? 0);
  // safeguard: live-updates-by-their-own-calls
  return budgetFrom(perDay, expiriesIn(ledger.counts, now, ['player-read']));
}

/** The budget of everything else: what is known of the family; while nothing is, the guessed total for all calls together. */
export function familyBudget(ledger: Ledger, family: QuotaFamily, dailyCalls: number, now: number): Budget {
  const quota = quotaOf(ledger, family, now);
  const limit = learnedLimit(quota);
  if (limit !== null) return budgetFrom(limit, expiriesIn(ledger.counts, now, [family]));
  return budgetFrom(Math.max(dailyCalls, quota.knownGood ?? 0), expiriesIn(ledger.counts, now));
}

/** Of each budget, this part is reserved for pages, buttons and ends of tracks, so that nothing expensive uses it up. */
const reservedPart = 0.1;

/**
 * In how many milliseconds this many calls fit into a budget beside the reserve: 0 if they do now, null if they never will because they are more
 * than a whole day's.
 */
export function fitsIn({ perDay, used, expiries }: Budget, calls: number): number | null {
  const mostUsed = (1 - reservedPart) * perDay - calls;
  let left = used;
  if (left <= mostUsed) return 0;
  for (const { inMs, calls: expiring } of expiries) {
    left -= expiring;
    if (left <= mostUsed) return inMs;
  }
  return null;
}

function budgetFrom(perDay: number, expiries: Expiries): Budget {
  const sorted = expiries.filter(({ calls }) => calls > 0).sort((one, other) => one.inMs - other.inMs);
  return { perDay, used: sorted.reduce((sum, { calls }) => sum + calls, 0), expiries: sorted };
}
