import { createCsv, soundiiz } from './csv.ts';
import { json } from './json.ts';
import { jspf } from './jspf.ts';
import { m3u8 } from './m3u8.ts';
import type { Piece } from './send.ts';
import type { Source } from './source.ts';
import type { Stop } from './stop.ts';
import { createZip } from './zip.ts';

/** The entry about the whole file of all playlists. */
export type Summary = {
  /** How many playlists the file contains, and how many Spotify announced. */
  playlists: number;
  announced: number;
  /** Playlists that Spotify announced and sent as null: it lists them and no longer shows them. */
  sentAsNull: number;
  /** Playlists that Spotify announced and did not send at all. */
  notSent: number;
  /** Playlists of other people whose contents Spotify doesn't let this app read: not a failure. */
  unreadable: number;
  /** Playlists that should be readable and of which something is missing. */
  incomplete: number;
  /** Rows that Spotify announced and did not send. */
  missing: number;
  complete: boolean;
  stopped: Stop | null;
};

/** Returns the summary of a file that contains nothing yet. */
export function emptySummary(announced: number): Summary {
  const none = { playlists: 0, sentAsNull: 0, notSent: 0, unreadable: 0, incomplete: 0, missing: 0 };
  return { ...none, announced, complete: false, stopped: null };
}

/** A file format: yields a file piece by piece. */
export type Format = {
  extension: string;
  /** The media type. */
  type: string;
  one(source: Source): AsyncIterable<Piece>;
  /** Absent if a file can't hold several lists. `summary` is correct once all sources have been read. */
  all?(sources: AsyncIterable<Source>, summary: Summary): AsyncIterable<Piece>;
};

/** The format of a file as its URL names it. `of`: the format of the files in a ZIP. `variant`: the program that a table is for. */
export type FormatName = { name: string; of?: string | undefined; variant?: string | undefined };

const formats = new Map<string, Format>([
  ['json', json],
  ['jspf', jspf],
  ['m3u8', m3u8],
]);

/**
 * Returns a format; null for an unknown one. `decimalSign` is the one of the visitor's language: unless it's a point, Excel separates fields with
 * semicolons.
 */
export function formatNamed({ name, of, variant }: FormatName, decimalSign: string): Format | null {
  if (name === 'zip') {
    const inner = of === 'zip' ? null : formatNamed({ name: of ?? 'csv', variant }, decimalSign);
    return inner && createZip(inner);
  }
  if (of !== undefined) return null;
  if (name === 'csv') return tableFor(variant, decimalSign);
  return variant === undefined ? (formats.get(name) ?? null) : null;
}

function tableFor(variant: string | undefined, decimalSign: string): Format | null {
  if (variant === undefined) return createCsv({ delimiter: ',', hasMark: false });
  if (variant === 'soundiiz') return soundiiz;
  // safeguard: excel-delimiter
  const delimiter = decimalSign === '.' ? ',' : ';';
  return variant === 'excel' ? createCsv({ delimiter, hasMark: true }) : null;
}
