import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis/client.ts';
import { redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, Records } from '../redis/records.ts';
import { type QuotaFamily, type QuotaTarget, quotaFamilies } from './quota-families.ts';
import {
  type Closure,
  type ClosureTarget,
  damagedIn,
  expiredIn,
  type Ledger,
  parseClosure,
  parseLedger,
  probeMs,
  reservedForMs,
} from './quota-fields.ts';
import {
  acquireScript,
  answeredScript,
  closeScript,
  endProbeScript,
  reserveScript,
  uncountScript,
} from './quota-scripts.ts';
import { maxAheadMs } from './retry-after.ts';
import { hourOf, readCounts, usageTtlMs } from './usage.ts';

export type QuotaLedger = ReturnType<typeof createQuotaLedger>;

type Deps = {
  redis: RedisClient;
  records: Records;
  /** The ledger's name: apps of one developer account may share one. */
  name: string;
  now: () => number;
};

/** A call that may be made. It ends these closures if it is answered, and is counted in this hour. */
export type Permit = { probed: readonly Probed[]; hour: number };

/** The result of asking for a call. */
export type Acquired =
  | ({ state: 'free' } & Permit)
  | { state: 'closed' | 'probed elsewhere'; target: ClosureTarget; closure: Closure };

/** A closure whose end a call probes, as it is in the ledger. */
export type Probed = { target: ClosureTarget; record: string };

/** Calls that were set aside. `release` never throws. */
export type Reservation = { before: Ledger; release: () => Promise<void> };

/** The ledger is stored for this long after the last call. */
const ledgerTtlMs = 60 * 24 * 60 * 60 * 1000;
/** An endpoint that is probably gone, and got another 429, is tried again after this time. */
const goneForMs = 60 * 60_000;
/** Minimum time between records that an endpoint answered. */
const recordEveryMs = 10 * 60_000;

const ledgerType: KeyType = { kind: 'ledger', type: 'hash' };
const usageType: KeyType = { kind: 'calls', type: 'hash' };

/** The record of calls and 429s that all processes share, for one app or developer account. All methods throw RedisUnavailable. */
export function createQuotaLedger({ redis, records, name, now }: Deps) {
  const ledgerKey = keys.ledger(name);
  const usageKey = keys.usage(name);
  const acquire = records.script([ledgerType, usageType], acquireScript);
  const close = records.script([ledgerType, usageType], closeScript);
  const endProbe = records.script([ledgerType], endProbeScript);
  const uncount = records.script([usageType], uncountScript);
  const reserve = records.script([ledgerType], reserveScript);
  const recordAnswer = records.script([ledgerType], answeredScript);
  /** When an answer of each endpoint was last recorded by this process. */
  const recordedAt = new Map<string, number>();

  return {
    /** Asks whether a call may be made, and counts it if it may. */
    async acquire({ family, endpoint }: QuotaTarget): Promise<Acquired> {
      const at = now();
      const limits = [probeMs, maxAheadMs, ledgerTtlMs, usageTtlMs];
      const hour = hourOf(at);
      const reply = await acquire([ledgerKey, usageKey], at, hour, family, endpoint, ...limits);
      const [state, ...pairs] = reply as [Acquired['state'] | 'probe', ...string[]];
      const found = pairsOf(pairs);
      if (state === 'free' || state === 'probe') return { state: 'free', probed: found, hour };
      const [first] = found;
      const closure = first && parseClosure(first.record, at);
      if (!first || !closure) return { state: 'free', probed: [], hour };
      return { state, target: first.target, closure };
    },

    /** Takes back the count of a call that wasn't made after all. */
    async uncount({ family }: QuotaTarget, hour: number): Promise<void> {
      await uncount([usageKey], `${family} ${hour}`);
    },

    /**
     * Sets calls aside for work that is about to begin, until `release`. `before` is the ledger without them: of several at once, each sees what
     * those before it have set aside.
     */
    async reserve(calls: ReadonlyMap<QuotaFamily, number>): Promise<Reservation> {
      const id = randomUUID();
      const until = now() + reservedForMs;
      const names = [...calls.keys()].map((family) => `reserved ${family} ${id}`);
      const pairs = [...calls.values()].flatMap((count, index) => [names[index] ?? '', `${count} ${until}`]);
      const flat = (await reserve([ledgerKey], ledgerTtlMs, ...pairs)) as string[];
      const fields = Object.fromEntries(pairsOf(flat).map(({ target, record }) => [target, record]));
      const { counts } = readCounts(await readUsage(), now());
      return {
        before: { ...parseLedger(fields, now()), counts },
        // If Redis fails now, they are set aside until they expire.
        release: () => removeFields(ledgerKey, names),
      };
    },

    /** Records a 429 that lasts until a time, in milliseconds since 1970. Returns the target that it closes, and until when. */
    async close(
      { family, endpoint }: QuotaTarget,
      { kind, until, wasProbe }: { kind: 'rate' | 'quota' | 'assumed'; until: number; wasProbe: boolean },
    ): Promise<{ target: ClosureTarget; until: number }> {
      const at = now();
      const call = [at, hourOf(at), family, endpoint, kind, until];
      const limits = [maxAheadMs, ledgerTtlMs, wasProbe ? 1 : 0, Math.max(until, at + goneForMs)];
      const reply = await close([ledgerKey, usageKey], ...call, ...limits, ...quotaFamilies);
      const [target, endsAt] = reply as [ClosureTarget, string];
      return { target, until: Number(endsAt) };
    },

    /** Ends the closures that a call has probed; if Spotify wasn't asked, the next call probes. */
    async endProbe(probed: readonly Probed[], { wasAsked }: { wasAsked: boolean }): Promise<void> {
      const pairs = probed.flatMap(({ target, record }) => [target, record]);
      await endProbe([ledgerKey], wasAsked ? 'end' : 'release', ...pairs);
    },

    /** Records that an endpoint answers, so that a later 429 isn't mistaken for its removal. */
    async recordAnswer({ family, endpoint }: QuotaTarget): Promise<void> {
      const at = now();
      if (at - (recordedAt.get(endpoint) ?? 0) < recordEveryMs) return;
      recordedAt.set(endpoint, at);
      await recordAnswer([ledgerKey], endpoint, `${at} ${family}`, ledgerTtlMs);
    },

    /** Reads everything. Expired fields are removed; damaged ones as well, and reported. */
    async read(): Promise<Ledger> {
      const [fields, counts] = await readFields();
      const usage = readCounts(counts, now());
      await Promise.all([
        removeFields(usageKey, usage.obsolete),
        records.removeDamagedFields(usageType, usageKey, usage.damaged, 'a field'),
        removeFields(ledgerKey, expiredIn(fields, now())),
        records.removeDamagedFields(ledgerType, ledgerKey, damagedIn(fields, now()), 'a field'),
      ]);
      return { ...parseLedger(fields, now()), counts: usage.counts };
    },

    /** Reads everything, and changes nothing. */
    async peek(): Promise<Ledger> {
      const [fields, counts] = await readFields();
      return { ...parseLedger(fields, now()), counts: readCounts(counts, now()).counts };
    },

    /** Forgets everything, for a simulator that starts over. */
    async reset(): Promise<void> {
      recordedAt.clear();
      await redisCall(redis.del(ledgerKey, usageKey));
    },
  };

  function readFields() {
    const fields = records.withType(ledgerType, ledgerKey, () => redis.hgetall(ledgerKey));
    return Promise.all([fields, readUsage()]);
  }

  function readUsage() {
    return records.withType(usageType, usageKey, () => redis.hgetall(usageKey));
  }

  async function removeFields(key: string, fields: readonly string[]): Promise<void> {
    if (fields.length === 0) return;
    // A Redis that refuses writes keeps them for now.
    await redis.hdel(key, ...fields).catch(() => undefined);
  }
}

function pairsOf(texts: readonly string[]): Probed[] {
  return Array.from({ length: texts.length / 2 }, (_, index) => ({
    target: texts[2 * index] ?? '',
    record: texts[2 * index + 1] ?? '',
  }));
}
