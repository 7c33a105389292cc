import { type QuotaFamily, quotaFamilies } from './quota-families.ts';
import { clockSkewMs, maxAheadMs } from './retry-after.ts';
import { type Counts, isCount } from './usage.ts';

/* The meaning of the fields of the ledger, which quota-scripts.ts lists. */

/** The calls that a closure applies to: all, those of a family, or those to one endpoint. */
export type ClosureTarget = 'all' | QuotaFamily | (string & {});

/**
 * Why calls are paused. `rate`: too many at once. `quota`: those of a day are used up; `assumed`: the same, but Spotify didn't say until when.
 * `gone`: the endpoint probably no longer exists. `suspect`: another family has hit its limit, so one call probes first.
 */
type ClosureKind = 'rate' | 'quota' | 'assumed' | 'gone' | 'suspect';

/** Times are milliseconds since 1970. `at`: when the 429 came. */
export type Closure = { until: number; kind: ClosureKind; at: number };

export type Ledger = {
  /** Closures, including expired ones. */
  closures: ReadonlyMap<ClosureTarget, Closure>;
  /** How many calls of a family had been made in 24 hours when it hit its limit (a 429), and when that was. */
  limitHits: ReadonlyMap<QuotaFamily, { calls: number; at: number }>;
  /** The most calls of a family in 24 hours without a 429. */
  good: ReadonlyMap<QuotaFamily, number>;
  /** Families that share a quota with another one. */
  shared: ReadonlyMap<QuotaFamily, QuotaFamily>;
  /** Calls of a family that are set aside for work in progress. */
  reserved: ReadonlyMap<QuotaFamily, number>;
  counts: Counts;
};

/** Calls are set aside for at most this long, in case the process ends before the work does. */
export const reservedForMs = 10 * 60_000;
/** One call probes; others wait up to this long for the outcome. */
export const probeMs = 6_000;
/** Two families are taken to share a quota for this long after they last hit their limits together. */
const sharedForMs = 30 * 24 * 60 * 60 * 1000;

/** Null if the text is damaged. */
export function parseClosure(text: string, now: number): Closure | null {
  const [, until, kind, at] = /^(\d{1,15}) (rate|quota|assumed|gone|suspect) (\d{1,15})$/.exec(text) ?? [];
  // safeguard: longest-cooldown
  if (Number(until) - now > maxAheadMs) return null;
  return kind === undefined || !isPast(at, now)
    ? null
    : { until: Number(until), kind: kind as ClosureKind, at: Number(at) };
}

export function parseLedger(fields: Readonly<Record<string, string>>, now: number): Omit<Ledger, 'counts'> {
  const closures = new Map<ClosureTarget, Closure>();
  const limitHits = new Map<QuotaFamily, { calls: number; at: number }>();
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
      limitHits.set(subject as QuotaFamily, { calls, at });
    }
    if (name.startsWith('good ')) good.set(subject as QuotaFamily, Number(text));
    if (name.startsWith('reserved ')) {
      const family = subject.split(' ', 1)[0] as QuotaFamily;
      const [calls = 0, until = 0] = text.split(' ').map(Number);
      if (until > now) reserved.set(family, (reserved.get(family) ?? 0) + calls);
    }
    const [since, other] = name.startsWith('same ') ? text.split(' ') : [];
    const [one, two] = [familyNamed(subject), familyNamed(other)];
    // safeguard: forget-shared-quota
    if (one && two && Number(since) > now - sharedForMs) {
      shared.set(one, two);
      shared.set(two, one);
    }
  }
  return { closures, limitHits, good, shared, reserved };
}

/** Fields of calls that were set aside and never released. */
export function expiredIn(fields: Readonly<Record<string, string>>, now: number): string[] {
  return Object.entries(fields)
    .filter(([name, text]) => name.startsWith('reserved ') && Number(text.split(' ')[1]) <= now)
    .map(([name]) => name);
}

export function damagedIn(fields: Readonly<Record<string, string>>, now: number): string[] {
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
  return text !== undefined && /^\d{1,15}$/.test(text) && Number(text) <= now + clockSkewMs;
}

/** Undefined for a family that only a later version knows. */
function familyNamed(name: string | undefined): QuotaFamily | undefined {
  return quotaFamilies.find((family) => family === name);
}

function subjectOf(name: string): string {
  return name.slice(name.indexOf(' ') + 1);
}
