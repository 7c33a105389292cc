import { type QuotaFamily, quotaFamilies } from './quota-families.ts';
import type { ClosureTarget, Ledger } from './quota-fields.ts';
import { callsIn, dayMs, type Expiries, expiriesIn } from './usage.ts';

/** The calls that count now, and how many a day has. */
export type Budget = {
  perDay: number;
  /** Whether there has never been a 429, so that Spotify may allow more. */
  isGuess: boolean;
  /** Calls in the last 24 hours. */
  used: number;
  expiries: Expiries;
};

/** A family's quota as far as it is known. Counts are calls in 24 hours. */
export type FamilyQuota = {
  usedIn24Hours: number;
  /** The most in a day without a 429; null if there has been no such day. */
  knownGood: number | null;
  /** How many had been made at Spotify's last 429; null if there has been none. */
  callsAtRefusal: number | null;
  /** Until when this family is paused, in milliseconds since 1970; null if it isn't. */
  closedUntil: number | null;
};

export function quotaOf(ledger: Ledger, family: QuotaFamily, now: number): FamilyQuota {
  return {
    usedIn24Hours: callsIn(ledger.counts, now, [family]),
    knownGood: ledger.good.get(family) ?? null,
    callsAtRefusal: ledger.limitHits.get(family)?.calls ?? null,
    closedUntil: closedUntilOf(ledger, ['all', family], now),
  };
}

/** Until when calls of any of these targets are paused, in milliseconds since 1970; null if none are. */
export function closedUntilOf(
  { closures }: Ledger,
  targets: readonly ClosureTarget[],
  now: number,
): number | null {
  const until = Math.max(...targets.map((target) => closures.get(target)?.until ?? 0));
  return until > now ? until : null;
}

/** A limit that was learned becomes looser by this factor for each day without a 429, and is forgotten after `forgottenAfterDays`. */
const loosening = { perDay: 1.25, forgottenAfterDays: 7 };
/** A limit of less than this part of the guess isn't believed: calls that aren't ours have used up the quota then. */
const minPart = 0.1;

/** The families that draw on the same quota as this one, itself included. */
export function sharingFamilies(ledger: Ledger, family: QuotaFamily): QuotaFamily[] {
  const other = ledger.shared.get(family);
  return other ? [family, other] : [family];
}

/**
 * How many calls of a family, and of those it shares a quota with, Spotify allows in 24 hours, as learned from its 429s and from days without
 * one; null while there was no 429 recently.
 */
export function learnedLimit(
  ledger: Ledger,
  family: QuotaFamily,
  dailyCalls: number,
  now: number,
): number | null {
  const group = sharingFamilies(ledger, family);
  const limitHits = group.flatMap((one) => ledger.limitHits.get(one) ?? []);
  const latest = limitHits.sort((one, other) => other.at - one.at)[0];
  const days = latest && Math.floor((now - latest.at) / dayMs);
  // safeguard: forget-old-limit
  if (!latest || days === undefined || days >= loosening.forgottenAfterDays) return null;
  const loosened = (latest.calls - 1) * loosening.perDay ** Math.max(0, days);
  const good = Math.max(0, ...group.map((one) => ledger.good.get(one) ?? 0));
  // safeguard: least-learned-limit
  return Math.ceil(Math.max(loosened, good, minPart * dailyCalls, 1));
}

/**
 * The budget of live updates: calls of `player-read`, and of the families that share its quota, against the limit learned for them, or against the
 * guessed total. Other calls don't count, so that they can't starve live updates.
 */
export function liveBudget(ledger: Ledger, dailyCalls: number, now: number): Budget {
  const limit = learnedLimit(ledger, 'player-read', dailyCalls, now);
  const perDay = limit ?? Math.max(dailyCalls, ledger.good.get('player-read') ?? 0);
  // safeguard: live-updates-by-their-own-calls
  return budgetFrom(
    perDay,
    expiriesIn(ledger.counts, now, sharingFamilies(ledger, 'player-read')),
    limit === null,
  );
}

/**
 * The budget of all other calls: the limit learned for the family or, until there is one, the guessed limit on all calls together. Calls that are set
 * aside count as used.
 */
export function familyBudget(ledger: Ledger, family: QuotaFamily, dailyCalls: number, now: number): Budget {
  const limit = learnedLimit(ledger, family, dailyCalls, now);
  if (limit !== null)
    return budgetFrom(limit, withReserved(ledger, now, sharingFamilies(ledger, family)), false);
  const perDay = Math.max(dailyCalls, ledger.good.get(family) ?? 0);
  return budgetFrom(perDay, withReserved(ledger, now, quotaFamilies), true);
}

/** A call that is set aside counts for a day once it is made. */
function withReserved(ledger: Ledger, now: number, families: readonly QuotaFamily[]): Expiries {
  const calls = families.reduce((sum, family) => sum + (ledger.reserved.get(family) ?? 0), 0);
  // safeguard: running-exports-count
  return [...expiriesIn(ledger.counts, now, families), { inMs: dayMs, calls }];
}

/** Of each budget, this part is reserved for pages, buttons and ends of tracks, so that nothing expensive uses it up. */
const reservedPart = 0.1;

/**
 * In how many milliseconds this many calls fit into a budget beside the reserve: 0 if they do now, null if they never will because they are more
 * than a whole day's.
 */
export function msUntilFit(
  { perDay, used, expiries }: Omit<Budget, 'isGuess'>,
  calls: number,
): number | null {
  const maxUsed = (1 - reservedPart) * perDay - calls;
  let left = used;
  if (left <= maxUsed) return 0;
  for (const { inMs, calls: expiring } of expiries) {
    left -= expiring;
    if (left <= maxUsed) return inMs;
  }
  return null;
}

function budgetFrom(perDay: number, expiries: Expiries, isGuess: boolean): Budget {
  const sorted = expiries.filter(({ calls }) => calls > 0).sort((one, other) => one.inMs - other.inMs);
  return { perDay, isGuess, used: sorted.reduce((sum, { calls }) => sum + calls, 0), expiries: sorted };
}
