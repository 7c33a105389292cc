const dayMs = 24 * 60 * 60 * 1000;

/** A session and its grant expire 180 days after the sign-in, which is about when Spotify ends the grant ("Refreshing tokens"). */
export const absoluteLifetimeMs = 180 * dayMs;
/** They expire earlier if the listener doesn't return for 30 days. */
export const idleTimeoutMs = 30 * dayMs;

/**
 * Returns the remaining lifetime, in seconds, of a sign-in that was made at `startedAt`, unless it is extended; 0 if it has expired. Both
 * parameters are milliseconds since 1970.
 */
export function remainingLifetimeSeconds(startedAt: number, now: number): number {
  return Math.max(0, Math.ceil(Math.min(idleTimeoutMs, startedAt + absoluteLifetimeMs - now) / 1000));
}
