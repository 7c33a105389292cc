import type { Page, Playlist } from '../../spotify/types.ts';
import { entriesPerPage, playlistsPerPage } from '../../spotify/web-api.ts';
import type { Summary } from './formats.ts';
import type { Manifest } from './source.ts';

/** Where a file of all playlists begins: with which page of them, past how many there, and how far into the first. */
export type Place = { page: number; skip: number; from: number; snapshot?: string };

/** As many characters of a name as leave room for what else the name of a file says. */
const longestName = 80;

/**
 * How many calls the file of a playlist takes: one for the playlist, one for each 50 of its rows, and one more at the end of a file longer than
 * one page, to see whether the playlist is still the same.
 */
export function callsFor(rows: number): number {
  return 1 + callsForContents(rows);
}

/** The same without the call for the playlist itself: in a file of all playlists, their list says as much. */
function callsForContents(rows: number): number {
  const pages = Math.max(1, Math.ceil(rows / entriesPerPage));
  return pages > 1 ? pages + 1 : pages;
}

/** How many rows all playlists have together, if their first page says so, and about how many calls their files take. */
export function sizeOfAll({ items, total }: Page<Playlist>): { rows: number | null; calls: number | null } {
  if (total === null) return { rows: null, calls: null };
  const counts = items.map(({ count }) => count);
  const isKnown = total <= playlistsPerPage && counts.every((count) => count !== null);
  const calls = counts.reduce<number>((sum, count) => sum + callsForContents(count ?? 0), 0);
  const all = items.length === 0 ? 0 : (calls * total) / items.length;
  return {
    rows: isKnown ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0) : null,
    calls: Math.ceil(total / playlistsPerPage + all),
  };
}

/** The name of a file of one playlist. It says so if the file does not hold all of it; `isOver` is false for one that goes on, or is cut. */
export function nameOf(manifest: Manifest, isOver: boolean): string {
  const { readable, changedSince, announced, from, written, missing, stopped } = manifest;
  const name = [...(manifest.name ?? '')].slice(0, longestName).join('').trim() || 'playlist';
  const rows = (count: number) => count.toLocaleString('en');
  if (!readable) return `${name} (contents not available)`;
  if (stopped && written === 0) return `${name} (no rows of ${rows(announced)})`;
  const isAtEnd = from + written >= announced;
  if (stopped?.reason === 'changed-meanwhile' && isAtEnd) return `${name} (changed during the export)`;
  // safeguard: part-range-in-name
  if (stopped) return `${name} (rows ${rows(from + 1)}-${rows(from + written)} of ${rows(announced)})`;
  const notes = [
    ...(from > 0 ? [`from row ${rows(from + 1)}`] : []),
    ...(changedSince ? ['of a changed playlist'] : []),
    ...(missing > 0 ? [isOver ? `${rows(missing)} of ${rows(written)} rows missing` : 'rows missing'] : []),
  ];
  return notes.length > 0 ? `${name} (${notes.join(', ')})` : name;
}

/** The same for a file of all playlists. */
export function nameOfAll({ page, skip, from }: Place, summary: Summary): string {
  const { playlists, announced, sentAsNull, notSent, incomplete, missing, stopped } = summary;
  const before = (page - 1) * playlistsPerPage + skip;
  if (stopped) return `playlists (part, up to playlist ${before + playlists} of ${announced})`;
  const notes = [
    ...(before + from > 0 ? [`from playlist ${before + 1}`] : []),
    // safeguard: missing-playlists-in-name
    ...(sentAsNull + notSent > 0 ? ['playlists missing'] : []),
    ...(missing > 0 || incomplete > 0 ? ['rows missing'] : []),
  ];
  return notes.length > 0 ? `playlists (${notes.join(', ')})` : 'playlists';
}
