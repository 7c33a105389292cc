import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Page, Playlist } from '../../spotify/types.ts';
import { callsForRows } from '../../web/export-size.ts';
import type { Price } from './price.ts';

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
  const calls = items.map((playlist) => callsForRows(playlist.count ?? 0, cachedPages(playlist)));
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
