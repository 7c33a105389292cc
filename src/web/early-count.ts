import type { Request } from 'express';
import { LRUCache } from 'lru-cache';
import type { RateLimiter, Usage } from '../access/rate-limiter.ts';

declare module 'express-serve-static-core' {
  interface Request {
    /** The count that began before the session was known; undefined if none did, or it was used. */
    earlyCount?: EarlyCount | undefined;
  }
}

type EarlyCount = { sessionId: string; accountId: string; counting: Promise<Usage> };

type Counter = Pick<RateLimiter, 'consume'>;

const maxSessions = 10_000;
const maxPaths = 10_000;
/** In characters, of all paths. */
const maxPathsSize = 1_000_000;

/**
 * Counts requests against a limit for each listener, in the same round trip to Redis in which session and grant are read. Whose request it is
 * and whether its page counts are then not known yet, but remembered from earlier requests to this process. Nothing else is remembered, and
 * only the account in the grant decides: a wrong guess costs its account one request of the limit.
 */
export function createEarlyCounts(early: Counter) {
  /** The account of each session that was recognized. */
  const accounts = new LRUCache<string, string>({ max: maxSessions });
  /** Of pages that count against this limit. */
  const paths = new LRUCache<string, true>({
    max: maxPaths,
    maxSize: maxPathsSize,
    sizeCalculation: (_, path) => path.length,
  });

  return {
    /** Begins to count a request whose session is being read. */
    begin(req: Request, sessionId: string): void {
      if (req.method !== 'GET' || !paths.has(req.path)) return;
      const accountId = accounts.get(sessionId);
      if (accountId === undefined) return;
      const counting = early.consume(accountId);
      // Nothing awaits it if the session has ended.
      // safeguard: handle-failed-early-count
      counting.catch(() => undefined);
      req.earlyCount = { sessionId, accountId, counting };
    },

    /** Counts a request of a listener who has been recognized, unless that has begun already. Any other limit than the one above is counted now. */
    count(req: Request, limiter: Counter, accountId: string): Promise<Usage> {
      if (limiter !== early) return limiter.consume(accountId);
      const begun = req.earlyCount;
      // If the request is counted again, that is another count.
      req.earlyCount = undefined;
      accounts.set(req.session.id, accountId);
      paths.set(req.path, true);
      // safeguard: early-count-of-same-account
      if (begun?.accountId === accountId) return begun.counting;
      return limiter.consume(accountId);
    },

    /** The request turned out not to be signed in, so it must not use up anyone's limit again. */
    forget({ earlyCount }: Request): void {
      // safeguard: forget-account-of-ended-session
      if (earlyCount) accounts.delete(earlyCount.sessionId);
    },
  };
}
