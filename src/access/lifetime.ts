const day = 24 * 60 * 60 * 1000;

/** A session and its grant end 180 days after the sign-in: about when Spotify ends the grant ("Refreshing tokens"). */
export const absoluteLifetimeMs = 180 * day;
/** They end sooner when nobody comes for 30 days. */
export const idleTimeoutMs = 30 * day;

/** Seconds that the records of a sign-in made at `startedAt` may stand from `now` on, unless somebody comes; 0 when it is over. */
export function remainingLifetimeMs(startedAt: number, now: number): number {
  return Math.max(0, Math.ceil(Math.min(idleTimeoutMs, startedAt + absoluteLifetimeMs - now) / 1000));
}
