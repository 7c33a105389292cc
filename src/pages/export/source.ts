import { NotFound, Refused, SpotifyUnavailable } from '../../spotify/errors.ts';
import type { Entry, Page } from '../../spotify/types.ts';
import { entriesPerPage } from '../../spotify/web-api.ts';
import { NoSuchPage, Problem } from '../../web/error-pages.ts';
import type { Reader } from './reader.ts';
import { reasonOf, type Stop, stopFor } from './stop.ts';

/** What a file says at its end about a playlist in it. */
export type Manifest = {
  id: string | null;
  name: string | null;
  /** As of the version that the file was made from. */
  snapshotId: string | null;
  /** Whether it is another version than the one that the part before was made from. */
  changedSince: boolean;
  /** False for a playlist of somebody else's: Spotify does not tell what is in it. */
  readable: boolean;
  /** How many rows Spotify announced, where this file begins (0 is the start), and how many it holds. */
  announced: number;
  from: number;
  written: number;
  tracks: number;
  episodes: number;
  /** Chapters of audiobooks, and audiobooks. */
  chapters: number;
  /** Files of the listener's own. */
  local: number;
  /** Places that hold nothing any more. */
  gone: number;
  /** Rows that Spotify announced and did not send. */
  missing: number;
  complete: boolean;
  stopped: Stop | null;
};

/** A row of a file; null for one that Spotify announced and did not send. */
export type Row = Entry | null;

/** A playlist on its way into a file: read the pages to their end, then the manifest is right. */
export type Source = { manifest: Manifest; pages: AsyncIterable<readonly Row[]> };

/** What all playlists of one export share. */
export type Run = {
  read: Reader;
  /** Whether a part is wanted: then what ends it early is said in it. If not, it is thrown. */
  part: boolean;
  /** How many rows it may still hold. */
  rowsLeft(): number;
  /** Whether it holds as much as it may, or has taken as long. */
  isFull(): boolean;
  /** Whether rows may be missing: for as long as the name of the file can say so. */
  mayLack(): boolean;
  onRows(count: number): void;
};

type Begin = {
  playlist: { id: string | null; name: string | null; count: number | null; snapshotId: string | null };
  from: number;
  /** The snapshot that the part before was made from; null for a file from the start. */
  known: string | null;
  /** Asks for the entries from this place on; null if there is nothing to ask for. */
  load: ((from: number) => Promise<Page<Entry>>) | null;
  /** Asks for the playlist's current snapshot. */
  currentSnapshot: () => Promise<string | null>;
  /** The address of a file that goes on at this place. */
  resume: (from: number) => string;
  run: Run;
};

/** How many pages of a playlist are on their way at once. */
// safeguard: export-concurrency
const width = 4;

/** Opens a playlist by asking for its first page. Throws what that throws, and {@link NoSuchPage} if it has no row `from`. */
export async function openSource(begin: Begin): Promise<Source> {
  const { playlist, from, known, load, currentSnapshot, resume, run } = begin;
  const first = load && (await pageAt(from, load, run).catch(nullIfUnreadable));
  const { id, name, snapshotId, count } = playlist;
  checkFrom(from, first?.total ?? count ?? 0, known);
  const manifest: Manifest = {
    id,
    name,
    snapshotId,
    changedSince: from > 0 && known !== null && known !== snapshotId,
    readable: first !== null,
    announced: first?.total ?? count ?? 0,
    from,
    ...{ written: 0, tracks: 0, episodes: 0, chapters: 0, local: 0, gone: 0, missing: 0 },
    complete: false,
    stopped: null,
  };

  async function* pages(): AsyncGenerator<readonly Row[]> {
    if (load === null || first === null) return;
    const rowsToCome = Math.min(first.total - from, run.rowsLeft());
    const more = Math.max(0, Math.ceil(rowsToCome / entriesPerPage) - 1);
    try {
      yield counted(manifest, first.rows, run);
      const rest = inOrder(more, (index) => pageAt(from + (index + 1) * entriesPerPage, load, run));
      if (!run.isFull()) {
        for await (const { rows, total } of rest) {
          // safeguard: detect-changed-total
          if (total !== first.total) throw hasChanged();
          yield counted(manifest, rows, run);
          if (run.isFull()) break;
        }
      }
      const isOnePage = from === 0 && more === 0;
      if (isAtEnd() && !isOnePage && snapshotId !== null) {
        const current = await run.read(currentSnapshot);
        // safeguard: detect-changed-snapshot
        if (current !== snapshotId) throw hasChanged();
      }
    } catch (error) {
      // safeguard: fail-incomplete-file
      if (!run.part) throw error;
      // After a change, the rows before it may be wrong as well.
      const isChanged = reasonOf(error) === 'changed-meanwhile';
      // safeguard: resume-after-written-rows
      manifest.stopped = stopFor(error, isChanged ? resume(0) : resume(from + manifest.written));
      return;
    }
    manifest.complete = isAtEnd() && manifest.missing === 0 && !manifest.changedSince;
    if (!isAtEnd()) {
      // safeguard: resume-after-written-rows
      manifest.stopped = { reason: 'part-full', until: null, resume: resume(from + manifest.written) };
    }
  }
  return { manifest, pages: pages() };

  function isAtEnd(): boolean {
    return from + manifest.written >= manifest.announced;
  }
}

/**
 * Throws {@link NoSuchPage} if a playlist of `total` rows has no row `from`. The place right after the last row exists for a part that
 * continues another one: it holds no rows, but says whether the playlist has changed.
 */
export function checkFrom(from: number, total: number, known: string | null): void {
  // safeguard: 404-beyond-playlist-end
  if (from > 0 && (from > total || (from === total && known === null))) throw new NoSuchPage('No such row');
}

/** The rows from this place on, as many as one call brings; null for those that are missing although Spotify was asked for them twice. */
async function pageAt(
  from: number,
  load: (from: number) => Promise<Page<Entry>>,
  run: Run,
): Promise<{ rows: Row[]; total: number }> {
  const missingIn = ({ items, total }: { items: Entry[]; total: number }) =>
    Math.max(0, Math.min(entriesPerPage, total - from) - items.length);
  const loadCounted = async () => {
    const { items, total } = await load(from);
    if (total === null) throw new SpotifyUnavailable('A playlist has more rows than Spotify announced');
    return { items, total };
  };
  const page = await readWhole(run, loadCounted, missingIn);
  const missing = Array.from({ length: missingIn(page) }, () => null);
  return { rows: [...page.items, ...missing], total: page.total };
}

/** Reads a page of a list, twice if entries are missing the first time. Returns the page as it came if some are still missing. */
export async function readWhole<T>(
  { read }: Pick<Run, 'read'>,
  load: () => Promise<T>,
  missingIn: (page: T) => number,
): Promise<T> {
  const short: T[] = [];
  try {
    return await read(async () => {
      const page = await load();
      // safeguard: detect-missing-rows
      if (missingIn(page) === 0) return page;
      short.push(page);
      throw fewerRows();
    });
  } catch (error) {
    if (short.length === 0 || !(error instanceof SpotifyUnavailable)) throw error;
    return short.at(-1) as T;
  }
}

function fewerRows(): SpotifyUnavailable {
  return new SpotifyUnavailable('A list is shorter than Spotify announced');
}

/** Somebody else's playlist, or one of Spotify's own: new apps are told only what stands on its card, or nothing. */
function nullIfUnreadable(error: unknown): null {
  if (error instanceof Refused || error instanceof NotFound) return null;
  throw error;
}

/** Something was added or removed while the file was being made: rows would be missing, or stand in it twice. */
export function hasChanged(): Problem {
  return new Problem({
    status: 409,
    reason: 'changed-meanwhile',
    title: 'Something changed during the export',
    text: 'A playlist was changed while it was being read, so the file would have been wrong. Nothing was saved. Try again.',
    actions: [{ label: 'Go to your playlists', href: '/playlists' }],
  });
}

/** Counts rows that go into the file. Throws SpotifyUnavailable if some are missing and its name cannot say so any more. */
function counted(manifest: Manifest, rows: readonly Row[], run: Run): readonly Row[] {
  // safeguard: no-missing-rows-after-name
  if (rows.includes(null) && !run.mayLack()) throw fewerRows();
  for (const row of rows) {
    manifest.written += 1;
    if (row === null) manifest.missing += 1;
    else if (row.item === null) manifest.gone += 1;
    else if (row.item.kind === 'episode') manifest.episodes += 1;
    else if (row.item.kind !== 'track') manifest.chapters += 1;
    else if (row.item.local) manifest.local += 1;
    else manifest.tracks += 1;
  }
  run.onRows(rows.length);
  return rows;
}

/** The results of `load` for 0 to `count - 1` in their order, a few of them under way at a time and never more. */
async function* inOrder<T>(count: number, load: (index: number) => Promise<T>): AsyncGenerator<T> {
  const underWay: Promise<T>[] = [];
  try {
    for (let index = 0; index < count || underWay.length > 0; ) {
      while (underWay.length < width && index < count) {
        const next = load(index);
        // Its turn to fail comes when it is waited for; without this Node would end the process sooner.
        next.catch(() => undefined);
        underWay.push(next);
        index += 1;
      }
      // safeguard: export-page-order
      yield (await underWay.shift()) as T;
    }
  } finally {
    // A file that has ended early leaves no calls behind.
    await Promise.allSettled(underWay);
  }
}
