import { familyBudget, fitsIn, quotaOf } from '../../access/quota-budget.ts';
import type { QuotaFamily } from '../../access/quota-families.ts';
import type { Ledger } from '../../access/quota-fields.ts';
import type { QuotaLedger } from '../../access/quota-ledger.ts';
import { routes } from '../../routes.ts';
import { Problem } from '../../web/errors.ts';
import { freeCalls } from '../../web/export-size.ts';

export type Deps = { ledger: Pick<QuotaLedger, 'read' | 'reserve'>; dailyCalls: number; now: () => number };

/** About how many calls an export takes. `entries`: for what is in playlists. `lists`: for the list of playlists. */
export type Price = { entries: number; lists: number };

/**
 * Whether an export fits into what is left of the day's calls. `at`: from when on it does, in milliseconds since 1970; null if never. `isPaused`:
 * Spotify refuses its calls until then. `isAboveDay`: it takes more calls than a day has.
 */
export type Fit = { fits: true } | { fits: false; isPaused: boolean; at: number | null; isAboveDay: boolean };

/** The requested export and its URLs: `anyway` is the URL of the file regardless of its cost, `page` the one of its page. */
type Wish = { isPart: boolean; isConfirmed: boolean; anyway: string; page: string };

/** The part of the family's calls in a price. */
const families: readonly [keyof Price, QuotaFamily][] = [
  ['entries', 'playlist-read'],
  ['lists', 'lists'],
];

export type Prices = ReturnType<typeof createPrices>;

/** Decides whether exports may be made now: they leave enough calls for pages, buttons and live updates. */
export function createPrices({ ledger, dailyCalls, now }: Deps) {
  return {
    /** Throws RedisUnavailable. */
    async fit(price: Price): Promise<Fit> {
      const known = await ledger.read();
      const ends = families
        .filter(([part]) => price[part] > 0)
        .map(([, family]) => quotaOf(known, family, now()).closedUntil ?? 0);
      const closedUntil = Math.max(...ends);
      const fit: Fit = total(price) <= freeCalls ? { fits: true } : fitIn(known, price);
      if (closedUntil <= now()) return fit;
      return { fits: false, isPaused: true, at: closedUntil, isAboveDay: isAboveDay(fit) };
    },

    /** Throws a {@link Problem} if a job takes more calls than a day has; `page` asks for its confirmation. Throws RedisUnavailable. */
    async refuseAboveDay(price: Price, page: string): Promise<void> {
      const isAllowed = total(price) <= freeCalls || !isAboveDay(fitIn(await ledger.read(), price));
      if (!isAllowed) throw aboveDay(total(price), page);
    },

    /**
     * Sets the calls of an export aside, and returns a function that releases what is left of them at its end. Unless the export is confirmed,
     * throws a {@link Problem} that says when it fits, with a link to `anyway`. A part that never fits is allowed: it ends, and can be continued,
     * when Spotify refuses a call. Throws RedisUnavailable.
     */
    async reserve(price: Price, { isPart, isConfirmed, anyway, page }: Wish): Promise<() => Promise<void>> {
      if (total(price) <= freeCalls) return async () => undefined;
      const { before, release } = await ledger.reserve(
        new Map(families.map(([part, family]) => [family, price[part]])),
      );
      const known = fitIn(before, price);
      // safeguard: export-anyway
      if (isConfirmed || known.fits || (isPart && known.isAboveDay)) return release;
      await release();
      // safeguard: refuse-export-above-budget
      throw tooExpensive(total(price), known.at, { anyway, page }, now());
    },
  };

  function fitIn(known: Ledger, price: Price): Fit {
    const waits = families.map(([part, family]) => {
      if (price[part] === 0) return 0;
      const budget = familyBudget(known, family, dailyCalls, now());
      // The guess is for the calls of all families.
      return fitsIn(budget, budget.isGuess ? total(price) : price[part]);
    });
    if (waits.includes(null)) return { fits: false, isPaused: false, at: null, isAboveDay: true };
    const waitMs = Math.max(...waits.map(Number));
    return waitMs === 0
      ? { fits: true }
      : { fits: false, isPaused: false, at: now() + waitMs, isAboveDay: false };
  }
}

function isAboveDay(fit: Fit): boolean {
  return !fit.fits && fit.isAboveDay;
}

function total({ entries, lists }: Price): number {
  return entries + lists;
}

function aboveDay(calls: number, page: string): Problem {
  return new Problem({
    status: 409,
    reason: 'more-than-a-day',
    title: 'This export takes more than a day’s calls',
    text: `It takes about ${calls} calls to Spotify. It can run for several days, and playlists may stop loading for hours. Nothing has been started.`,
    actions: [{ label: 'Go to the export', href: `${page}#job` }],
  });
}

function tooExpensive(
  calls: number,
  until: number | null,
  { anyway, page }: Pick<Wish, 'anyway' | 'page'>,
  now: number,
): Problem {
  const price = `It takes about ${calls} calls to Spotify, and there aren’t enough left today.`;
  return new Problem({
    status: 503,
    reason: 'not-enough-calls',
    title: 'Not enough calls left for this export',
    ...(until !== null && { heading: 'You can export this from {until}' }),
    text:
      until === null
        ? `It takes about ${calls} calls to Spotify, more than a day’s. You can export it in parts on several days. If you export it anyway, playlists may stop loading for hours.`
        : `${price} If you export anyway and they run out, playlists may stop loading for hours.`,
    actions: [
      until === null
        ? { label: 'Export in parts', href: `${page}#parts` }
        : { label: 'Go to your playlists', href: routes.playlists() },
      { label: 'Export anyway', href: anyway },
    ],
    ...(until !== null && { until, retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) }),
  });
}
