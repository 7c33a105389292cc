import { familyBudget, msUntilFit, quotaOf } from '../../access/quota-budget.ts';
import type { QuotaFamily } from '../../access/quota-families.ts';
import type { Ledger } from '../../access/quota-fields.ts';
import type { QuotaLedger } from '../../access/quota-ledger.ts';
import { routes } from '../../routes.ts';
import { Problem } from '../../web/errors.ts';
import { freeCalls } from '../../web/export-size.ts';

export type Deps = { ledger: Pick<QuotaLedger, 'read' | 'reserve'>; dailyCalls: number; now: () => number };

/** About how many calls an export takes. `entries`: for what is in playlists. `lists`: for the list of playlists. */
export type CallEstimate = { entries: number; lists: number };

/**
 * Whether an export fits into what is left of the day's calls. `at`: when it first will, in milliseconds since 1970; null if never. `isPaused`:
 * Spotify refuses its calls until then. `exceedsDay`: it takes more calls than a day has.
 */
export type BudgetCheck =
  | { fits: true }
  | { fits: false; isPaused: boolean; at: number | null; exceedsDay: boolean };

/** The requested export and its URLs: `anyway` is the URL of the file regardless of its cost, `page` the one of its page. */
type ExportRequest = { isPart: boolean; isConfirmed: boolean; anyway: string; page: string };

/** The part of the family's calls in an estimate. */
const families: readonly [keyof CallEstimate, QuotaFamily][] = [
  ['entries', 'playlist-read'],
  ['lists', 'lists'],
];

export type ExportBudget = ReturnType<typeof createExportBudget>;

/** An export may run now if it leaves enough calls for pages, buttons and live updates. */
export function createExportBudget({ ledger, dailyCalls, now }: Deps) {
  return {
    /** Throws RedisUnavailable. */
    async check(estimate: CallEstimate): Promise<BudgetCheck> {
      const current = await ledger.read();
      const ends = families
        .filter(([part]) => estimate[part] > 0)
        .map(([, family]) => quotaOf(current, family, now()).closedUntil ?? 0);
      const closedUntil = Math.max(...ends);
      const check: BudgetCheck =
        total(estimate) <= freeCalls ? { fits: true } : checkAgainst(current, estimate);
      if (closedUntil <= now()) return check;
      return { fits: false, isPaused: true, at: closedUntil, exceedsDay: exceedsDay(check) };
    },

    /** Throws a {@link Problem} if a job takes more calls than a day has; `page` asks for its confirmation. Throws RedisUnavailable. */
    async refuseAboveDay(estimate: CallEstimate, page: string): Promise<void> {
      const isAllowed =
        total(estimate) <= freeCalls || !exceedsDay(checkAgainst(await ledger.read(), estimate));
      if (!isAllowed) throw moreThanADay(total(estimate), page);
    },

    /**
     * Sets the calls of an export aside, and returns a function that releases what is left of them at its end. Unless the export is confirmed,
     * throws a {@link Problem} that says when it fits, with a link to `anyway`. A part that never fits is allowed: it ends, and can be continued,
     * when Spotify refuses a call. Throws RedisUnavailable.
     */
    async reserve(
      estimate: CallEstimate,
      { isPart, isConfirmed, anyway, page }: ExportRequest,
    ): Promise<() => Promise<void>> {
      if (total(estimate) <= freeCalls) return async () => undefined;
      const { before, release } = await ledger.reserve(
        new Map(families.map(([part, family]) => [family, estimate[part]])),
      );
      const check = checkAgainst(before, estimate);
      // safeguard: export-anyway
      if (isConfirmed || check.fits || (isPart && check.exceedsDay)) return release;
      await release();
      // safeguard: refuse-export-above-budget
      throw notEnoughCalls(total(estimate), check.at, { anyway, page }, now());
    },
  };

  function checkAgainst(current: Ledger, estimate: CallEstimate): BudgetCheck {
    const waits = families.map(([part, family]) => {
      if (estimate[part] === 0) return 0;
      const budget = familyBudget(current, family, dailyCalls, now());
      // The guess is for the calls of all families.
      return msUntilFit(budget, budget.isGuess ? total(estimate) : estimate[part]);
    });
    if (waits.includes(null)) return { fits: false, isPaused: false, at: null, exceedsDay: true };
    const waitMs = Math.max(...waits.map(Number));
    return waitMs === 0
      ? { fits: true }
      : { fits: false, isPaused: false, at: now() + waitMs, exceedsDay: false };
  }
}

function exceedsDay(check: BudgetCheck): boolean {
  return !check.fits && check.exceedsDay;
}

function total({ entries, lists }: CallEstimate): number {
  return entries + lists;
}

function moreThanADay(calls: number, page: string): Problem {
  return new Problem({
    status: 409,
    reason: 'more-than-a-day',
    title: 'This export takes more than a day’s calls',
    text: `It takes about ${calls} calls to Spotify. It can run for several days, and playlists may stop loading for hours. Nothing has been started.`,
    actions: [{ label: 'Go to the export', href: `${page}#job` }],
  });
}

function notEnoughCalls(
  calls: number,
  until: number | null,
  { anyway, page }: Pick<ExportRequest, 'anyway' | 'page'>,
  now: number,
): Problem {
  const estimate = `It takes about ${calls} calls to Spotify, and there aren’t enough left today.`;
  return new Problem({
    status: 503,
    reason: 'not-enough-calls',
    title: 'Not enough calls left for this export',
    ...(until !== null && { heading: 'You can export this from {until}' }),
    text:
      until === null
        ? `It takes about ${calls} calls to Spotify, more than a day’s. You can export it in parts over several days. If you export it anyway, playlists may stop loading for hours.`
        : `${estimate} If you export anyway and they run out, playlists may stop loading for hours.`,
    actions: [
      until === null
        ? { label: 'Export in parts', href: `${page}#parts` }
        : { label: 'Go to your playlists', href: routes.playlists() },
      { label: 'Export anyway', href: anyway },
    ],
    ...(until !== null && { until, retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) }),
  });
}
