import type { ExportJob, JobEvent } from '../../access/export-job-records.ts';
import { callsForFile } from '../../web/export-size.ts';
import type { CallingListener } from '../../web/signed-in.ts';
import { after, openAllPlaylists, readPlaylistPage } from './all-playlists.ts';
import type { ExportCursor } from './cursor.ts';
import type { CallEstimate } from './export-budget.ts';
import { emptySummary } from './format.ts';
import { rangeIn, readList } from './lists.ts';
import { isOwnOrShared, openPlaylist } from './playlist-source.ts';
import { sizeOfAll } from './size.ts';
import { listChanged, openSource, type Run, type Source } from './source.ts';

/** A step of a job. After one with `isCursor`, the job can continue at the cursor in `change`. */
export type Step = {
  event: JobEvent | null;
  change: Partial<Pick<ExportJob, 'cursor' | 'absent' | 'name' | 'totalRows' | 'playlists'>>;
  isCursor: boolean;
  isLast?: boolean;
};

type Reserve = (estimate: CallEstimate) => Promise<() => Promise<void>>;

/**
 * Reads what a job hasn't read yet, from its cursor on. Its calls are set aside first, even when it continues. Throws what the calls throw, and a
 * Problem if a list has changed since its first rows were stored, or if the calls don't fit into the day.
 */
export async function* readJob(
  listener: CallingListener,
  job: ExportJob,
  run: Run,
  reserve: Reserve,
): AsyncGenerator<Step> {
  await using cleanup = new AsyncDisposableStack();
  const reserved = async (estimate: CallEstimate | null) => {
    // safeguard: reserve-calls-of-resumed-job
    if (estimate) cleanup.defer(await reserve(estimate));
  };
  if (job.exportId === 'all') return yield* readAllPlaylists(listener, job, run, reserved);
  const { from, snapshot } = job.cursor;
  const [, list] = /^library\/(.+)$/.exec(job.exportId) ?? [];
  if (list === undefined) {
    const playlist = await run.read(() => listener.spotify.freshPlaylist(job.exportId));
    const count = playlist.count === null ? null : Math.max(0, playlist.count - from);
    await reserved(count === null ? null : { lists: 0, entries: callsForFile(count) });
    const at = { from, ...(snapshot !== null && { snapshot }) };
    const { readable } = playlist;
    const source = await openPlaylist(listener, playlist, {
      at,
      run,
      resume: () => '',
      ...(!readable && { isReadable: false }),
    });
    yield* readOne(source, isOwnOrShared(listener, playlist));
    return;
  }
  const named = { list, range: rangeIn(undefined) };
  const { list: found, estimateFrom, ...readers } = await readList(listener, named, run);
  await reserved(estimateFrom(from));
  yield* readOne(
    await openSource({
      list: found,
      from,
      previousSnapshot: snapshot,
      ...readers,
      resume: () => '',
      run,
    }),
    true,
  );

  async function* readOne(source: Source, isTheirs: boolean): AsyncGenerator<Step> {
    const { manifest } = source;
    yield {
      event: null,
      change: { name: manifest.name, totalRows: manifest.announced },
      isCursor: false,
    };
    for await (const step of readSource(source, isTheirs, run)) {
      const cursor = { ...job.cursor, ...cursorIn(source) };
      yield { ...step, change: { name: manifest.name, totalRows: manifest.announced, cursor } };
    }
    yield {
      event: null,
      change: { name: manifest.name, totalRows: manifest.announced },
      isCursor: true,
      isLast: true,
    };
  }
}

async function* readAllPlaylists(
  listener: CallingListener,
  job: ExportJob,
  run: Run,
  reserved: (estimate: CallEstimate | null) => Promise<void>,
): AsyncGenerator<Step> {
  const { page, skip, from, before, snapshot } = job.cursor;
  const cursor = { page, skip, from, before: before ?? '', ...(snapshot !== null && { snapshot }) };
  const readPage = (page: number) => readPlaylistPage(listener.spotify.freshPlaylists, page, run);
  const first = await readPage(cursor.page);
  const { rows, estimate } = sizeOfAll(first, listener.spotify.countCachedPages, job.cursor);
  await reserved(estimate);
  const playlists = first.total ?? 0;
  if (job.playlists !== null && job.playlists !== playlists) throw listChanged(run);
  const summary = { ...emptySummary(playlists), ...job.absent };
  type Opened = Parameters<Parameters<typeof openAllPlaylists>[0]['open']>;
  const opened = new Map<Source, Opened>();
  const sources = openAllPlaylists({
    cursor,
    first,
    summary,
    run,
    readPage,
    async open(...args) {
      const [playlist, at] = args;
      const source = await openPlaylist(listener, playlist, { at, run, resume: () => '' });
      opened.set(source, args);
      return source;
    },
    isOwnOrShared: (playlist) => isOwnOrShared(listener, playlist),
    resume: () => '',
  });
  const totalRows = job.rows > 0 ? job.totalRows : rows;
  for await (const source of sources) {
    const [playlist, at, absent] = opened.get(source) as Opened;
    opened.delete(source);
    const common = { playlists, totalRows, absent };
    for await (const step of readSource(source, isOwnOrShared(listener, playlist), run))
      yield { ...step, change: { ...common, cursor: { ...stored(at), ...cursorIn(source) } } };
    yield { event: null, change: { ...common, cursor: stored(after({ playlist, at })) }, isCursor: true };
  }
  const { sentAsNull, notSent } = summary;
  yield {
    event: null,
    change: { playlists, totalRows, absent: { sentAsNull, notSent } },
    isCursor: true,
    isLast: true,
  };
}

/** Yields the beginning of a list, unless it continues an earlier run, and its rows. */
async function* readSource(
  { manifest, pages }: Source,
  isTheirs: boolean,
  run: Run,
): AsyncGenerator<Pick<Step, 'event' | 'isCursor'>> {
  const { id, name, contains, source, exportedAt, snapshotId, readable, announced } = manifest;
  // The rows read before belong to another version of the list.
  // safeguard: changed-playlist-restarts-job
  if (manifest.changedSince) throw listChanged(run);
  if (manifest.from === 0) {
    const facts = { id, name, contains, source, exportedAt, snapshotId, readable, announced };
    yield { event: { list: { ...facts, isOwnOrShared: isTheirs } }, isCursor: false };
  }
  // An empty list could be begun a second time from here.
  for await (const rows of pages) yield { event: { rows: [...rows] }, isCursor: rows.length > 0 };
}

function cursorIn({ manifest }: Source): { from: number; snapshot: string | null } {
  const { from, written, snapshotId } = manifest;
  return { from: from + written, snapshot: snapshotId };
}

function stored({ before, snapshot, ...cursor }: ExportCursor): ExportJob['cursor'] {
  return { ...cursor, before: before ?? null, snapshot: snapshot ?? null };
}
