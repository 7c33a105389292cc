const extendEveryMs = 60_000;
const maxSessions = 10_000;

/** Decides when the lifetime of an active session is extended: once a minute, and not with every request. */
export function createExtensionTimer(now: () => number) {
  const extendedAt = new Map<string, number>();

  return {
    /** Returns whether the session is due, and if so counts it as extended. */
    markIfDue(sessionId: string): boolean {
      const last = extendedAt.get(sessionId);
      // safeguard: extend-session-once-a-minute
      if (last !== undefined && now() - last < extendEveryMs) return false;

      extendedAt.delete(sessionId);
      extendedAt.set(sessionId, now());
      // A Map keeps insertion order, so the first session is the one that was extended longest ago.
      const [oldest] = extendedAt.keys();
      if (extendedAt.size > maxSessions && oldest !== undefined) extendedAt.delete(oldest);
      return true;
    },
  };
}
