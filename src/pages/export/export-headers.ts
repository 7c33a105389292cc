import type { Format, Summary } from './format.ts';
import type { Manifest } from './source.ts';
import type { Stop } from './stop.ts';

/*
 * Describes the contents of a file in headers of its response: for formats that have no place for it, and because each row of a table must be a track. A long
 * file has been sent before it's known whether anything is missing, so that follows in the trailers.
 */

/** Returns the headers of the file of one list in a format. `isFullyRead`: whether all of it has been read. */
export function headersOf(
  manifest: Manifest,
  { rowsOf }: Pick<Format, 'rowsOf'>,
  isFullyRead: boolean,
): Record<string, string> {
  const { id, source, exportedAt, snapshotId, announced, from } = manifest;
  // safeguard: rows-of-the-file
  const rows = rowsOf ? rowsOf(manifest) : manifest.written;
  const { missing, gone, complete, stopped } = manifest;
  return headers({
    Source: source ?? (id && `spotify:playlist:${id}`),
    Created: exportedAt,
    Snapshot: snapshotId,
    Announced: announced,
    From: from,
    ...(isFullyRead && { Complete: complete, Rows: rows, Missing: missing, Gone: gone }),
    ...stopHeaders(stopped),
  });
}

/** Returns the headers of the file of all playlists. `exportedAt`: when its export began, in milliseconds since 1970. */
export function headersOfAll(
  { stopped, complete, ...counts }: Summary,
  exportedAt: number,
  isFullyRead: boolean,
): Record<string, string> {
  const { announced, playlists, sentAsNull, notSent, unreadable, incomplete, missing } = counts;
  return headers({
    Created: new Date(exportedAt).toISOString(),
    Announced: announced,
    ...(isFullyRead && {
      Complete: complete,
      Playlists: playlists,
      'Playlists-Missing': sentAsNull + notSent,
      'Playlists-Unreadable': unreadable,
      'Playlists-Incomplete': incomplete,
      Missing: missing,
    }),
    ...stopHeaders(stopped),
  });
}

function stopHeaders(stopped: Stop | null): Record<string, unknown> {
  return stopped ? { Stopped: stopped.reason, Until: stopped.until, Resume: stopped.resume } : {};
}

function headers(facts: Record<string, unknown>): Record<string, string> {
  const known = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [`X-Export-${name}`, asHeader(String(value))]));
}

/** A header has printable ASCII only. Ids and URLs have nothing else; a damaged one must not fail the file. */
function asHeader(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
