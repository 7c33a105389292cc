import type { Request, Response } from 'express';
import type { BeforeCall } from '../access/app-api.ts';
import { TooManyRequests } from '../access/errors.ts';
import type { RateLimiter, RateLimiters } from '../access/rate-limiter.ts';
import { addressOf } from './address.ts';
import { type ErrorPage, Problem } from './errors.ts';
import { enforceLimit } from './rate-limits.ts';

/** Why a visitor who isn't signed in is refused: too many requests from their address, no visitors at all, or none for today. */
type VisitorProblems = { tooMany: ErrorPage; needsSignIn: ErrorPage; usedUp: ErrorPage };

/**
 * Counts a request of a visitor who isn't signed in. Returns what to run before each call to Spotify: all visitors share a daily number of them,
 * which counts neither cached responses nor requests during a cooldown. Both throw {@link Problem} if a limit is reached.
 */
export async function admitVisitor(
  req: Request,
  res: Response,
  rateLimiters: RateLimiters,
  problems: VisitorProblems,
): Promise<BeforeCall> {
  if (rateLimiters.dailySearches.requests === 0) throw new Problem(problems.needsSignIn);
  // safeguard: search-limit-per-address
  await limitVisitor(res, rateLimiters.visitorSearch, problems.tooMany, addressOf(req));
  // safeguard: visitor-search-share
  return () => limitVisitor(res, rateLimiters.dailySearches, problems.usedUp, 'everyone');
}

/** If the limit is reached, throws {@link Problem} with a page that offers to sign in. */
export async function limitVisitor(
  res: Response,
  limiter: RateLimiter,
  problem: ErrorPage,
  key: string,
): Promise<void> {
  await enforceLimit(res, limiter, key).catch((error: unknown) => {
    if (!(error instanceof TooManyRequests)) throw error;
    throw new Problem({ ...problem, retryAfterSeconds: Math.ceil(error.waitMs / 1000) });
  });
}
