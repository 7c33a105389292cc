import { stringify } from 'csv-stringify/sync';
import type { Episode, Track } from '../../spotify/types.ts';
import { restrictionText } from '../../web/display-names.ts';
import { safeCell } from './safe-cell.ts';
import type { Manifest, Row, Source } from './source.ts';
import type { Stop } from './stop.ts';

/** The entry about the whole file at the end of a file of all playlists. */
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

/** A file format: yields the text of a file piece by piece. */
export type Format = {
  type: string;
  one(source: Source): AsyncIterable<string>;
  /** `summary` is correct once all sources have been read. */
  all(sources: AsyncIterable<Source>, summary: Summary): AsyncIterable<string>;
};

const columns = [
  'Position',
  'Kind',
  'Title',
  'Artists or show',
  'Album',
  'Seconds',
  'Added',
  'Added by',
  'Note',
  'Spotify URI',
  'Link',
];

/** Comma-separated, for spreadsheets: see {@link safeCell}. */
export const csv: Format = {
  type: 'text/csv',

  async *one({ manifest, pages }) {
    // Spreadsheets recognize UTF-8 by the byte order mark.
    yield `\uFEFF${lines([columns])}`;
    yield* rowsOf(pages, manifest, []);
    yield lines([[], ...manifestLines(manifest)]);
  },

  async *all(sources, summary) {
    yield `\uFEFF${lines([['Playlist', ...columns]])}`;
    const manifests: Manifest[] = [];
    for await (const { manifest, pages } of sources) {
      yield* rowsOf(pages, manifest, [manifest.name ?? '']);
      manifests.push(manifest);
    }
    for (const manifest of manifests) yield lines([[], ...manifestLines(manifest)]);
    const { stopped, ...counts } = summary;
    yield lines([[], ...facts({ ...counts, ...stopFacts(stopped) })]);
  },
};

/** One JSON value, with each manifest after the items it counts. */
export const json: Format = {
  type: 'application/json',

  one: (source) => jsonOf(source),

  async *all(sources, summary) {
    yield '{"playlists":[';
    let first = true;
    for await (const source of sources) {
      yield first ? '\n' : ',\n';
      first = false;
      yield* jsonOf(source);
    }
    yield `\n],"summary":${JSON.stringify(summary)}}\n`;
  },
};

async function* jsonOf({ manifest, pages }: Source): AsyncGenerator<string> {
  yield `{"id":${JSON.stringify(manifest.id)},"name":${JSON.stringify(manifest.name)},"items":[`;
  let first = true;
  for await (const rows of pages) {
    const items = rows.map((row) => JSON.stringify(row));
    if (items.length === 0) continue;
    yield (first ? '\n' : ',\n') + items.join(',\n');
    first = false;
  }
  yield `\n],"manifest":${JSON.stringify(manifest)}}\n`;
}

async function* rowsOf(
  pages: Source['pages'],
  manifest: Manifest,
  before: readonly string[],
): AsyncGenerator<string> {
  let position = manifest.from;
  for await (const rows of pages) {
    yield lines(
      rows.map((row) => {
        position += 1;
        return [...before, position, ...cells(row)];
      }),
    );
  }
}

function cells(row: Row): unknown[] {
  if (row === null) return ['', '', '', '', '', '', '', 'not sent by Spotify', '', ''];
  const { item, addedAt, addedBy } = row;
  const added = [addedAt, addedBy?.name];
  if (item === null) return ['', '', '', '', '', ...added, 'no longer on Spotify', '', ''];
  const by = item.kind === 'track' ? item.artists : item.show ? [item.show] : item.authors;
  const album = item.kind === 'track' ? item.album?.name : '';
  const seconds = item.durationMs === null ? '' : Math.round(item.durationMs / 1000);
  const names = by.map(({ name }) => name).join('; ');
  return [item.kind, item.name, names, album, seconds, ...added, noteOn(item), item.uri, item.link];
}

function noteOn(item: Track | Episode): string {
  if (item.kind === 'track' && item.local) return 'local file';
  return item.restriction === null ? '' : restrictionText(item.restriction);
}

function manifestLines({ stopped, ...counts }: Manifest): unknown[][] {
  return facts({ ...counts, ...stopFacts(stopped) });
}

function stopFacts(stopped: Stop | null): Record<string, unknown> {
  return stopped ? { stopped: stopped.reason, until: stopped.until, resume: stopped.resume } : {};
}

/** Facts about the file, below its rows and marked with # so that they don't look like rows. */
function facts(all: Record<string, unknown>): unknown[][] {
  return Object.entries(all).map(([name, value]) => [`# ${name}`, String(value ?? '')]);
}

function lines(rows: readonly (readonly unknown[])[]): string {
  // safeguard: escape-formulas
  return stringify(rows as unknown[][], { cast: { string: safeCell }, record_delimiter: 'windows' });
}
