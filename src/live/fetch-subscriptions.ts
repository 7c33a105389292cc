import type { Timing } from '../access/timing.ts';
import type { Hub } from './hub.ts';

export type FetchSubscriptions = ReturnType<typeof createFetchSubscriptions>;

type Deps = { hub: Hub; now: () => number; timing: Timing['live'] };

/**
 * Subscriptions of pages that fetch the card because a proxy holds their streams back. Like a stream, one keeps the hub polling for
 * its listener; but nothing tells when such a page is closed, so it ends unless it is renewed. A session has one, whatever the number
 * of its tabs.
 */
export function createFetchSubscriptions({ hub, now, timing }: Deps) {
  const open = new Map<string, { renewedAt: number; ttlMs: number; end(): void }>();
  const sweeping = setInterval(() => {
    for (const { renewedAt, ttlMs, end } of open.values()) {
      // Also ended where the clock was put back: it would last until the clock is there again.
      // safeguard: ending-subscription-page-has-stopped-asking
      if (now() < renewedAt || now() >= renewedAt + ttlMs) end();
    }
  }, timing.tickMs).unref();

  return {
    /** Subscribes a session to its listener for so many milliseconds from now, or renews its subscription. */
    renew(accountId: string, sessionId: string, ttlMs: number): void {
      const end = open.get(sessionId)?.end ?? subscribe(accountId, sessionId);
      open.set(sessionId, { renewedAt: now(), ttlMs, end });
    },

    close: () => clearInterval(sweeping),
  };

  function subscribe(accountId: string, sessionId: string): () => void {
    const end = () => {
      open.delete(sessionId);
      leave();
    };
    const leave = hub.watch(accountId, { sessionId, onNews: () => undefined, onEnd: end });
    return end;
  }
}
