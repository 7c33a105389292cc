import type { Redis } from 'ioredis';
import { redisCall } from '../redis/errors.ts';

export type Share = ReturnType<typeof createShare>;

type Needs = {
  redis: Redis;
  now: () => number;
  /** What is shared, as the key says it. */
  name: string;
  /** How many may be taken within the window. */
  limit: number;
  windowMs: number;
};

/** What was taken is counted in so many bins of the window: a share comes free again at most one bin later than it might. */
const bins = 48;

// Takes one where fewer than the limit were taken in the window. Gives 0 when taken, else how long until one is free.
const takeOne = `
  local now, limit, window, bin = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local taken, oldest = 0, now
  if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
  local counted = redis.call('HGETALL', KEYS[1])
  for i = 1, #counted, 2 do
    local begins = tonumber(counted[i])
    if not begins or not tonumber(counted[i + 1]) or begins + bin + window <= now or begins > now then redis.call('HDEL', KEYS[1], counted[i])
    else
      taken = taken + tonumber(counted[i + 1])
      if begins < oldest then oldest = begins end
    end
  end
  if taken >= limit then return oldest + bin + window - now end
  redis.call('HINCRBY', KEYS[1], now - now % bin, 1)
  redis.call('PEXPIRE', KEYS[1], window + bin)
  return 0`;

/** A number of things that all who share it may take within a window that moves with time, counted in Redis for all processes. */
export function createShare({ redis, now, name, limit, windowMs }: Needs) {
  const binMs = Math.ceil(windowMs / bins);

  return {
    limit,

    /**
     * Takes one: 0, or the milliseconds until there is one again, and then nothing is taken. `of` is whose share it is, where
     * each has one of their own. Throws RedisUnavailable.
     */
    async take(of = 'everyone'): Promise<number> {
      const numbers = [now(), limit, windowMs, binMs].map(String);
      return Number(await redisCall(redis.eval(takeOne, 1, `share:${name}:${of}`, ...numbers)));
    },
  };
}
