import type { Manifest, Source } from './source.ts';
import type { Stop } from './stop.ts';

/** A part of a file: text, or bytes. */
export type Piece = string | Uint8Array;

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
  /** Playlists that should be readable but lack something. */
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
  /** Whether it's for tracks and episodes, and not for lists of albums, shows or artists. */
  itemsOnly?: boolean;
  extension: string;
  /** The media type. */
  type: string;
  /** Returns how many rows its file of a list has; without it, as many as the manifest counts. */
  rowsOf?(manifest: Manifest): number;
  one(source: Source): AsyncIterable<Piece>;
  /** Absent if a file can't hold several lists. `summary` is correct once all sources have been read. */
  all?(sources: AsyncIterable<Source>, summary: Summary): AsyncIterable<Piece>;
};
