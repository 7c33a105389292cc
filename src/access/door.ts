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
  /** When how many of them count no more, in milliseconds from now; the soonest first. */
  frees: { inMs: number; calls: number }[];
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
/** What to wait, in milliseconds, where Spotify limits calls without saying for how long; a used up quota frees by the hour. */
const defaultWaitMs = { rate: 30_000, quota: 60 * 60 * 1000 };
/** When the time is over, one call goes first; the others wait so long for what becomes of it. */
const probeMs = 6_000;
const pollMs = 100;
/** Longer than any cool-down that people have reported; guards against a nonsensical header. */
const longestWaitMs = 48 * 60 * 60 * 1000;

const dayMs = 24 * 60 * 60 * 1000;
/** Calls are counted by quarters of an hour: one counts for 24 hours and at most that much longer. */
const binMs = 15 * 60 * 1000;

// Says how long the door is closed; where its time is over, lets one call through to try, and the others when that has gone well.
// Counts a call that goes through. A Redis that takes no writes does neither, and answers.
const enter = `
  local known = redis.call('GET', KEYS[1])
  if known then
    local wait = tonumber(string.match(known, '^%d+')) - tonumber(ARGV[1])
    if wait > 0 then return known end
    local tries = redis.pcall('SET', KEYS[3], '1', 'PX', ARGV[4], 'NX')
    if not tries then return 'wait' end
  end
  if ARGV[2] ~= '' then
    redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
    redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
  end
  return known and 'try' or ''`;

const closeUntil = `
  redis.call('DEL', KEYS[2])
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
  const tryKey = `cool-down-try:${clientId}`;
  const countKey = `calls:${clientId}`;

  return {
    /**
     * Makes a call to Spotify, unless the door is closed; a 429 closes it for everyone. Where the call `mayRepeat`, a wait of at most
     * two seconds is sat out instead, and the call made once more. Throws what the call throws, CoolDown in place of RateLimited,
     * and SessionsUnavailable.
     */
    async through<T>(call: () => Promise<T>, { mayRepeat, counts = true }: How): Promise<T> {
      let tries = await pass(counts, mayRepeat);
      for (let again = mayRepeat; ; again = false) {
        try {
          const answer = await call();
          if (tries) await open();
          return answer;
        } catch (error) {
          if (!(error instanceof RateLimited)) {
            if (tries) await open();
            throw error;
          }
          const closed = await close(error);
          const waitMs = closed.until - now();
          if (!again || waitMs > shortWaitMs) throw closed;
          // Who was told goes first when it is over; nobody else is let through before.
          await sleep(waitMs);
          await count(counts);
          tries = true;
        }
      }
    },

    /** Forgets that Spotify asked to wait: for something that stands in for Spotify, and knows that it is over. */
    reopen: open,

    /** What was used of a day's calls. Throws SessionsUnavailable. */
    async budget(): Promise<Budget> {
      const bins = await fromRedis(redis.hgetall(countKey));
      const over = Object.keys(bins).filter((bin) => endOf(bin) <= now());
      if (over.length > 0) await fromRedis(redis.hdel(countKey, ...over));
      return budgetIn(bins, now(), dailyCalls);
    },
  };

  /** Waits until the door is open, where that is soon and one may wait, or throws CoolDown; whether this call is the one that tries. */
  async function pass(counts: boolean, mayWait: boolean): Promise<boolean> {
    const giveUpAt = performance.now() + (mayWait ? shortWaitMs : 0);
    const bin = counts ? binOf(now()) : '';
    for (;;) {
      const asked = [String(now()), bin, String(dayMs + 2 * binMs), String(probeMs)];
      const told = String(await fromRedis(redis.eval(enter, 3, key, countKey, tryKey, ...asked)));
      if (told === '') return false;
      if (told === 'try') return true;
      const until = told === 'wait' ? now() + 1_000 : Number.parseInt(told, 10);
      if (until - now() > shortWaitMs || performance.now() >= giveUpAt) {
        throw new CoolDown(until, told.endsWith(quotaMark));
      }
      await sleep(pollMs);
    }
  }

  async function count(counts: boolean): Promise<void> {
    if (!counts) return;
    const bin = binOf(now());
    // The call is what matters; a Redis that takes no writes just now does not count.
    await Promise.all([redis.hincrby(countKey, bin, 1), redis.pexpire(countKey, dayMs + 2 * binMs)]).catch(
      () => undefined,
    );
  }

  /** Opens the door after a call that was answered: nobody waits any longer. */
  async function open(): Promise<void> {
    await redis.del(key, tryKey).catch(() => undefined);
  }

  /** Closes the door for as long as Spotify says, never for less than it was; gives the error to throw. */
  async function close({ retryAfter, quota }: RateLimited): Promise<CoolDown> {
    const waitMs = readRetryAfter(retryAfter, now()) ?? (quota ? defaultWaitMs.quota : defaultWaitMs.rate);
    const until = now() + waitMs;
    // The record outlives its time, so that somebody tries first when it is over.
    const lifeMs = String(Math.ceil(waitMs) + dayMs);
    await fromRedis(redis.eval(closeUntil, 2, key, tryKey, String(until), quota ? quotaMark : '', lifeMs));
    return new CoolDown(until, quota);
  }
}

/** The bin that a call at this moment, in milliseconds since 1970, is counted in. */
export function binOf(at: number): string {
  return String(Math.floor(at / binMs));
}

/** When the calls of a bin count no more. */
function endOf(bin: string): number {
  return Number(bin) * binMs + binMs + dayMs;
}

/** What was used of a day's calls, of which there are `perDay`, by the count in each bin. */
export function budgetIn(
  bins: Readonly<Record<string, number | string>>,
  now: number,
  perDay: number,
): Budget {
  const frees = Object.entries(bins)
    .map(([bin, calls]) => ({ inMs: endOf(bin) - now, calls: Number(calls) }))
    .filter(({ inMs }) => inMs > 0)
    .sort((a, b) => a.inMs - b.inMs);
  return { perDay, used: frees.reduce((sum, { calls }) => sum + calls, 0), frees };
}

/** How long a Retry-After header asks to wait, in milliseconds: seconds or a date (RFC 9110, section 10.2.3); null for anything else. */
function readRetryAfter(header: string | undefined, now: number): number | null {
  const value = header?.trim() ?? '';
  const asked = /^\d+(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1000) : Date.parse(value) - now;
  if (!Number.isFinite(asked) || asked < 0) return null;
  return Math.min(asked, longestWaitMs);
}
