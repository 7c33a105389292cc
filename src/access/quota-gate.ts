import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import type { Redis } from 'ioredis';
import { textCodec } from '../redis/codec.ts';
import { redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, RecordKind, Records } from '../redis/records.ts';
import { RateLimited } from '../spotify/errors.ts';
import { Cooldown } from './errors.ts';

export type QuotaGate = ReturnType<typeof createQuotaGate>;

/** How many calls were made of those that one may make in 24 hours. */
export type Budget = {
  perDay: number;
  /** Calls of all kinds in the last 24 hours. */
  used: number;
  /** When how many of them count no more, in milliseconds from now; the soonest first. */
  frees: { inMs: number; calls: number }[];
};

type Deps = {
  redis: Redis;
  records: Records;
  clientId: string;
  now: () => number;
  /** How many calls may be made in 24 hours, as far as is known. */
  dailyCalls: number;
};

/**
 * Which of Spotify's services is called. Each has a cooldown of its own: a 429 of the accounts service says nothing about the Web API. While
 * the Web API cools down the accounts service is left alone as well, because its tokens are of no use then. Calls to the Web API are
 * counted, and one of them tries when the time is over; the accounts service has no quota that is known.
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

/** How far ahead the end of a wait can be in a record; somewhat further than the longest wait, because clocks differ. */
const furthestEndMs = longestWaitMs + binMs;

// The end of a wait; nil if the text is none.
const endIn = `
  local function endIn(text)
    return tonumber(text and (string.match(text, '^(%d+)$') or string.match(text, '^(%d+) quota$')))
  end`;

// Says how long the door is closed; where its time is over, lets one call through to try, and the others when that has gone well.
// Counts a call that goes through. A Redis that takes no writes does neither, and answers. A record that is no wait closes nothing, and is
// returned to be looked at; a call that has been trying for longer than one may is not trying any more.
const enter = `${endIn}
  local known = redis.call('GET', KEYS[1])
  local untilMs = endIn(known)
  if untilMs then
    -- safeguard: cooldown
    if untilMs > tonumber(ARGV[1]) then return {'closed', known} end
    local left = redis.call('PTTL', KEYS[3])
    -- safeguard: probe-ttl
    if left == -1 or left > tonumber(ARGV[4]) then redis.pcall('DEL', KEYS[3]) end
    -- safeguard: single-probe
    if not redis.pcall('SET', KEYS[3], '1', 'PX', ARGV[4], 'NX') then return {'wait', known} end
  end
  local counted = redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
  -- safeguard: replace-invalid-count
  if type(counted) == 'table' then
    redis.pcall('HDEL', KEYS[2], ARGV[2])
    redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
  end
  redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
  return untilMs and {'try', known} or {'open', known}`;

const closeUntil = `${endIn}
  if KEYS[2] then redis.call('DEL', KEYS[2]) end
  local known = endIn(redis.call('GET', KEYS[1]))
  if tonumber(ARGV[1]) > (known or 0) then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return 1`;

// Somebody else may have been told to wait for longer meanwhile.
const openIfUnchanged = `
  -- safeguard: end-own-cooldown-only
  if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1], KEYS[2]) end
  return 1`;

/** A wait that Spotify asked for, as all processes know it. */
type Wait = { until: number; quota: boolean };

const counts: KeyType = { kind: 'usage', type: 'hash' };
const probe: KeyType = { kind: 'probe', type: 'string' };

/** Behind the moment in the record where it is the quota that is used up, and not the rate that is too high. */
const quotaMark = ' quota';

function waitKind(kind: string, key: (clientId: string) => string, now: () => number): RecordKind<Wait> {
  const wait = v
    .string()
    .assert((text) => /^\d+( quota)?$/.test(text))
    .map((text) => ({ until: Number.parseInt(text, 10), quota: text.endsWith(quotaMark) }))
    // safeguard: longest-cooldown
    .assert(({ until }) => until - now() <= furthestEndMs);
  return {
    kind,
    key,
    codec: textCodec(wait, ({ until, quota }) => `${until}${quota ? quotaMark : ''}`),
    // The record outlives its time, so that somebody tries first when it is over.
    ttlMs: ({ until }) => until - now() + dayMs,
  };
}

/**
 * The cool-down clock of this app and the count of its calls, one for all processes: Spotify counts calls by app and developer,
 * not by listener, and asking on while told to wait makes it longer.
 */
export function createQuotaGate({ redis, records, clientId, now, dailyCalls }: Deps) {
  const waits = records.of(waitKind('cooldown', keys.cooldown, now));
  const accountsWaits = records.of(waitKind('cooldown-accounts', keys.accountsCooldown, now));
  const key = waits.key(clientId);
  const tryKey = keys.probe(clientId);
  const accountsKey = accountsWaits.key(clientId);
  const countKey = keys.usage(clientId);
  const enterDoor = records.script([waits.type, counts, probe], enter);
  const closeDoor = records.script([waits.type, probe], closeUntil);
  const closeAccounts = records.script([accountsWaits.type], closeUntil);
  const openDoor = records.script([waits.type, probe], openIfUnchanged);

  /** What we were told while Redis took no writes: then at least this process knows. */
  const toldHere: Record<Service, Cooldown | null> = { 'web-api': null, accounts: null };

  return {
    /**
     * Makes a call to Spotify, unless the door is closed; a 429 closes it for everyone's calls to that service. A call to the Web API sits a
     * wait of at most two seconds out instead, and is made once more. Throws what the call throws, CoolDown in place of RateLimited, and
     * RedisUnavailable.
     */
    async through<T>(call: () => Promise<T>, service: Service = 'web-api'): Promise<T> {
      for (let again = service === 'web-api'; ; again = false) {
        const tried = service === 'web-api' ? await pass() : await passAccounts();
        try {
          const answer = await call();
          if (tried !== null) await open(tried);
          return answer;
        } catch (error) {
          if (!(error instanceof RateLimited)) {
            if (tried !== null) await open(tried);
            throw error;
          }
          const closed = await close(error, service);
          const waitMs = closed.until - now();
          // safeguard: distinguish-short-cooldowns
          if (!again || waitMs > shortWaitMs) throw closed;
          await sleep(waitMs);
        }
      }
    },

    /** Until when the Web API asked us to stay away; null where it did not. Throws RedisUnavailable. */
    closed: () => endOfWait(waits),

    /** Forgets that Spotify asked to wait: for something that stands in for Spotify, and knows that it is over. Throws RedisUnavailable. */
    async reopen(): Promise<void> {
      toldHere['web-api'] = null;
      toldHere.accounts = null;
      await redisCall(redis.del(key, tryKey, accountsKey));
    },

    /** What was used of a day's calls. Throws RedisUnavailable. */
    async budget(): Promise<Budget> {
      const bins = await records.onType(counts, countKey, () => redis.hgetall(countKey));
      const all = Object.entries(bins);
      // safeguard: drop-invalid-counts
      const intact = all.filter(([bin, calls]) => isCount(bin, calls, now()));
      if (intact.length < all.length) records.report(counts.kind, 'a count');
      const useful = new Map(intact.filter(([bin]) => endOf(bin) > now()));
      const useless = Object.keys(bins).filter((bin) => !useful.has(bin));
      // A Redis that takes no writes keeps them for now.
      if (useless.length > 0) await redis.hdel(countKey, ...useless).catch(() => undefined);
      return budgetIn(Object.fromEntries(useful), now(), dailyCalls);
    },
  };

  /** Throws CoolDown while the accounts service, or the Web API, asks to be left alone. Waits for nothing, and nobody tries first. */
  async function passAccounts(): Promise<null> {
    // safeguard: accounts-cooldown
    const closed = await Promise.all([accountsWaits, waits].map((kind) => endOfWait(kind)));
    for (const one of [...closed, toldHere.accounts, toldHere['web-api']])
      if (one && one.until > now()) throw one;
    return null;
  }

  /** Until when a service asked us to stay away; null if it did not. Throws RedisUnavailable. */
  async function endOfWait(kind: typeof waits): Promise<Cooldown | null> {
    const wait = await kind.read(clientId);
    return wait && wait.until > now() ? new Cooldown(wait.until, wait.quota) : null;
  }

  /**
   * Waits until the door of the Web API is open, where that is soon, or throws CoolDown. Gives the record of the wait that is over
   * where this call is the one that tries, else null.
   */
  async function pass(): Promise<string | null> {
    const giveUpAt = performance.now() + shortWaitMs;
    for (;;) {
      const told = toldHere['web-api'];
      if (told && told.until > now()) throw told;
      const args = [now(), binOf(now()), dayMs + 2 * binMs, probeMs];
      const answer = await enterDoor([key, countKey, tryKey], ...args);
      const [state, record] = answer as ['open', string | null] | ['closed' | 'wait' | 'try', string];
      if (state === 'try') return record;
      const wait = record === null ? null : await waits.settle(clientId, record);
      if (state === 'open') return null;
      const { until, quota } = wait ?? new Cooldown(now());
      const closed = new Cooldown(state === 'wait' ? now() + leastWaitMs : until, quota);
      if (closed.until - now() > shortWaitMs || performance.now() >= giveUpAt) throw closed;
      await sleep(pollMs);
    }
  }

  /** Opens the door after a call that was not told to wait: nobody waits any longer. */
  async function open(tried: string): Promise<void> {
    // The call is made. If this fails, the next one tries again when the time of this try is over.
    await openDoor([key, tryKey], tried).catch(() => undefined);
  }

  /** Closes the door of a service for as long as Spotify says, never for less than it was; gives the error to throw. */
  async function close({ retryAfter, quota }: RateLimited, service: Service): Promise<Cooldown> {
    // safeguard: default-quota-cooldown
    const waitMs = readRetryAfter(retryAfter, now()) ?? (quota ? defaultWaitMs.quota : defaultWaitMs.rate);
    const closed = new Cooldown(now() + waitMs, quota);
    const args = [closed.until, waits.encode(clientId, closed), waits.ttlMs(closed)] as const;
    const noted =
      // safeguard: separate-accounts-cooldown
      service === 'web-api' ? closeDoor([key, tryKey], ...args) : closeAccounts([accountsKey], ...args);
    await noted.catch(() => {
      // safeguard: local-cooldown
      toldHere[service] = closed;
    });
    return closed;
  }
}

/** The bin that a call at this moment, in milliseconds since 1970, is counted in. */
export function binOf(at: number): string {
  return String(Math.floor(at / binMs));
}

/** Whether this is a bin and the number of calls in it. One that lies far ahead would count for days. */
function isCount(bin: string, calls: string, now: number): boolean {
  return /^\d{1,15}$/.test(bin) && /^\d{1,15}$/.test(calls) && endOf(bin) <= now + 2 * dayMs;
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
