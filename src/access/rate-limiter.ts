import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { keys } from '../redis/keys.ts';

/** So many requests within a window, which begins with the first of them. */
export type Limit = { requests: number; windowSeconds: number };

/** What is left after a request was counted. */
export type Usage = {
  /** Whether this request was one too many. */
  exceeded: boolean;
  remaining: number;
  /** Milliseconds until the window ends and all requests are available again. */
  resetMs: number;
};

export type RateLimiter = ReturnType<typeof createRateLimiter>;
export type Limits = Record<keyof typeof limits, Limit>;
export type RateLimiters = Record<keyof Limits, RateLimiter>;

const minute = 60;
const hour = 60 * minute;

/**
 * What a person never reaches, and a script that runs wild does within seconds. The quota gate has the last word on what Spotify is
 * asked; these limits keep one visitor from spending what is there for all.
 */
export const limits = {
  /** Per address: going to the sign-in and coming back from it count one each. */
  signIn: { requests: 60, windowSeconds: 10 * minute },
  /** All sign-ins together, each time Spotify is asked for tokens: refreshes go to the same service. */
  tokenExchange: { requests: 300, windowSeconds: 10 * minute },
  /** Per address, without a sign-in. */
  visitorSearch: { requests: 30, windowSeconds: minute },
  /** All visitors without a sign-in together; how many is a setting. */
  dailySearches: { requests: 100, windowSeconds: 24 * hour },
  /** Per listener, as all below it. */
  search: { requests: 60, windowSeconds: minute },
  read: { requests: 120, windowSeconds: minute },
  write: { requests: 120, windowSeconds: minute },
  /** Opening a stream of live updates, or fetching what it would bring; a stream that is open counts nothing. */
  update: { requests: 120, windowSeconds: minute },
  /** A playlist takes one call for each 50 items, all playlists together several hundred. */
  exportOne: { requests: 30, windowSeconds: 10 * minute },
  exportAll: { requests: 10, windowSeconds: hour },
  /** All listeners together, both kinds. */
  exports: { requests: 200, windowSeconds: hour },
  /** Per address. */
  setupCheck: { requests: 20, windowSeconds: minute },
};

/** A limiter for each limit. */
export function createRateLimiters(redis: Redis, all: Limits): RateLimiters {
  const created = Object.entries(all).map(([name, limit]) => [
    name,
    createRateLimiter({ redis, name, ...limit }),
  ]);
  return Object.fromEntries(created) as RateLimiters;
}

type Deps = Limit & { redis: Redis; name: string };

/**
 * Counts requests in Redis, for all processes. While Redis is away, or has something else under that
 * key, each process counts by itself.
 */
export function createRateLimiter({ redis, name, requests, windowSeconds }: Deps) {
  const options = { keyPrefix: '', points: requests, duration: windowSeconds };
  const limiter = new RateLimiterRedis({
    ...options,
    storeClient: redis,
    rejectIfRedisNotReady: true,
    // safeguard: count-without-redis
    insuranceLimiter: new RateLimiterMemory(options),
  });

  return {
    name,
    requests,
    windowSeconds,

    /** Counts one request of `key`: an address, a listener, or `everyone`. Never throws because of Redis. */
    async consume(key: string): Promise<Usage> {
      let counted = await count(keys.rateLimit(name, key));
      // A count that outlasts its window wasn't written by us, and would lock its client out for as long.
      // safeguard: reset-endless-rate-limit
      if (counted.msBeforeNext > (windowSeconds + 1) * 1000) {
        await limiter.delete(keys.rateLimit(name, key));
        counted = await count(keys.rateLimit(name, key));
      }
      return {
        exceeded: counted.consumedPoints > requests,
        remaining: counted.remainingPoints,
        resetMs: counted.msBeforeNext,
      };
    },
  };

  async function count(key: string): Promise<RateLimiterRes> {
    return limiter.consume(key).catch((refusal: unknown) => {
      if (refusal instanceof RateLimiterRes) return refusal;
      throw refusal;
    });
  }
}
