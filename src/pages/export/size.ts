import { entriesPerPage, playlistsPerPage } from '../../spotify/limits.ts';
import type { Page, Playlist } from '../../spotify/types.ts';
import type { Price } from './price.ts';

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
