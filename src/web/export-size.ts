import { entriesPerPage } from '../spotify/limits.ts';

/** An export of up to this many rows is collected before its file begins. A part of an export holds no more than that. */
export const rowsAtOnce = 2_000;

/** Exports of up to this many calls show no cost and are never refused. */
export const freeCalls = 5;

/**
 * Returns how many calls the rows of a playlist take: one for each 50 unless they are cached, and one more at the end of a file longer than one
 * page, to see whether the playlist is still the same.
 */
export function callsForRows(rows: number, cachedPages = 0): number {
  const pages = Math.max(1, Math.ceil(rows / entriesPerPage));
  return Math.max(0, pages - cachedPages) + (pages > 1 ? 1 : 0);
}

/** Returns how many calls the file of a playlist takes: one for the playlist itself, and those for its rows. */
export function callsForFile(rows: number, cachedPages = 0): number {
  return 1 + callsForRows(rows, cachedPages);
}
