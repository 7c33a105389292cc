import type { Hub } from './hub.ts';

export type FetchSubscriptions = ReturnType<typeof createFetchSubscriptions>;

type Deps = { hub: Hub };

/**
 * Subscriptions of pages that fetch the card because a proxy holds their streams back. Like a stream, one keeps the hub polling for
 * its listener; nobody says when such a page is closed, so it lapses unless it is renewed. There is one for each session, whatever the
 * number of its tabs.
 */
export function createFetchSubscriptions({ hub }: Deps) {
  const open = new Map<string, { end(): void; timer: NodeJS.Timeout }>();

  return {
    /** Subscribes a session to its listener, or renews its subscription: it lapses after `forMs` milliseconds. */
    renew(accountId: string, sessionId: string, forMs: number): void {
      const before = open.get(sessionId);
      clearTimeout(before?.timer);
      const end = before?.end ?? subscribe(accountId, sessionId);
      open.set(sessionId, { end, timer: setTimeout(end, forMs).unref() });
    },
  };

  function subscribe(accountId: string, sessionId: string): () => void {
    const leave = hub.watch(accountId, { sessionId, onNews: () => undefined, onEnd: end });
    function end(): void {
      clearTimeout(open.get(sessionId)?.timer);
      open.delete(sessionId);
      leave();
    }
    return end;
  }
}
