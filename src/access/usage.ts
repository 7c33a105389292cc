import { type QuotaFamily, quotaFamilies } from './quota-families.ts';

/** How many calls of each family were made in each hour. Hours are whole ones since 1970. */
export type Counts = ReadonlyMap<QuotaFamily, ReadonlyMap<number, number>>;

/** How many calls stop counting, and when, in milliseconds from now; the soonest first. */
export type Expiries = { inMs: number; calls: number }[];

const hourMs = 60 * 60 * 1000;
export const dayMs = 24 * hourMs;

/** How long the counts remain after the last call. */
export const usageTtlMs = dayMs + 2 * hourMs;

/** A count of more digits is damaged: Spotify allows far fewer calls in a day. */
export const maxCountDigits = 7;

export function isCount(text: string | undefined): boolean {
  // safeguard: largest-count
  return text !== undefined && text.length <= maxCountDigits && /^\d+$/.test(text);
}

/** The hour in which a call at this time, in milliseconds since 1970, is counted. */
export function hourOf(at: number): number {
  return Math.floor(at / hourMs);
}

/** Reads the hash of counts. `obsolete`: expired counts. `damaged`: invalid counts. */
export function readCounts(
  fields: Readonly<Record<string, string>>,
  now: number,
): { counts: Counts; obsolete: string[]; damaged: string[] } {
  const counts = new Map<QuotaFamily, Map<number, number>>(quotaFamilies.map((one) => [one, new Map()]));
  const obsolete: string[] = [];
  const damaged: string[] = [];
  for (const [field, calls] of Object.entries(fields)) {
    const [family = '', hour = ''] = field.split(' ');
    const ofFamily = counts.get(family as QuotaFamily);
    // safeguard: drop-invalid-counts
    if (!ofFamily || !/^\d{1,9}$/.test(hour) || !isCount(calls) || isFarAhead(Number(hour), now))
      damaged.push(field);
    else if (expiryOf(Number(hour)) <= now) obsolete.push(field);
    else ofFamily.set(Number(hour), Number(calls));
  }
  return { counts, obsolete, damaged };
}

export function callsIn(
  counts: Counts,
  now: number,
  families: readonly QuotaFamily[] = quotaFamilies,
): number {
  return expiriesIn(counts, now, families).reduce((sum, { calls }) => sum + calls, 0);
}

/**
 * When the calls of these families stop counting. Of the oldest hour, only the part in the last 24 hours counts, as if its calls had been made
 * evenly; none is left when it ends.
 */
export function expiriesIn(
  counts: Counts,
  now: number,
  families: readonly QuotaFamily[] = quotaFamilies,
): Expiries {
  const perHour = new Map<number, number>();
  for (const [family, hours] of counts) {
    if (!families.includes(family)) continue;
    for (const [hour, calls] of hours) perHour.set(hour, (perHour.get(hour) ?? 0) + calls);
  }
  return (
    [...perHour]
      .sort(([one], [other]) => one - other)
      .map(([hour, calls]) => ({ inMs: expiryOf(hour) - now, calls }))
      .filter(({ inMs }) => inMs > 0)
      // safeguard: count-last-24-hours
      .map(({ inMs, calls }) => ({ inMs, calls: Math.ceil(calls * Math.min(1, inMs / hourMs)) }))
  );
}

/** When the calls of an hour stop counting. */
function expiryOf(hour: number): number {
  return (hour + 1) * hourMs + dayMs;
}

/** Counts of the distant future would count for days. */
function isFarAhead(hour: number, now: number): boolean {
  return expiryOf(hour) > now + 2 * dayMs;
}
