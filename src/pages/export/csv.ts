import { stringify } from 'csv-stringify/sync';
import { soundiizTable, type Table, tables } from './columns.ts';
import type { Format } from './format.ts';
import { safeCell, withoutFormula } from './safe-cell.ts';
import { filledRows, type Source } from './source.ts';

type TableStyle = {
  /** Between two fields. */
  delimiter: ',' | ';';
  /** Whether the file begins with a byte order mark, by which Excel recognizes UTF-8. */
  hasMark: boolean;
};

/** A table with the columns of Exportify. A table of several lists has one more, for the name of the list. */
export function createCsv(style: TableStyle): Format {
  const lines = (rows: Rows) => encode(rows, style.delimiter, { isQuoted: true, cell: safeCell });
  const mark = style.hasMark ? '\uFEFF' : '';
  return {
    extension: 'csv',
    type: 'text/csv',
    rowsOf: filledRows,

    async *one(source) {
      const table = tables[source.manifest.contains];
      yield mark + lines([table.names]);
      for await (const rows of rowsOf(source, table)) yield lines(rows);
    },

    async *all(sources) {
      yield mark + lines([[...tables.items.names, 'Playlist']]);
      for await (const source of sources) {
        const { name } = source.manifest;
        for await (const rows of rowsOf(source, tables.items)) yield lines(rows.map((row) => [...row, name]));
      }
    },
  };
}

/** A table for Soundiiz, without podcasts. */
export const soundiiz: Format = {
  itemsOnly: true,
  rowsOf: ({ tracks, local }) => tracks + local,
  extension: 'csv',
  type: 'text/csv',

  async *one(source) {
    // Soundiiz searches by these titles, so they stay as on Spotify, but someone may open the file in a spreadsheet before uploading it.
    // safeguard: formulas-in-soundiiz-table
    const lines = (rows: Rows) => encode(rows, ';', { isQuoted: false, cell: withoutFormula });
    yield lines([soundiizTable.names]);
    for await (const rows of rowsOf(source, soundiizTable)) yield lines(rows);
  },
};

/** Yields the fields of the rows of each page that the table has. */
async function* rowsOf({ manifest, pages }: Source, { fields }: Table): AsyncGenerator<unknown[][]> {
  let position = manifest.from;
  for await (const page of pages) {
    yield page.flatMap((row) => {
      position += 1;
      const one = fields(row, position);
      return one ? [one] : [];
    });
  }
}

type Rows = readonly (readonly unknown[])[];

function encode(
  rows: Rows,
  delimiter: string,
  { isQuoted, cell }: { isQuoted: boolean; cell: (value: string) => string },
): string {
  return stringify(rows as unknown[][], {
    delimiter,
    quoted: isQuoted,
    quoted_empty: isQuoted,
    record_delimiter: 'windows',
    // safeguard: escape-formulas
    cast: { string: cell, boolean: String },
  });
}
