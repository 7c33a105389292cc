import type { RequestHandler } from 'express';
import type { Settings } from './control.ts';

const dayMs = 24 * 60 * 60 * 1000;

export type Limits = ReturnType<typeof createLimits>;

/**
 * What Spotify lets nobody go beyond: a rate limit for a while, and a quota for any 24 hours, which all tokens of the app
 * draw on (Spotify: "Web API changelog, July 2026"). Calls that were turned away are not counted.
 */
export function createLimits({ settings, now }: { settings: Settings; now: () => number }) {
  let closed: { until: number; quota: boolean } | null = null;
  /** When each call of the last day was let through, oldest first. */
  const counted: number[] = [];

  const forgetOldCalls = () => {
    while (counted[0] !== undefined && counted[0] <= now() - dayMs) counted.shift();
  };

  /** When it opens again, and what to say until then; null where it is open. */
  const closedNow = (): { until: number; quota: boolean } | null => {
    if (closed && now() < closed.until) return closed;
    forgetOldCalls();
    const most = settings.callsPerDay;
    if (most === null || counted.length < most) return null;
    // The window is free as soon as all but the newest few have left it.
    const leaves = counted[counted.length - most] ?? now();
    return { until: leaves + dayMs, quota: true };
  };

  const turnAway: RequestHandler = (_req, res, next) => {
    const reason = closedNow();
    if (!reason) {
      counted.push(now());
      return next();
    }
    res.status(429).set('retry-after', String(Math.ceil((reason.until - now()) / 1000)));
    if (reason.quota) {
      res.json({ error: { status: 429, message: 'Too many requests', reason: 'QUOTA_EXCEEDED' } });
    } else {
      // A text and no JSON, as users have seen it (GitHub: skuethe/MMM-Spotify#172).
      res.type('text/plain').send('Too many requests');
    }
  };

  return {
    turnAway,
    closedNow,
    rateLimit(seconds: number, { quota = false }: { quota?: boolean } = {}) {
      closed = { until: now() + seconds * 1000, quota };
    },
    clear() {
      closed = null;
    },
  };
}
