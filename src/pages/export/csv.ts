import { stringify } from 'csv-stringify/sync';
import type { ExportedTrack } from '../../spotify/exported.ts';
import type { Episode, Named } from '../../spotify/types.ts';
import type { Format } from './format.ts';
import { safeCell } from './safe-cell.ts';
import type { Row, Source } from './source.ts';

/** A column: its name, and the value for an item at a position, which counts from 1. */
type Column = [name: string, value: (row: FilledRow, position: number) => unknown];

/** A row with an item. Positions without one have no row in a table, so that each row is something to import. */
type FilledRow = Exclude<Row, null> & { item: ExportedTrack | Episode };

type TableStyle = {
  /** Between two fields. */
  delimiter: ',' | ';';
  /** Whether the file begins with a byte order mark, by which Excel recognizes UTF-8. */
  hasMark: boolean;
};

/** Exportify's columns in its order (GitHub: watsonbox/exportify, November 2026), by which many programs import a file, and then two of ours. */
const columns: readonly Column[] = [
  ['Track URI', ({ item }) => item.uri],
  ['Track Name', ({ item }) => item.name],
  ['Artist URI(s)', ({ item }) => urisOf(artistsOf(item))],
  ['Artist Name(s)', ({ item }) => namesOf(artistsOf(item))],
  ['Album URI', ({ item }) => albumOf(item)?.uri],
  ['Album Name', ({ item }) => albumOf(item)?.name],
  ['Album Artist URI(s)', ({ item }) => urisOf(albumArtistsOf(item))],
  ['Album Artist Name(s)', ({ item }) => namesOf(albumArtistsOf(item))],
  ['Album Release Date', ({ item }) => (item.kind === 'track' ? item.album?.released : null)],
  ['Album Image URL', ({ item }) => item.covers[0]?.url],
  ['Disc Number', ({ item }) => (item.kind === 'track' ? item.discNumber : null)],
  ['Track Number', ({ item }) => (item.kind === 'track' ? item.trackNumber : null)],
  ['Track Duration (ms)', ({ item }) => item.durationMs],
  ['Track Preview URL', ({ item }) => (item.kind === 'track' ? item.previewUrl : null)],
  ['Explicit', ({ item }) => item.explicit],
  ['Popularity', ({ item }) => (item.kind === 'track' ? item.popularity : null)],
  ['ISRC', ({ item }) => (item.kind === 'track' ? item.isrc : null)],
  ['Added By', ({ addedBy }) => addedBy && `spotify:user:${addedBy.name}`],
  ['Added At', ({ addedAt }) => addedAt],
  ['Position', (_row, position) => position],
  ['Is Playable', ({ playable }) => playable],
];

/** The columns of Soundiiz's import form. */
const soundiizColumns: readonly Column[] = [
  ['title', ({ item }) => item.name],
  [
    'artist',
    ({ item }) =>
      artistsOf(item)
        .map(({ name }) => name)
        .join(', '),
  ],
  ['album', ({ item }) => albumOf(item)?.name],
  ['isrc', ({ item }) => (item.kind === 'track' ? item.isrc : null)],
];

/** A table with the columns of Exportify. One of several lists has another column, with the name of the list. */
export function createCsv(style: TableStyle): Format {
  const lines = (rows: readonly (readonly unknown[])[]) => encode(rows, style.delimiter, true);
  const names = columns.map(([name]) => name);
  const mark = style.hasMark ? '\uFEFF' : '';
  return {
    extension: 'csv',
    type: 'text/csv',

    async *one(source) {
      yield mark + lines([names]);
      for await (const rows of rowsOf(source, columns)) yield lines(rows);
    },

    async *all(sources) {
      yield mark + lines([[...names, 'Playlist']]);
      for await (const source of sources) {
        const { name } = source.manifest;
        for await (const rows of rowsOf(source, columns)) yield lines(rows.map((row) => [...row, name]));
      }
    },
  };
}

/** A table for Soundiiz, without podcasts. */
export const soundiiz: Format = {
  extension: 'csv',
  type: 'text/csv',

  async *one(source) {
    yield encode([soundiizColumns.map(([name]) => name)], ';', false);
    for await (const rows of rowsOf(source, soundiizColumns, ({ item }) => item.kind === 'track'))
      yield encode(rows, ';', false);
  },
};

/** Yields the rows of each page that have an item. */
async function* rowsOf(
  { manifest, pages }: Source,
  columns: readonly Column[],
  accepts: (row: FilledRow) => boolean = () => true,
): AsyncGenerator<unknown[][]> {
  let position = manifest.from;
  for await (const page of pages) {
    yield page.flatMap((row) => {
      position += 1;
      return isFilled(row) && accepts(row) ? [columns.map(([, value]) => value(row, position))] : [];
    });
  }
}

function isFilled(row: Row): row is FilledRow {
  return row !== null && row.item !== null;
}

/** The show or audiobook of spoken content is in the columns of the artist and the album, as in Spotify's own list of tracks. */
function artistsOf(item: ExportedTrack | Episode): readonly Named[] {
  if (item.kind === 'track') return item.artists;
  return item.show ? [item.show] : item.authors;
}

function albumOf(item: ExportedTrack | Episode): ExportedTrack['album'] | Named {
  return item.kind === 'track' ? item.album : item.show;
}

function albumArtistsOf(item: ExportedTrack | Episode): readonly Named[] {
  return item.kind === 'track' ? (item.album?.artists ?? []) : [];
}

function urisOf(credits: readonly Named[]): string {
  return credits.map(({ uri }) => uri ?? '').join(', ');
}

/** Joins names as Exportify does. */
function namesOf(credits: readonly Named[]): string {
  // safeguard: escape-commas-in-names
  return credits.map(({ name }) => name.replaceAll(',', '\\,')).join(', ');
}

function encode(rows: readonly (readonly unknown[])[], delimiter: string, isQuoted: boolean): string {
  return stringify(rows as unknown[][], {
    delimiter,
    quoted: isQuoted,
    quoted_empty: isQuoted,
    record_delimiter: 'windows',
    // safeguard: escape-formulas
    cast: { string: safeCell, boolean: String },
  });
}
