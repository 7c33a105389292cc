const day = 24 * 60 * 60 * 1000;

/** A session and its grant end 180 days after the sign-in: about when Spotify ends the grant ("Refreshing tokens"). */
export const absoluteLifeMs = 180 * day;
/** They end sooner when nobody comes for 30 days. */
export const idleLifeMs = 30 * day;

/** Seconds that the records of a sign-in made at `startedAt` may stand from `now` on, unless somebody comes; 0 when it is over. */
export function lifeLeft(startedAt: number, now: number): number {
  return Math.max(0, Math.ceil(Math.min(idleLifeMs, startedAt + absoluteLifeMs - now) / 1000));
}
