import { NotFound, Refused, SpotifyUnavailable } from '../../spotify/errors.ts';
import type { OnResponse } from '../../spotify/export-calls.ts';
import type { ExportedEntry } from '../../spotify/exported.ts';
import { entriesPerPage } from '../../spotify/limits.ts';
import type { Page } from '../../spotify/types.ts';
import { NoSuchPage, Problem } from '../../web/errors.ts';
import { createAheadLoader } from './load-ahead.ts';
import type { Reader } from './reader.ts';
import { reasonOf, type Stop, stopFor } from './stop.ts';

/** The kind of a list's rows; `items` are tracks and episodes. */
export type Contents = 'items' | 'albums' | 'shows' | 'artists';

/** Facts about a list that its file contains: in JSON after its items, otherwise in a file beside it or in the headers of the response. */
export type Manifest = {
  /** Null for lists of the library. */
  id: string | null;
  name: string | null;
  contains: Contents;
  /** The URL of the list on Spotify; null for lists of the library. */
  source: string | null;
  /** When the export of the list began, in ISO 8601. */
  exportedAt: string;
  /** The snapshot that the file was made from. For lists that have none, it's derived from their first page. */
  snapshotId: string | null;
  /** Whether the previous part was made from another snapshot. */
  changedSince: boolean;
  /** False if Spotify does not show the contents, as for most playlists of other people. */
  readable: boolean;
  /** How many rows Spotify announced, the row this file begins with (from 0), and how many it contains. */
  announced: number;
  from: number;
  written: number;
  tracks: number;
  episodes: number;
  /** Chapters of audiobooks, and audiobooks. */
  chapters: number;
  /** Local files. */
  local: number;
  /** Entries whose track is no longer on Spotify. */
  gone: number;
  /** Rows that Spotify announced and did not send. */
  missing: number;
  complete: boolean;
  stopped: Stop | null;
};

/** Returns how many rows a file has that leaves out those without an item. */
export function filledRows({ written, missing, gone }: Manifest): number {
  return written - missing - gone;
}

/** The counts of a manifest before any row. */
export const nothingWritten = {
  ...{ written: 0, tracks: 0, episodes: 0, chapters: 0, local: 0, gone: 0, missing: 0 },
  complete: false,
  stopped: null,
};

/** A row of a file; null for one that Spotify announced and did not send. */
export type Row = ExportedEntry | null;

/** A list to write into a file. The manifest is correct once all pages have been read. */
export type Source = {
  manifest: Manifest;
  pages: AsyncIterable<readonly Row[]>;
  /** Returns what the manifest will say once all pages have been read, except for how many there are of each kind; null if that is unknown. */
  final: () => Manifest | null;
};

/** The part of an export's state that its lists share. */
export type Run = {
  /** The path of the export's page. */
  page: string;
  read: Reader;
  now: () => number;
  /** Whether this is a part: then an error that ends it early is described in it. Otherwise the error is thrown. */
  isPart: boolean;
  /** How many more rows it may hold. */
  rowsLeft(): number;
  /** Whether it has reached its limit of rows, characters or time. */
  isFull(): boolean;
  /** Whether rows may be missing: only while the file's name can still mention them. */
  allowsGaps(): boolean;
  onRows(count: number): void;
};

/** A list as it is known before its rows are read. `count` is null if unknown. */
export type List = {
  id: string | null;
  name: string | null;
  contains?: Contents;
  link: string | null;
  count: number | null;
  snapshotId: string | null;
};

type Load = (from: number, onResponse: OnResponse) => Promise<Page<ExportedEntry>>;

type Options = {
  list: List;
  from: number;
  /** The snapshot that the previous part was made from; null for a file from the start. */
  previousSnapshot: string | null;
  /** Loads the rows from this one on; null if the contents can't be read. */
  load: Load | null;
  /** Loads the list's current snapshot. */
  currentSnapshot: () => Promise<string | null>;
  /** The URL of a file that continues from this row. */
  resume: (from: number) => string;
  run: Run;
  /** Whether its contents are known to be readable, so that several pages can be requested at once from the start. */
  isReadable?: boolean;
  /** Whether each page names the next one, so that they can only be requested one after the other. */
  isSequential?: boolean;
};

/**
 * Opens a list by asking for its first page, and returns it as a source. Throws what that call throws, and {@link NoSuchPage} if the list has no
 * row `from`.
 */
export async function openSource(options: Options): Promise<Source> {
  const { list, from, previousSnapshot, load, currentSnapshot, resume, run } = options;
  const { isReadable = false, isSequential = false } = options;
  const { id, name, contains = 'items', snapshotId, count, link } = list;
  const loader = load
    ? createAheadLoader((index) => readPageAt(from + index * entriesPerPage, load, run), isSequential)
    : null;
  if (loader && isReadable && !run.isPart) loader.expect(Math.ceil(((count ?? 0) - from) / entriesPerPage));
  const manifestOf = (first: FirstPage | null): Manifest => ({
    id,
    name,
    contains,
    source: link,
    exportedAt: new Date(run.now()).toISOString(),
    snapshotId,
    changedSince: from > 0 && previousSnapshot !== null && previousSnapshot !== snapshotId,
    readable: first !== null,
    announced: first?.total ?? count ?? 0,
    from,
    ...nothingWritten,
  });
  let first: FirstPage | null;
  let manifest: Manifest;
  try {
    first = loader && (await loader.take(0).catch(nullIfUnreadable));
    manifest = manifestOf(first);
    checkFrom(from, manifest.announced, previousSnapshot);
  } catch (error) {
    // safeguard: close-loader-of-failed-list
    await loader?.close();
    throw error;
  }

  async function* pages(): AsyncGenerator<readonly Row[]> {
    if (loader === null || first === null) return;
    const rowsToCome = Math.min(first.total - from, run.rowsLeft());
    const count = Math.max(1, Math.ceil(rowsToCome / entriesPerPage));
    try {
      loader.expect(count);
      yield countRows(manifest, first.rows, run);
      for (let index = 1; index < count && !run.isFull(); index += 1) {
        const { rows, total } = await loader.take(index);
        // safeguard: detect-changed-total
        if (total !== first.total) throw listChanged(run);
        yield countRows(manifest, rows, run);
      }
      const isOnePage = from === 0 && count === 1;
      if (isAtEnd() && !isOnePage && snapshotId !== null) {
        const current = await run.read(currentSnapshot);
        // safeguard: detect-changed-snapshot
        if (current !== snapshotId) throw listChanged(run);
      }
    } catch (error) {
      // safeguard: fail-incomplete-file
      if (!run.isPart) throw error;
      // After a change, the rows before it may be wrong as well.
      const isChanged = reasonOf(error) === 'changed-during-export';
      // safeguard: resume-after-written-rows
      manifest.stopped = stopFor(error, isChanged ? resume(0) : resume(from + manifest.written));
      return;
    } finally {
      // No call outlives a file that ends early.
      await loader.close();
    }
    manifest.complete = isAtEnd() && manifest.missing === 0 && !manifest.changedSince;
    if (!isAtEnd()) {
      // safeguard: resume-after-written-rows
      manifest.stopped = { reason: 'part-full', until: null, resume: resume(from + manifest.written) };
    }
  }
  // From then on, a file that lacks something fails.
  const final = () => (run.isPart || run.allowsGaps() ? null : manifest);
  return { manifest, pages: pages(), final };

  function isAtEnd(): boolean {
    return from + manifest.written >= manifest.announced;
  }
}

/**
 * Throws {@link NoSuchPage} if a playlist of `total` rows has no row `from`. The position right after the last row exists for a part that
 * continues another one: it holds no rows, but says whether the playlist has changed.
 */
export function checkFrom(from: number, total: number, previousSnapshot: string | null): void {
  // safeguard: 404-beyond-playlist-end
  if (from > 0 && (from > total || (from === total && previousSnapshot === null)))
    throw new NoSuchPage('No such row');
}

type FirstPage = { rows: Row[]; total: number };

/** Reads a page of rows; null for those still missing at the second attempt. */
async function readPageAt(from: number, load: Load, run: Run): Promise<FirstPage> {
  const missingIn = ({ items, total }: { items: ExportedEntry[]; total: number }) =>
    Math.max(0, Math.min(entriesPerPage, total - from) - items.length);
  const loadWithTotal = async (onResponse: OnResponse) => {
    const { items, total } = await load(from, onResponse);
    if (total === null) throw new SpotifyUnavailable('A playlist has more rows than Spotify announced');
    return { items, total };
  };
  const page = await readFullPage(run, loadWithTotal, missingIn);
  const missing = Array.from({ length: missingIn(page) }, () => null);
  return { rows: [...page.items, ...missing], total: page.total };
}

/**
 * Reads a page of a list, and reads it again if entries are missing the first time. Returns the page as it came if some are still missing.
 * Throws what `read` throws otherwise.
 */
export async function readFullPage<T>(
  { read }: Pick<Run, 'read'>,
  load: (onResponse: OnResponse) => Promise<T>,
  missingIn: (page: T) => number,
): Promise<T> {
  const short: T[] = [];
  try {
    return await read(async (onResponse) => {
      const page = await load(onResponse);
      // safeguard: detect-missing-rows
      if (missingIn(page) === 0) return page;
      short.push(page);
      throw tooFewRows();
    });
  } catch (error) {
    if (short.length === 0 || !(error instanceof SpotifyUnavailable)) throw error;
    return short.at(-1) as T;
  }
}

function tooFewRows(): SpotifyUnavailable {
  return new SpotifyUnavailable('A list is shorter than Spotify announced');
}

/** New apps can't read the contents of other people's playlists ("Get Playlist Items"), nor anything of Spotify's own. */
function nullIfUnreadable(error: unknown): null {
  if (error instanceof Refused || error instanceof NotFound) return null;
  throw error;
}

/** The error for a list that changed while its file was being written: rows could be missing, or appear twice. */
export function listChanged({ page }: Pick<Run, 'page'>): Problem {
  return new Problem({
    status: 409,
    reason: 'changed-during-export',
    title: 'The list changed during the export',
    text: 'The file would have been wrong, so nothing was saved. Try again.',
    actions: [{ label: 'Back to the export', href: page }],
  });
}

/** Counts rows for the manifest. Throws SpotifyUnavailable if some are missing and the file's name can't mention it anymore. */
export function countRows(
  manifest: Manifest,
  rows: readonly Row[],
  run: Pick<Run, 'allowsGaps' | 'onRows'>,
): readonly Row[] {
  // safeguard: no-missing-rows-after-name
  if (rows.includes(null) && !run.allowsGaps()) throw tooFewRows();
  for (const row of rows) {
    manifest.written += 1;
    if (row === null) manifest.missing += 1;
    else if (row.item === null) manifest.gone += 1;
    else if (row.item.kind === 'episode') manifest.episodes += 1;
    else if (row.item.kind === 'chapter' || row.item.kind === 'audiobook') manifest.chapters += 1;
    else if (row.item.kind !== 'track') continue;
    else if (row.item.local) manifest.local += 1;
    else manifest.tracks += 1;
  }
  run.onRows(rows.length);
  return rows;
}
