import { LRUCache } from 'lru-cache';

const extendEveryMs = 60_000;
const maxSessions = 10_000;

/** Decides when the lifetime of an active session is extended: once a minute, and not with every request. */
export function createExtensionThrottle(now: () => number) {
  const extendedAt = new LRUCache<string, number>({ max: maxSessions });

  return {
    /** Returns whether an extension is due; if so, the next one is due a minute later. */
    takeIfDue(sessionId: string): boolean {
      const last = extendedAt.get(sessionId);
      // safeguard: extend-session-once-a-minute
      if (last !== undefined && now() - last < extendEveryMs) return false;

      extendedAt.set(sessionId, now());
      return true;
    },
  };
}
