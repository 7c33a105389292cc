import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readText, redisCall } from '../redis/errors.ts';
import { RateLimited } from '../spotify/errors.ts';
import { CoolDown } from './errors.ts';

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

/**
 * Which of Spotify's services is called. Both stay unasked while the door is closed. Calls to the Web API are counted, and one of them
 * tries when the time is over; calls to the accounts service have no quota that is known, and say nothing about that of the other.
 */
type Service = 'web-api' | 'accounts';

/** The longest wait that a page sits out; beyond it the person is told. */
const shortWaitMs = 2_000;
/** What to wait, in milliseconds, where Spotify limits calls without saying for how long; a used up quota frees by the hour. */
const defaultWaitMs = { rate: 30_000, quota: 60 * 60 * 1000 };
/** When the time is over, one call goes first; the others wait so long for what becomes of it. */
const probeMs = 6_000;
const pollMs = 100;
/** A wait of less is none; longer than any cool-down that people have reported guards against a nonsensical header. */
const leastWaitMs = 1_000;
const longestWaitMs = 48 * 60 * 60 * 1000;

const dayMs = 24 * 60 * 60 * 1000;
/** Calls are counted by quarters of an hour: one counts for 24 hours and at most that much longer. */
const binMs = 15 * 60 * 1000;

// Says how long the door is closed; where its time is over, lets one call through to try, and the others when that has gone well.
// Counts a call that goes through. A Redis that takes no writes does neither, and answers.
const enter = `
  local known = redis.call('GET', KEYS[1])
  local tries = false
  if known then
    local wait = tonumber(string.match(known, '^%d+')) - tonumber(ARGV[1])
    if wait > 0 then return {'closed', known} end
    tries = ARGV[2] ~= ''
    if tries and not redis.pcall('SET', KEYS[3], '1', 'PX', ARGV[4], 'NX') then return {'wait', known} end
  end
  if ARGV[2] ~= '' then
    redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
    redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
  end
  return tries and {'try', known} or {'open', ''}`;

const closeUntil = `
  redis.call('DEL', KEYS[2])
  local known = tonumber(string.match(redis.call('GET', KEYS[1]) or '0', '^%d+'))
  if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) end
  return 1`;

// Somebody else may have been told to wait for longer meanwhile.
const openIfUnchanged = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1], KEYS[2]) end
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

  /** What we were told while Redis took no writes: then at least this process knows. */
  let toldHere: CoolDown | null = null;

  return {
    /**
     * Makes a call to Spotify, unless the door is closed; a 429 closes it for everyone. A call to the Web API sits a wait of at most two
     * seconds out instead, and is made once more. Throws what the call throws, CoolDown in place of RateLimited, and
     * RedisUnavailable.
     */
    async through<T>(call: () => Promise<T>, service: Service = 'web-api'): Promise<T> {
      for (let again = service === 'web-api'; ; again = false) {
        const tried = await pass(service);
        try {
          const answer = await call();
          if (tried !== null) await open(tried);
          return answer;
        } catch (error) {
          if (!(error instanceof RateLimited)) {
            if (tried !== null) await open(tried);
            throw error;
          }
          const closed = await close(error);
          const waitMs = closed.until - now();
          if (!again || waitMs > shortWaitMs) throw closed;
          await sleep(waitMs);
        }
      }
    },

    /** Until when Spotify asked us to stay away; null where it did not. Throws RedisUnavailable. */
    async closed(): Promise<CoolDown | null> {
      const closed = readClosed((await readText(redis, key)) ?? '');
      return closed && closed.until > now() ? closed : null;
    },

    /** Forgets that Spotify asked to wait: for something that stands in for Spotify, and knows that it is over. Throws RedisUnavailable. */
    async reopen(): Promise<void> {
      toldHere = null;
      await redisCall(redis.del(key, tryKey));
    },

    /** What was used of a day's calls. Throws RedisUnavailable. */
    async budget(): Promise<Budget> {
      const bins = await redisCall(redis.hgetall(countKey));
      const over = Object.keys(bins).filter((bin) => endOf(bin) <= now());
      if (over.length > 0) await redisCall(redis.hdel(countKey, ...over));
      return budgetIn(bins, now(), dailyCalls);
    },
  };

  /**
   * Waits until the door is open, where that is soon and the service may wait, or throws CoolDown. Gives the record of the wait that
   * is over where this call is the one that tries, else null.
   */
  async function pass(service: Service): Promise<string | null> {
    const giveUpAt = performance.now() + (service === 'web-api' ? shortWaitMs : 0);
    for (;;) {
      if (toldHere && toldHere.until > now()) throw toldHere;
      const bin = service === 'web-api' ? binOf(now()) : '';
      const asked = [String(now()), bin, String(dayMs + 2 * binMs), String(probeMs)];
      const answer = await redisCall(redis.eval(enter, 3, key, countKey, tryKey, ...asked));
      const [state, record] = answer as ['open' | 'closed' | 'wait' | 'try', string];
      if (state === 'open') return null;
      if (state === 'try') return record;
      const { until, quota } = readClosed(record) ?? new CoolDown(now());
      const closed = new CoolDown(state === 'wait' ? now() + leastWaitMs : until, quota);
      if (closed.until - now() > shortWaitMs || performance.now() >= giveUpAt) throw closed;
      await sleep(pollMs);
    }
  }

  /** Opens the door after a call that was not told to wait: nobody waits any longer. */
  async function open(tried: string): Promise<void> {
    // The call is made. If this fails, the next one tries again when the time of this try is over.
    await redis.eval(openIfUnchanged, 2, key, tryKey, tried).catch(() => undefined);
  }

  /** Closes the door for as long as Spotify says, never for less than it was; gives the error to throw. */
  async function close({ retryAfter, quota }: RateLimited): Promise<CoolDown> {
    const waitMs = readRetryAfter(retryAfter, now()) ?? (quota ? defaultWaitMs.quota : defaultWaitMs.rate);
    const closed = new CoolDown(now() + waitMs, quota);
    const record = [String(closed.until), quota ? quotaMark : ''];
    // The record outlives its time, so that somebody tries first when it is over.
    const lifeMs = String(Math.ceil(waitMs) + dayMs);
    await redis.eval(closeUntil, 2, key, tryKey, ...record, lifeMs).catch(() => {
      toldHere = closed;
    });
    return closed;
  }
}

/** Reads the record of a wait; null for anything else. */
function readClosed(record: string): CoolDown | null {
  const until = Number.parseInt(record, 10);
  return Number.isFinite(until) ? new CoolDown(until, record.endsWith(quotaMark)) : null;
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
  // `Date.parse` alone takes almost anything for a date.
  const date = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) - now : Number.NaN;
  const asked = /^\d+(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1000) : date;
  if (!Number.isFinite(asked) || asked < 0) return null;
  return Math.min(Math.max(asked, leastWaitMs), longestWaitMs);
}
