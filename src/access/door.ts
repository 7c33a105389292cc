import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RateLimited } from '../spotify/errors.ts';
import { CoolDown, fromRedis } from './errors.ts';

export type Door = ReturnType<typeof createDoor>;

/** How many calls were made of those that one may make in 24 hours. */
export type Budget = {
  perDay: number;
  /** Calls of all kinds in the last 24 hours. */
  used: number;
  /** Milliseconds until the oldest of these calls count no more; 24 hours where there are none. */
  freesInMs: number;
};

type Needs = {
  redis: Redis;
  clientId: string;
  now: () => number;
  /** How many calls may be made in 24 hours, as far as is known. */
  dailyCalls: number;
};

type How = {
  /** Whether the call may be made once more after a short wait. */
  mayRepeat: boolean;
  /** Whether it counts: calls to the Web API do, those to the accounts service have no quota that is known. */
  counts?: boolean;
};

/** The longest wait that a page sits out; beyond it the person is told. */
const shortWaitMs = 2_000;
/** What to wait, in milliseconds, where Spotify limits calls without saying for how long. */
const defaultWaitMs = 30_000;
/** Longer than any cool-down that people have reported; guards against a nonsensical header. */
const longestWaitMs = 48 * 60 * 60 * 1000;

const dayMs = 24 * 60 * 60 * 1000;
/** Calls are counted by quarters of an hour: one counts for 24 hours and at most that much longer. */
const binMs = 15 * 60 * 1000;

// Says when the door opens, and counts a call where it is open. A Redis that takes no writes does not count, and answers.
const enter = `
  local known = redis.call('GET', KEYS[1])
  if known and tonumber(string.match(known, '^%d+')) > tonumber(ARGV[1]) then return known end
  if ARGV[2] ~= '' then
    redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
    redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
  end
  return ''`;

const closeUntil = `
  local known = tonumber(string.match(redis.call('GET', KEYS[1]) or '0', '^%d+'))
  if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) end
  return 1`;

/** Behind the moment in the record where it is the quota that is used up, and not the rate that is too high. */
const quotaMark = ' quota';

/**
 * The cool-down clock of this app and the count of its calls, one for all processes: Spotify counts calls by app and developer,
 * not by listener, and asking on while told to wait makes it longer.
 */
export function createDoor({ redis, clientId, now, dailyCalls }: Needs) {
  const key = `cool-down:${clientId}`;
  const countKey = `calls:${clientId}`;

  return {
    /**
     * Makes a call to Spotify, unless the door is closed; a 429 closes it for everyone. A wait of at most two seconds is sat
     * out instead and the call made once more, where it `mayRepeat`. Throws what the call throws, CoolDown in place of
     * RateLimited, and SessionsUnavailable.
     */
    async through<T>(call: () => Promise<T>, { mayRepeat, counts = true }: How): Promise<T> {
      await pass(counts);
      try {
        return await call();
      } catch (error) {
        const { waitMs, quota } = waitAskedBy(error);
        if (!mayRepeat || waitMs > shortWaitMs) throw await close(waitMs, quota);
        await sleep(waitMs);
      }
      await pass(counts);
      try {
        return await call();
      } catch (error) {
        const { waitMs, quota } = waitAskedBy(error);
        throw await close(waitMs, quota);
      }
    },

    /** What was used of a day's calls. Throws SessionsUnavailable. */
    async budget(): Promise<Budget> {
      const bins = await fromRedis(redis.hgetall(countKey));
      const begins = (bin: string) => Number(bin) * binMs;
      const counting = Object.keys(bins).filter((bin) => begins(bin) + binMs + dayMs > now());
      const over = Object.keys(bins).filter((bin) => !counting.includes(bin));
      if (over.length > 0) await fromRedis(redis.hdel(countKey, ...over));
      return {
        perDay: dailyCalls,
        used: counting.reduce((sum, bin) => sum + Number(bins[bin]), 0),
        freesInMs: Math.min(dayMs, ...counting.map((bin) => begins(bin) + binMs + dayMs - now())),
      };
    },
  };

  async function pass(counts: boolean): Promise<void> {
    const bin = counts ? String(Math.floor(now() / binMs)) : '';
    const keptMs = String(dayMs + 2 * binMs);
    const until = String(await fromRedis(redis.eval(enter, 2, key, countKey, String(now()), bin, keptMs)));
    if (until !== '') throw new CoolDown(Number.parseInt(until, 10), until.endsWith(quotaMark));
  }

  function waitAskedBy(error: unknown): { waitMs: number; quota: boolean } {
    if (!(error instanceof RateLimited)) throw error;
    return { waitMs: readRetryAfter(error.retryAfter, now()), quota: error.quota };
  }

  /** Closes the door for `waitMs` milliseconds, never for less than it was; gives the error to throw. */
  async function close(waitMs: number, quota: boolean): Promise<CoolDown> {
    const until = now() + waitMs;
    const lifeMs = String(Math.max(1, Math.ceil(waitMs)));
    await fromRedis(redis.eval(closeUntil, 1, key, String(until), quota ? quotaMark : '', lifeMs));
    return new CoolDown(until, quota);
  }
}

/** How long a Retry-After header asks to wait, in milliseconds: seconds or a date (RFC 9110, section 10.2.3). */
function readRetryAfter(header: string | undefined, now: number): number {
  const value = header?.trim() ?? '';
  const asked = /^\d+(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1000) : Date.parse(value) - now;
  if (!Number.isFinite(asked) || asked < 0) return defaultWaitMs;
  return Math.min(asked, longestWaitMs);
}
