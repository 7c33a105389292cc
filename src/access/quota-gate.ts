import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import type { Redis } from 'ioredis';
import { textCodec } from '../redis/codec.ts';
import { redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, RecordKind, Records } from '../redis/records.ts';
import { RateLimited, SpotifyError } from '../spotify/errors.ts';
import { Cooldown } from './errors.ts';
import { maxDelayMs, parseRetryAfter } from './retry-after.ts';
import { binOf, createUsage, usageTtlMs, usageType } from './usage.ts';

export type QuotaGate = ReturnType<typeof createQuotaGate>;

type Deps = {
  redis: Redis;
  records: Records;
  clientId: string;
  now: () => number;
  /** The assumed daily quota, in calls per 24 hours. Spotify publishes no number. */
  dailyCalls: number;
};

/**
 * Each of Spotify's services has a cooldown of its own: a 429 of the accounts service says nothing about the Web API. During a cooldown of the
 * Web API the accounts service isn't called either, because its tokens would be of no use. Only calls to the Web API are counted and probe; the
 * accounts service has no known quota.
 */
type Service = 'web-api' | 'accounts';

/** The longest cooldown that a page waits out; a longer one is reported to the visitor. */
const shortWaitMs = 2_000;
/** The cooldown if Spotify doesn't say how long to wait. A used-up quota is released hour by hour. */
const defaultCooldownMs = { rate: 30_000, quota: 60 * 60 * 1000 };
/** When a cooldown ends, one call probes Spotify; others wait up to this long for the outcome. */
const probeMs = 6_000;
const pollMs = 100;
/** The cooldown reported to a call that has waited too long for the outcome of a probe. */
const afterProbeMs = 1_000;

/** How long a cooldown is remembered after its end, so that the next call probes first. */
const memoryMs = 24 * 60 * 60 * 1000;
/** How far ahead the end in a record may lie: a little further than the longest cooldown, because clocks differ. */
const maxAheadMs = maxDelayMs + 15 * 60 * 1000;

// The end of the cooldown in a record; nil if the record is damaged.
const parseEnd = `
  local function parseEnd(record)
    return tonumber(record and (string.match(record, '^(%d+)$') or string.match(record, '^(%d+) quota$')))
  end`;

// Returns whether a call may be made: not during a cooldown; after its end one call probes, and the others wait until that has succeeded. A call
// that may be made is counted. A Redis that refuses writes neither counts nor lets one call probe first, but still answers. A damaged record
// blocks nothing and is returned for inspection. A probe with no TTL, or with one longer than ours, would block the others and is removed.
const acquireScript = `${parseEnd}
  local record = redis.call('GET', KEYS[1])
  local untilMs = parseEnd(record)
  if untilMs then
    -- safeguard: cooldown
    if untilMs > tonumber(ARGV[1]) then return {'cooldown', record} end
    local left = redis.call('PTTL', KEYS[3])
    -- safeguard: probe-ttl
    if left == -1 or left > tonumber(ARGV[4]) then redis.pcall('DEL', KEYS[3]) end
    -- safeguard: single-probe
    if not redis.pcall('SET', KEYS[3], '1', 'PX', ARGV[4], 'NX') then return {'wait', record} end
  end
  local counted = redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
  -- safeguard: replace-invalid-count
  if type(counted) == 'table' then
    redis.pcall('HDEL', KEYS[2], ARGV[2])
    redis.pcall('HINCRBY', KEYS[2], ARGV[2], 1)
  end
  redis.pcall('PEXPIRE', KEYS[2], ARGV[3])
  return untilMs and {'probe', record} or {'free', record}`;

// Never shortens a cooldown.
const startScript = `${parseEnd}
  if KEYS[2] then redis.call('DEL', KEYS[2]) end
  local untilMs = parseEnd(redis.call('GET', KEYS[1]))
  if tonumber(ARGV[1]) > (untilMs or 0) then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return 1`;

// A longer cooldown may have been started since the probe began.
const endScript = `
  -- safeguard: end-own-cooldown-only
  if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1], KEYS[2]) end
  return 1`;

const releaseScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
  return 1`;

/** A cooldown as all processes know it. */
type CooldownRecord = { until: number; quota: boolean };

const probeType: KeyType = { kind: 'probe', type: 'string' };

/** Suffix of the time in a record if the cooldown is due to the quota, not to the rate limit. */
const quotaSuffix = ' quota';

function cooldownKind(
  kind: string,
  key: (clientId: string) => string,
  now: () => number,
): RecordKind<CooldownRecord> {
  const schema = v
    .string()
    .assert((text) => /^\d+( quota)?$/.test(text))
    .map((text) => ({ until: Number.parseInt(text, 10), quota: text.endsWith(quotaSuffix) }))
    // safeguard: longest-cooldown
    .assert(({ until }) => until - now() <= maxAheadMs);
  return {
    kind,
    key,
    codec: textCodec(schema, ({ until, quota }) => `${until}${quota ? quotaSuffix : ''}`),
    ttlMs: ({ until }) => until - now() + memoryMs,
  };
}

/**
 * Decides whether Spotify may be called now, and counts the calls, for all processes together: Spotify counts by app ("Rate limits") and
 * developer account ("Quota modes"), not by listener, and calls during a cooldown reportedly make it longer (GitHub:
 * LBC-Innovation/ShareList#23).
 */
export function createQuotaGate({ redis, records, clientId, now, dailyCalls }: Deps) {
  const cooldowns = records.of(cooldownKind('cooldown', keys.cooldown, now));
  const accountsCooldowns = records.of(cooldownKind('cooldown-accounts', keys.accountsCooldown, now));
  const key = cooldowns.key(clientId);
  const probeKey = keys.probe(clientId);
  const accountsKey = accountsCooldowns.key(clientId);
  const acquireCall = records.script([cooldowns.type, usageType, probeType], acquireScript);
  const start = records.script([cooldowns.type, probeType], startScript);
  const startAccounts = records.script([accountsCooldowns.type], startScript);
  const end = records.script([cooldowns.type, probeType], endScript);
  const release = records.script([cooldowns.type, probeType], releaseScript);

  /** Cooldowns that Redis did not accept, so that at least this process respects them. */
  const unsaved: Record<Service, Cooldown | null> = { 'web-api': null, accounts: null };

  return {
    /**
     * Makes a call to Spotify and returns its result, unless there is a cooldown; a 429 starts one for every call to that service. A call to
     * the Web API waits out a cooldown of at most two seconds, and is then made once more. Throws what the call throws, Cooldown in place of
     * RateLimited, and RedisUnavailable.
     */
    async run<T>(call: () => Promise<T>, service: Service = 'web-api'): Promise<T> {
      for (let mayRetry = service === 'web-api'; ; mayRetry = false) {
        const probe = service === 'web-api' ? await acquire() : await acquireAccounts();
        try {
          const result = await call();
          if (probe !== null) await endProbe(probe, { wasAsked: true });
          return result;
        } catch (error) {
          if (!(error instanceof RateLimited)) {
            // safeguard: own-failure-ends-no-cooldown
            if (probe !== null)
              await endProbe(probe, { wasAsked: error instanceof SpotifyError && error.wasAsked });
            throw error;
          }
          const cooldown = await startCooldown(error, service);
          const waitMs = cooldown.until - now();
          // safeguard: distinguish-short-cooldowns
          if (!mayRetry || waitMs > shortWaitMs) throw cooldown;
          await sleep(waitMs);
        }
      }
    },

    /** Returns the current cooldown of the Web API; null if there is none. Throws RedisUnavailable. */
    cooldown: () => currentCooldown(cooldowns),

    /** Ends all cooldowns, for the demo, whose simulator can lift them at any time. Throws RedisUnavailable. */
    async endCooldown(): Promise<void> {
      unsaved['web-api'] = null;
      unsaved.accounts = null;
      await redisCall(redis.del(key, probeKey, accountsKey));
    },

    /** Returns how many of a day's calls have been used. Throws RedisUnavailable. */
    budget: createUsage({ redis, records, clientId, now, dailyCalls }).budget,
  };

  /** Throws Cooldown if the accounts service or the Web API is in one. Never waits, and never probes. */
  async function acquireAccounts(): Promise<null> {
    // safeguard: accounts-cooldown
    const stored = await Promise.all([accountsCooldowns, cooldowns].map((store) => currentCooldown(store)));
    for (const cooldown of [...stored, unsaved.accounts, unsaved['web-api']])
      if (cooldown && cooldown.until > now()) throw cooldown;
    return null;
  }

  async function currentCooldown(store: typeof cooldowns): Promise<Cooldown | null> {
    const record = await store.read(clientId);
    return record && record.until > now() ? new Cooldown(record.until, record.quota) : null;
  }

  /**
   * Waits until the Web API may be called, if that is soon, else throws Cooldown. If this call is the probe, returns the record of the cooldown
   * that has ended; else null.
   */
  async function acquire(): Promise<string | null> {
    const giveUpAt = performance.now() + shortWaitMs;
    for (;;) {
      const unsavedCooldown = unsaved['web-api'];
      if (unsavedCooldown && unsavedCooldown.until > now()) throw unsavedCooldown;
      const args = [now(), binOf(now()), usageTtlMs, probeMs];
      const reply = await acquireCall([key, keys.usage(clientId), probeKey], ...args);
      const [state, text] = reply as ['free', string | null] | ['cooldown' | 'wait' | 'probe', string];
      if (state === 'probe') return text;
      const record = text === null ? null : await cooldowns.decodeStored(clientId, text);
      if (state === 'free') return null;
      const { until, quota } = record ?? new Cooldown(now());
      const cooldown = new Cooldown(state === 'wait' ? now() + afterProbeMs : until, quota);
      if (cooldown.until - now() > shortWaitMs || performance.now() >= giveUpAt) throw cooldown;
      await sleep(pollMs);
    }
  }

  /** Ends the cooldown if the probe reached Spotify. If it failed on our side before that, the next call probes. */
  async function endProbe(record: string, { wasAsked }: { wasAsked: boolean }): Promise<void> {
    const script = wasAsked ? end : release;
    // The call itself is done. If this fails, the next call probes once the time allowed for this probe has passed.
    await script([key, probeKey], record).catch(() => undefined);
  }

  /** Starts a cooldown for as long as Spotify asks, and returns it as the error to throw. */
  async function startCooldown({ retryAfter, quota }: RateLimited, service: Service): Promise<Cooldown> {
    const delayMs =
      parseRetryAfter(retryAfter, now()) ??
      // safeguard: default-quota-cooldown
      (quota ? defaultCooldownMs.quota : defaultCooldownMs.rate);
    const cooldown = new Cooldown(now() + delayMs, quota);
    const args = [cooldown.until, cooldowns.encode(clientId, cooldown), cooldowns.ttlMs(cooldown)] as const;
    const started =
      // safeguard: separate-accounts-cooldown
      service === 'web-api' ? start([key, probeKey], ...args) : startAccounts([accountsKey], ...args);
    await started.catch(() => {
      // safeguard: local-cooldown
      unsaved[service] = cooldown;
    });
    return cooldown;
  }
}
