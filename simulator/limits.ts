import type { RequestHandler } from 'express';
import type { Settings } from './types.ts';

const dayMs = 24 * 60 * 60 * 1000;

export type Limit = { until: number; isQuota: boolean };
export type Limits = ReturnType<typeof createLimits>;

/**
 * The rate limit, and the quota for any 24 hours that all tokens of the app share (Spotify: "Web API changelog, July 2026"). Refused
 * calls don't count.
 */
export function createLimits({ settings, now }: { settings: Settings; now: () => number }) {
  let imposed: Limit | null = null;
  /** When each call of the last day was accepted, oldest first. */
  const acceptedAt: number[] = [];

  /** The limit that refuses calls now, or null. */
  const activeLimit = (): Limit | null => {
    if (imposed && now() < imposed.until) return imposed;
    while (acceptedAt[0] !== undefined && acceptedAt[0] <= now() - dayMs) acceptedAt.shift();
    const quota = settings.callsPerDay;
    if (quota === null || acceptedAt.length < quota) return null;
    // A call is possible as soon as fewer than `quota` of the accepted ones are less than a day old.
    const nextToExpire = acceptedAt[acceptedAt.length - quota] ?? now();
    return { until: nextToExpire + dayMs, isQuota: true };
  };

  const enforce: RequestHandler = (_req, res, next) => {
    const limit = activeLimit();
    if (!limit) {
      acceptedAt.push(now());
      return next();
    }
    res.status(429).set('retry-after', String(Math.ceil((limit.until - now()) / 1000)));
    if (limit.isQuota) {
      res.json({ error: { status: 429, message: 'Too many requests', reason: 'QUOTA_EXCEEDED' } });
    } else {
      // Plain text, not JSON, as users have reported it (GitHub: skuethe/MMM-Spotify#172).
      res.type('text/plain').send('Too many requests');
    }
  };

  return {
    enforce,
    activeLimit,
    rateLimit(seconds: number, { quota = false }: { quota?: boolean } = {}) {
      imposed = { until: now() + seconds * 1000, isQuota: quota };
    },
    clear() {
      imposed = null;
    },
  };
}
