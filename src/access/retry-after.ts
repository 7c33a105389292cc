import type { RateLimited } from '../spotify/errors.ts';

/** The delay if Spotify doesn't say how long to wait. A used-up quota is released hour by hour. */
const defaultDelayMs = { rate: 30_000, quota: 60 * 60 * 1000 };
const hourMs = 60 * 60 * 1000;
/**
 * Bounds on a delay: less is not worth a cooldown, and more than users have ever reported is nonsense. A rate limit counts 30 seconds ("Rate
 * limits"), but people have reported waits of almost a day without a reason.
 */
const minDelayMs = 1_000;
const maxDelayMs = { rate: 24 * hourMs, quota: 48 * hourMs };
/** How far the clocks of processes may be apart, so that a time of another process may be this far in the future. */
export const clockSkewMs = 15 * 60 * 1000;
/** How far ahead the end of a recorded delay may lie. */
export const maxAheadMs = maxDelayMs.quota + clockSkewMs;

/**
 * Returns the delay that a Retry-After header asks for, in milliseconds; null if the header is neither a number of seconds nor a date (RFC
 * 9110, section 10.2.3). `now` is in milliseconds since 1970.
 */
function parseRetryAfter(header: string | undefined, now: number): number | null {
  const value = header?.trim() ?? '';
  // `Date.parse` alone accepts almost anything as a date.
  const date = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) - now : Number.NaN;
  const delayMs = /^\d+(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1000) : date;
  if (!Number.isFinite(delayMs) || delayMs < 0) return null;
  return Math.max(delayMs, minDelayMs);
}

/** Returns how long to wait after a 429, in milliseconds. `isNamed`: whether Spotify said so. */
export function delayOf(
  { retryAfter, quota }: RateLimited,
  now: number,
): { delayMs: number; isNamed: boolean } {
  const named = parseRetryAfter(retryAfter, now);
  // safeguard: default-quota-cooldown
  const otherwise = quota ? defaultDelayMs.quota : defaultDelayMs.rate;
  const maxMs = quota ? maxDelayMs.quota : maxDelayMs.rate;
  // safeguard: longest-delay
  return { delayMs: Math.min(named ?? otherwise, maxMs), isNamed: named !== null && named < maxMs };
}
