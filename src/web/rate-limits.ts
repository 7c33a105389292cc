import type { RequestHandler, Response } from 'express';
import { TooManyRequests } from '../access/errors.ts';
import type { RateLimiter, Usage } from '../access/rate-limiter.ts';
import { addressOf } from './address.ts';

/**
 * Counts a request against a limit, and tells the client what is left (draft-ietf-httpapi-ratelimit-headers, "RateLimit" and
 * "RateLimit-Policy"). `counting` is the count if it has begun already. Throws {@link TooManyRequests}.
 */
export async function enforceLimit(
  res: Response,
  limiter: RateLimiter,
  key: string,
  counting: Promise<Usage> = limiter.consume(key),
): Promise<void> {
  const usage = await counting;
  setRateLimitHeaders(res, limiter, usage);
  // safeguard: request-limit-per-listener
  if (usage.exceeded) throw new TooManyRequests(limiter.name, usage.resetMs);
}

/** Counts a request against the limit of the address it came from. */
export function limitByAddress(limiter: RateLimiter): RequestHandler {
  return async (req, res, next) => {
    await enforceLimit(res, limiter, addressOf(req));
    next();
  };
}

function setRateLimitHeaders(
  res: Response,
  { name, requests, windowSeconds }: RateLimiter,
  { remaining, resetMs }: Usage,
): void {
  // Several limits can count one request.
  res.append('RateLimit-Policy', `"${name}";q=${requests};w=${windowSeconds}`);
  res.append('RateLimit', `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`);
}
