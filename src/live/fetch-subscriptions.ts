import type { Timing } from '../access/timing.ts';
import type { Interest } from './cadence.ts';
import type { Hub } from './hub.ts';

export type FetchSubscriptions = ReturnType<typeof createFetchSubscriptions>;

/** `everythingUntil`: when the last page that shows everything expires, in milliseconds since 1970. */
type Subscription = { extendedAt: number; ttlMs: number; everythingUntil: number; unsubscribe(): void };

type Deps = { hub: Hub; now: () => number; timing: Timing['live'] };

/**
 * Subscriptions of pages that fetch the card because a proxy buffers their streams. Like a stream, such a subscription keeps the hub
 * polling for its listener. But nothing tells us when the page is closed, so it expires unless the page extends it. A session has one for
 * all its tabs.
 */
export function createFetchSubscriptions({ hub, now, timing }: Deps) {
  const subscriptions = new Map<string, Subscription>();
  const sweepTimer = setInterval(() => {
    for (const { extendedAt, ttlMs, unsubscribe } of subscriptions.values()) {
      // Even if the clock was set back: otherwise it would last until the clock has caught up.
      // safeguard: expire-fetch-subscriptions
      if (now() < extendedAt || now() >= extendedAt + ttlMs) unsubscribe();
    }
  }, timing.tickMs).unref();

  return {
    /** Subscribes a session to its listener for `ttlMs` from now, or extends its subscription. */
    extend(accountId: string, sessionId: string, ttlMs: number, interest: Interest): void {
      const earlier = subscriptions.get(sessionId);
      const isEverything = interest === 'everything';
      subscriptions.set(sessionId, {
        extendedAt: now(),
        ttlMs,
        everythingUntil: isEverything ? now() + ttlMs : (earlier?.everythingUntil ?? 0),
        unsubscribe: earlier?.unsubscribe ?? subscribe(accountId, sessionId),
      });
    },

    close: () => clearInterval(sweepTimer),
  };

  function subscribe(accountId: string, sessionId: string): () => void {
    const end = () => {
      subscriptions.delete(sessionId);
      unsubscribe();
    };
    // The page fetches the live state, so it needs no updates.
    const unsubscribe = hub.subscribe(accountId, {
      sessionId,
      get interest(): Interest {
        const { everythingUntil = 0 } = subscriptions.get(sessionId) ?? {};
        // safeguard: bars-that-fetch
        return now() < everythingUntil ? 'everything' : 'track-ends';
      },
      onUpdate: () => undefined,
      onEnd: end,
    });
    return end;
  }
}
