import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisClient } from '../redis/client.ts';
import { keys } from '../redis/keys.ts';
import { awaitReply } from '../waiting.ts';

/** The number of requests within a window, which starts with the first of them. */
type Limit = { requests: number; windowSeconds: number };

/** How much of a limit is left after a request was counted. */
export type Usage = {
  exceeded: boolean;
  remaining: number;
  /** Milliseconds until the window ends and the whole limit is available again. */
  resetMs: number;
};

export type RateLimiter = ReturnType<typeof createRateLimiter>;
export type Limits = Record<keyof typeof limits, Limit>;
export type RateLimiters = Record<keyof Limits, RateLimiter>;

const minute = 60;
const hour = 60 * minute;

/**
 * A person never reaches these limits; a runaway script does within seconds. They keep one visitor from using up everyone's quota; the
 * quota gate has the final say on calls to Spotify.
 */
export const limits = {
  /** Per address. Starting a sign-in and returning from Spotify count as one request each. */
  signIn: { requests: 60, windowSeconds: 10 * minute },
  /** Token requests of all sign-ins together: refreshes go to the same service. */
  tokenExchange: { requests: 300, windowSeconds: 10 * minute },
  /** Per address, without a sign-in. */
  visitorSearch: { requests: 30, windowSeconds: minute },
  /** All visitors without a sign-in together; a setting. */
  dailySearches: { requests: 100, windowSeconds: 24 * hour },
  /** The ones made while someone types; half of the setting. */
  typedSearches: { requests: 50, windowSeconds: 24 * hour },
  /** Per listener, like those below unless noted. */
  search: { requests: 60, windowSeconds: minute },
  read: { requests: 120, windowSeconds: minute },
  write: { requests: 120, windowSeconds: minute },
  /** Opening a stream of live updates, or fetching an update. Keeping a stream open doesn't count. */
  update: { requests: 120, windowSeconds: minute },
  /** A playlist takes one call for each 50 items, all playlists together several hundred. */
  exportOne: { requests: 30, windowSeconds: 10 * minute },
  exportAll: { requests: 10, windowSeconds: hour },
  /** All listeners together, both kinds of export. */
  exports: { requests: 200, windowSeconds: hour },
  /** Per address. */
  setupCheck: { requests: 20, windowSeconds: minute },
};

/** Sets the limits of visitors who aren't signed in. Half of their searches are left for those who press Enter. */
export function withDailySearches(limits: Limits, perDay: number): Limits {
  const { dailySearches, typedSearches } = limits;
  return {
    ...limits,
    dailySearches: { ...dailySearches, requests: perDay },
    typedSearches: { ...typedSearches, requests: Math.floor(perDay / 2) },
  };
}

export function createRateLimiters(redis: RedisClient, all: Limits): RateLimiters {
  const created = Object.entries(all).map(([name, limit]) => [
    name,
    createRateLimiter({ redis, name, ...limit }),
  ]);
  return Object.fromEntries(created) as RateLimiters;
}

type Deps = Limit & { redis: RedisClient; name: string };

/**
 * Counts requests in Redis, for all processes. While Redis is unavailable, or holds something else under that key,
 * each process counts by itself.
 */
function createRateLimiter({ redis, name, requests, windowSeconds }: Deps) {
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

    /** Counts one request of `key`, which is an address, a listener, or `everyone`, and returns what is left. Never throws because of Redis. */
    async consume(key: string): Promise<Usage> {
      let counted = await count(keys.rateLimit(name, key));
      // A counter whose TTL exceeds its window wasn't written by us, and would lock its client out for that long.
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
    return awaitReply('redis', limiter.consume(key)).catch((rejection: unknown) => {
      if (rejection instanceof RateLimiterRes) return rejection;
      throw rejection;
    });
  }
}
