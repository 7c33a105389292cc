import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, Records } from '../redis/records.ts';
import { type QuotaFamily, type QuotaTarget, quotaFamilies } from './quota-families.ts';
import {
  acquireScript,
  answeredScript,
  closeScript,
  endProbeScript,
  reserveScript,
  uncountScript,
} from './quota-scripts.ts';
import { clockSlackMs, maxDelayMs } from './retry-after.ts';
import { type Counts, hourOf, isCount, readCounts, usageTtlMs } from './usage.ts';

export type QuotaLedger = ReturnType<typeof createQuotaLedger>;

type Deps = {
  redis: Redis;
  records: Records;
  /** The ledger's name: apps of one developer account may share one. */
  name: string;
  now: () => number;
};

/** What a closure applies to: all calls, those of a family, or those to one endpoint. */
export type Scope = 'all' | QuotaFamily | (string & {});

/**
 * Why calls are refused. `rate`: too many at once. `quota`: those of a day are used up; `assumed`: the same, but Spotify didn't say until when.
 * `gone`: the endpoint probably no longer exists. `suspect`: nothing was refused yet, but another family was, so one call probes first.
 */
type ClosureKind = 'rate' | 'quota' | 'assumed' | 'gone' | 'suspect';

/** Times are milliseconds since 1970. `at`: when the call was refused. */
export type Closure = { until: number; kind: ClosureKind; at: number };

/** Everything in the ledger. */
export type Ledger = {
  /** Closures, including expired ones. */
  closures: ReadonlyMap<Scope, Closure>;
  /** How many calls of a family had been made in 24 hours when Spotify refused one, and when that was. */
  refused: ReadonlyMap<QuotaFamily, { calls: number; at: number }>;
  /** The most calls of a family in 24 hours without a refusal. */
  good: ReadonlyMap<QuotaFamily, number>;
  /** Families that share a quota with another one. */
  shared: ReadonlyMap<QuotaFamily, QuotaFamily>;
  /** Calls of a family that are set aside for work in progress. */
  reserved: ReadonlyMap<QuotaFamily, number>;
  counts: Counts;
};

/** A call that may be made. It ends these closures if it is answered, and is counted in this hour. */
export type Permit = { probed: readonly Probed[]; hour: number };

/** The result of asking for a call. */
export type Acquired =
  | ({ state: 'free' } & Permit)
  | { state: 'closed' | 'probed elsewhere'; scope: Scope; closure: Closure };

/** A closure whose end a call probes, as it is in the ledger. */
export type Probed = { scope: Scope; record: string };

/** Calls that were set aside. `release` never throws. */
export type Reservation = { before: Ledger; release: () => Promise<void> };

/** Calls are set aside for at most this long, in case the process ends before the work does. */
const reservedForMs = 10 * 60_000;
/** One call probes; others wait up to this long for the outcome. */
const probeMs = 6_000;
/** How far ahead the end of a closure may lie: a little further than the longest delay, because clocks differ. */
const maxAheadMs = maxDelayMs + clockSlackMs;
/** What was learned is stored for this long after the last call. */
const ledgerTtlMs = 60 * 24 * 60 * 60 * 1000;
/** Two families are taken to share a quota for this long after they were last refused together. */
const sharedForMs = 30 * 24 * 60 * 60 * 1000;
/** Minimum time between notes that an endpoint answered. */
const noteEveryMs = 10 * 60_000;

const ledgerType: KeyType = { kind: 'ledger', type: 'hash' };
const usageType: KeyType = { kind: 'calls', type: 'hash' };

/** What all processes know about the quota of an app or a developer account. All methods throw RedisUnavailable. */
export function createQuotaLedger({ redis, records, name, now }: Deps) {
  const ledgerKey = keys.ledger(name);
  const usageKey = keys.usage(name);
  const acquire = records.script([ledgerType, usageType], acquireScript);
  const close = records.script([ledgerType, usageType], closeScript);
  const endProbe = records.script([ledgerType], endProbeScript);
  const uncount = records.script([usageType], uncountScript);
  const reserve = records.script([ledgerType], reserveScript);
  const noteAnswer = records.script([ledgerType], answeredScript);
  /** When an answer of each endpoint was last noted by this process. */
  const notedAt = new Map<string, number>();

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
      return first && closure ? { state, scope: first.scope, closure } : { state: 'free', probed: [], hour };
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
      const fields = Object.fromEntries(pairsOf(flat).map(({ scope, record }) => [scope, record]));
      const { counts } = readCounts(await readUsage(), now());
      return {
        before: { ...parseLedger(fields, now()), counts },
        // If Redis fails now, they are set aside until they expire.
        release: () => drop(ledgerKey, names),
      };
    },

    /** Records that Spotify refused a call until a time, in milliseconds since 1970. Returns the scope that it closes. */
    async close(
      { family, endpoint }: QuotaTarget,
      { kind, until, wasProbe }: { kind: 'rate' | 'quota' | 'assumed'; until: number; wasProbe: boolean },
    ): Promise<Scope> {
      const at = now();
      const args = [at, hourOf(at), family, endpoint, kind, until, maxAheadMs, ledgerTtlMs, wasProbe ? 1 : 0];
      return (await close([ledgerKey, usageKey], ...args, ...quotaFamilies)) as Scope;
    },

    /** Ends the closures that a call has probed; if Spotify wasn't asked, the next call probes. */
    async endProbe(probed: readonly Probed[], { wasAsked }: { wasAsked: boolean }): Promise<void> {
      const pairs = probed.flatMap(({ scope, record }) => [scope, record]);
      await endProbe([ledgerKey], wasAsked ? 'end' : 'release', ...pairs);
    },

    /** Notes that an endpoint answers, so that a later refusal isn't mistaken for its removal. */
    async noteAnswer({ family, endpoint }: QuotaTarget): Promise<void> {
      const at = now();
      if (at - (notedAt.get(endpoint) ?? 0) < noteEveryMs) return;
      notedAt.set(endpoint, at);
      await noteAnswer([ledgerKey], endpoint, `${at} ${family}`, ledgerTtlMs);
    },

    /** Reads everything. Expired fields are removed; damaged ones as well, and reported. */
    async read(): Promise<Ledger> {
      const [fields, counts] = await readFields();
      const usage = readCounts(counts, now());
      await Promise.all([
        drop(usageKey, usage.obsolete),
        drop(usageKey, usage.damaged, usageType.kind),
        drop(ledgerKey, expiredIn(fields, now())),
        drop(ledgerKey, damagedIn(fields, now()), ledgerType.kind),
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
      notedAt.clear();
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

  async function drop(key: string, fields: readonly string[], damagedKind?: string): Promise<void> {
    if (fields.length === 0) return;
    if (damagedKind !== undefined) records.report(damagedKind, 'a field');
    // A Redis that refuses writes keeps them for now.
    await redis.hdel(key, ...fields).catch(() => undefined);
  }
}

function pairsOf(texts: readonly string[]): Probed[] {
  return Array.from({ length: texts.length / 2 }, (_, index) => ({
    scope: texts[2 * index] ?? '',
    record: texts[2 * index + 1] ?? '',
  }));
}

/** Null if the text is damaged. */
function parseClosure(text: string, now: number): Closure | null {
  const [, until, kind, at] = /^(\d{1,15}) (rate|quota|assumed|gone|suspect) (\d{1,15})$/.exec(text) ?? [];
  // safeguard: longest-cooldown
  if (Number(until) - now > maxAheadMs) return null;
  return kind === undefined || !isPast(at, now)
    ? null
    : { until: Number(until), kind: kind as ClosureKind, at: Number(at) };
}

function parseLedger(fields: Readonly<Record<string, string>>, now: number): Omit<Ledger, 'counts'> {
  const closures = new Map<Scope, Closure>();
  const refused = new Map<QuotaFamily, { calls: number; at: number }>();
  const good = new Map<QuotaFamily, number>();
  const shared = new Map<QuotaFamily, QuotaFamily>();
  const reserved = new Map<QuotaFamily, number>();
  for (const [name, text] of Object.entries(fields)) {
    const subject = subjectOf(name);
    if (!isIntact(name, text, now)) continue;
    const closure = name.startsWith('closed ') ? parseClosure(text, now) : null;
    if (closure) closures.set(subject, closure);
    if (name.startsWith('refused ')) {
      const [calls = 0, at = 0] = text.split(' ').map(Number);
      refused.set(subject as QuotaFamily, { calls, at });
    }
    if (name.startsWith('good ')) good.set(subject as QuotaFamily, Number(text));
    if (name.startsWith('reserved ')) {
      const family = subject.split(' ', 1)[0] as QuotaFamily;
      const [calls = 0, until = 0] = text.split(' ').map(Number);
      if (until > now) reserved.set(family, (reserved.get(family) ?? 0) + calls);
    }
    const [since, other] = name.startsWith('same ') ? text.split(' ') : [];
    // safeguard: forget-shared-quota
    if (other && Number(since) > now - sharedForMs) {
      shared.set(subject as QuotaFamily, other as QuotaFamily);
      shared.set(other as QuotaFamily, subject as QuotaFamily);
    }
  }
  return { closures, refused, good, shared, reserved };
}

/** What was set aside and never released. */
function expiredIn(fields: Readonly<Record<string, string>>, now: number): string[] {
  return Object.entries(fields)
    .filter(([name, text]) => name.startsWith('reserved ') && Number(text.split(' ')[1]) <= now)
    .map(([name]) => name);
}

function damagedIn(fields: Readonly<Record<string, string>>, now: number): string[] {
  return Object.entries(fields)
    .filter(([name, text]) => !isIntact(name, text, now))
    .map(([name]) => name);
}

/** Whether a field is intact. One with an unknown name belongs to a later version, which needs it. */
function isIntact(name: string, text: string, now: number): boolean {
  switch (name.split(' ', 1)[0]) {
    case 'closed':
      return parseClosure(text, now) !== null;
    case 'probe':
      return isPast(text, now + probeMs);
    case 'answered':
    case 'same':
      return isPast(/^(\d+) [\w-]+$/.exec(text)?.[1], now);
    case 'refused':
      return isCountAndTime(text, now);
    case 'reserved':
      return isCountAndTime(text, now + reservedForMs);
    case 'good':
    case 'day':
      return isCount(text);
    default:
      return true;
  }
}

function isCountAndTime(text: string, now: number): boolean {
  const [calls, at, ...rest] = text.split(' ');
  return isCount(calls) && isPast(at, now) && rest.length === 0;
}

/** Whether a text is a time that has passed. One in the future would count for ever, and the clocks of processes differ a little. */
function isPast(text: string | undefined, now: number): boolean {
  // safeguard: ledger-times-are-past
  return text !== undefined && /^\d{1,15}$/.test(text) && Number(text) <= now + clockSlackMs;
}

function subjectOf(name: string): string {
  return name.slice(name.indexOf(' ') + 1);
}
