import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Page, Playlist } from '../../spotify/types.ts';
import { callsForRows } from '../../web/export-size.ts';
import { beginning, type ExportCursor } from './cursor.ts';
import type { CallEstimate } from './export-budget.ts';

/**
 * Returns how many rows all playlists have together from a cursor on, if their first page says so, and an estimate of how many calls it takes to read
 * them. `page`: the page of the list that the cursor is on. `cachedPages`: how many pages of a playlist are cached from a row on.
 */
export function sizeOfAll(
  { items, total }: Page<Playlist>,
  cachedPages: (playlist: Playlist, from: number) => number,
  { page, skip, from }: Pick<ExportCursor, 'page' | 'skip' | 'from'> = beginning,
): { rows: number | null; estimate: CallEstimate | null } {
  if (total === null) return { rows: null, estimate: null };
  // Rows that have been read already cost nothing.
  // safeguard: estimate-of-the-rest
  const rest = items.slice(skip).map((playlist, index) => {
    const start = index === 0 ? from : 0;
    const rows = playlist.count === null ? null : Math.max(0, playlist.count - start);
    return { rows, calls: callsForRows(rows ?? 0, cachedPages(playlist, start)) };
  });
  const isKnown = total <= playlistsPerPage && rest.every(({ rows }) => rows !== null);
  const [longest = 0, ...others] = rest.map(({ calls }) => calls).sort((a, b) => b - a);
  const sum = others.reduce((all, one) => all + one, 0);
  // The longest playlist is left out of the estimate for the pages that are still unread: many people have one playlist with everything in
  // it.
  const unread = Math.max(0, total - (page - 1) * playlistsPerPage - items.length);
  const pages = Math.ceil(total / playlistsPerPage);
  const average = others.length === 0 ? longest : sum / others.length;
  return {
    rows: isKnown ? rest.reduce((sum, { rows }) => sum + (rows ?? 0), 0) : null,
    estimate: {
      // All pages of a list longer than one are read again at the end.
      lists: pages - page + 1 + (pages > 1 ? pages : 0),
      entries: Math.ceil(longest + sum + average * unread),
    },
  };
}
