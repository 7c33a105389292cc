import { entriesPerPage, playlistsPerPage } from '../../spotify/limits.ts';
import type { Page, Playlist } from '../../spotify/types.ts';
import type { Summary } from './formats.ts';
import type { Price } from './price.ts';
import type { Manifest } from './source.ts';

/**
 * Where a file of all playlists begins: the page of the list, how many of its playlists to skip, and the first row of the next one.
 * `before`: a hash of the playlists before it.
 */
export type Place = { page: number; skip: number; from: number; before?: string; snapshot?: string };

/** The place where the first part begins. */
export const beginning: Place = { page: 1, skip: 0, from: 0, before: '' };

/** Leaves room for the rest of the file name: file systems allow 255 bytes. */
const longestName = 80;

/**
 * How many calls the file of a playlist takes: one for the playlist, one for each 50 of its rows unless they are cached, and one more at the end
 * of a file longer than one page, to see whether the playlist is still the same.
 */
export function priceOf(rows: number, cachedPages = 0): Price {
  return { lists: 0, entries: 1 + callsForContents(rows, cachedPages) };
}

/** The same without the call for the playlist itself: an export of all playlists gets its details from their list. */
function callsForContents(rows: number, cachedPages: number): number {
  const pages = Math.max(1, Math.ceil(rows / entriesPerPage));
  return Math.max(0, pages - cachedPages) + (pages > 1 ? 1 : 0);
}

/**
 * Returns how many rows all playlists have together, if their first page says so, and an estimate of how many calls their file takes.
 * `cachedPages`: how many pages of a playlist are cached.
 */
export function sizeOfAll(
  { items, total }: Page<Playlist>,
  cachedPages: (playlist: Playlist) => number,
): { rows: number | null; price: Price | null } {
  if (total === null) return { rows: null, price: null };
  const counts = items.map(({ count }) => count);
  const isKnown = total <= playlistsPerPage && counts.every((count) => count !== null);
  const calls = items.map((playlist) => callsForContents(playlist.count ?? 0, cachedPages(playlist)));
  const [longest = 0, ...others] = calls.sort((a, b) => b - a);
  const sum = others.reduce((all, one) => all + one, 0);
  // The longest playlist is left out of the estimate for the pages that are still unread: many people have one playlist with everything in
  // it.
  const unread = total - items.length;
  const pages = Math.ceil(total / playlistsPerPage);
  const average = others.length === 0 ? longest : sum / others.length;
  return {
    rows: isKnown ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0) : null,
    price: {
      // A list longer than a page is read again at the end.
      lists: pages > 1 ? 2 * pages : pages,
      entries: Math.ceil(longest + sum + average * unread),
    },
  };
}

/** Returns the name of a playlist's file, which mentions what the file lacks. `isOver`: all of the file has been read. */
export function nameOf(manifest: Manifest, isOver: boolean): string {
  const { readable, changedSince, announced, from, written, missing, stopped } = manifest;
  const name = [...(manifest.name ?? '')].slice(0, longestName).join('').trim() || 'playlist';
  const rows = (count: number) => count.toLocaleString('en');
  if (!readable) return `${name} (contents not available)`;
  if (stopped && written === 0) return `${name} (none of ${rows(announced)} rows)`;
  const isAtEnd = from + written >= announced;
  if (stopped?.reason === 'changed-meanwhile' && isAtEnd) return `${name} (changed during the export)`;
  // safeguard: part-range-in-name
  if (stopped) return `${name} (rows ${rows(from + 1)}-${rows(from + written)} of ${rows(announced)})`;
  const notes = [
    ...(from > 0 ? [`from row ${rows(from + 1)}`] : []),
    ...(changedSince ? ['playlist changed'] : []),
    ...(missing > 0 ? [isOver ? `${rows(missing)} of ${rows(written)} rows missing` : 'rows missing'] : []),
  ];
  return notes.length > 0 ? `${name} (${notes.join(', ')})` : name;
}

/** Returns the name of a file of all playlists. */
export function nameOfAll({ page, skip, from }: Place, summary: Summary): string {
  const { playlists, announced, sentAsNull, notSent, incomplete, missing, stopped } = summary;
  const before = (page - 1) * playlistsPerPage + skip;
  if (stopped?.reason === 'changed-meanwhile' && before + playlists >= announced)
    return 'playlists (changed during the export)';
  if (stopped) return `playlists (part, up to playlist ${before + playlists} of ${announced})`;
  const notes = [
    ...(before + from > 0 ? [`from playlist ${before + 1}`] : []),
    // safeguard: missing-playlists-in-name
    ...(sentAsNull + notSent > 0 ? ['playlists missing'] : []),
    ...(missing > 0 || incomplete > 0 ? ['rows missing'] : []),
  ];
  return notes.length > 0 ? `playlists (${notes.join(', ')})` : 'playlists';
}
