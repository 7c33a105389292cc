import { entriesPerPage, playlistsPerPage } from '../../spotify/limits.ts';
import type { Page, Playlist } from '../../spotify/types.ts';

/**
 * How many calls the file of a playlist takes: one for the playlist, one for each 50 of its rows, and one more at the end of a file longer than
 * one page, to see whether the playlist is still the same.
 */
export function callsFor(rows: number): number {
  return 1 + callsForContents(rows);
}

/** The same without the call for the playlist itself: an export of all playlists gets its details from their list. */
function callsForContents(rows: number): number {
  const pages = Math.max(1, Math.ceil(rows / entriesPerPage));
  return pages > 1 ? pages + 1 : pages;
}

/** Returns how many rows all playlists have together, if their first page says so, and an estimate of how many calls their file takes. */
export function sizeOfAll({ items, total }: Page<Playlist>): { rows: number | null; calls: number | null } {
  if (total === null) return { rows: null, calls: null };
  const counts = items.map(({ count }) => count);
  const isKnown = total <= playlistsPerPage && counts.every((count) => count !== null);
  const [longest = 0, ...others] = counts.map((count) => callsForContents(count ?? 0)).sort((a, b) => b - a);
  const sum = others.reduce((all, one) => all + one, 0);
  // The longest playlist is left out of the estimate for the pages that are still unread: many people have one playlist with everything in
  // it.
  const unread = total - items.length;
  const pages = Math.ceil(total / playlistsPerPage);
  const average = others.length === 0 ? longest : sum / others.length;
  return {
    rows: isKnown ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0) : null,
    // A list longer than a page is read again at the end.
    calls: (pages > 1 ? 2 * pages : pages) + Math.ceil(longest + sum + average * unread),
  };
}
