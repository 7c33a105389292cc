import type { Request, Response } from 'express';
import { entriesPerPage, maxOffset, playlistsPerPage } from '../../spotify/limits.ts';
import type { PlaylistPage } from '../../spotify/types.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { callsForFile, rowsAtOnce } from '../../web/export-size.ts';
import { lastPage, pageNumber } from '../../web/paging.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { openAllPlaylists, readPlaylistPage } from './all-playlists.ts';
import type { ExportCursor } from './cursor.ts';
import type { CallEstimate, ExportBudget } from './export-budget.ts';
import { headersOf, headersOfAll } from './export-headers.ts';
import { nameOf, nameOfAll } from './file-name.ts';
import { type OpenFile, sendExport } from './file-response.ts';
import { emptySummary, type Format } from './format.ts';
import { nameOfList, readList } from './lists.ts';
import { outcomeOf, outcomeOfAll } from './outcome.ts';
import { isOwnOrShared, openPlaylist } from './playlist-source.ts';
import {
  anywayUrl,
  beforeIn,
  exportIdIn,
  exportPage,
  formatIn,
  listIn,
  partUrl,
  readPosition,
  snapshotIn,
  withSnapshot,
} from './requests.ts';
import type { ExportRun } from './run.ts';
import { attach } from './send.ts';
import { sizeOfAll } from './size.ts';
import { checkFrom, openSource, type Source } from './source.ts';

type Deps = Parameters<typeof sendExport>[0] & { exportBudget: ExportBudget };

const lastPageOfPlaylists = maxOffset / playlistsPerPage + 1;

/**
 * Answers requests for files. Format, cursor and snapshot are in their URLs. Throws {@link NoSuchPage} for a URL that can't exist, and the error
 * that ended the export.
 */
export function createFiles(deps: Deps) {
  const { exportBudget } = deps;
  return {
    /** All playlists in one file. */
    async all(req: Request, res: Response, listener: SignedInListener): Promise<void> {
      const format = formatIn(req, res);
      if (!format.all) throw new NoSuchPage('This format holds one list');
      // safeguard: head-without-calls
      if (answerHead(req, res, format, 'playlists')) return;
      const write = format.all;
      const cursor: ExportCursor = {
        page: pageNumber(req.query.page, lastPageOfPlaylists),
        skip: readPosition(req.query.skip, playlistsPerPage - 1),
        from: readPosition(req.query.from),
        ...beforeIn(req),
        ...snapshotIn(req),
      };
      await sendExport(deps, { req, res, listener }, 'all', async (run, cleanup) => {
        const readPage = (page: number) => readPlaylistPage(listener.spotify.freshPlaylists, page, run);
        const first = await readPage(cursor.page);
        checkCursor(cursor, first, run.isPart);
        const { rows, estimate } = sizeOfAll(first, listener.spotify.countCachedPages, cursor);
        run.announce(null, rows);
        cleanup.defer(await reserve(req, run, estimate));
        const summary = emptySummary(first.total ?? 0);
        const sources = openAllPlaylists({
          cursor,
          first,
          summary,
          run,
          readPage,
          open: (playlist, at) =>
            openPlaylist(listener, playlist, {
              at,
              run,
              resume: (from) => partUrl(req, withSnapshot({ ...at, from }, playlist)),
            }),
          isOwnOrShared: (playlist) => isOwnOrShared(listener, playlist),
          resume: (at) => partUrl(req, at),
        });
        const startedAt = deps.now();
        return {
          name: () => nameOfAll(cursor, summary),
          extension: format.extension,
          type: format.type,
          facts: (isFullyRead) => headersOfAll(summary, startedAt, isFullyRead),
          content: write(sources, summary),
          collectMs: run.collectMs(rows),
          outcome: () => outcomeOfAll(summary),
        };
      });
    },

    async one(req: Request, res: Response, listener: SignedInListener): Promise<void> {
      const id = String(req.params.id);
      const format = formatIn(req, res);
      const from = readPosition(req.query.from);
      if (answerHead(req, res, format, listener.spotify.peekPlaylistName(id))) return;
      await sendExport(deps, { req, res, listener }, id, async (run, cleanup) => {
        const playlist = await run.read(() => listener.spotify.freshPlaylist(id));
        const { count } = playlist;
        const cachedPages = listener.spotify.countCachedPages(playlist, from);
        const entries = count === null ? null : callsForFile(Math.max(0, count - from), cachedPages);
        cleanup.defer(await reserve(req, run, entries === null ? null : { lists: 0, entries }));
        const resume = (next: number) => partUrl(req, withSnapshot({ from: next }, playlist));
        const source = await openPlaylist(listener, playlist, {
          at: { from, ...snapshotIn(req) },
          run,
          resume,
          isReadable: playlist.readable,
        });
        return fileOf(format, source, run, isOwnOrShared(listener, playlist), resume(0));
      });
    },

    /** A list of the library. */
    async list(req: Request, res: Response, listener: SignedInListener): Promise<void> {
      const name = listIn(req);
      const format = formatIn(req, res);
      const from = readPosition(req.query.from);
      if (answerHead(req, res, format, nameOfList(name))) return;
      await sendExport(deps, { req, res, listener }, exportIdIn(req), async (run, cleanup) => {
        const { list, estimateFrom, isSequential, ...readers } = await readList(listener, name, run);
        cleanup.defer(await reserve(req, run, estimateFrom(from), isSequential ? from : 0));
        const resume = (next: number) => partUrl(req, withSnapshot({ from: next }, list));
        const source = await openSource({
          list,
          from,
          previousSnapshot: snapshotIn(req).snapshot ?? null,
          ...readers,
          isSequential,
          resume,
          run,
          isReadable: true,
        });
        return fileOf(format, source, run, true, resume(0));
      });
    },
  };

  /**
   * Throws a Problem if the export costs more than is left of the day's calls, unless the listener has asked for it anyway. `reread`: how many earlier rows
   * have to be read again.
   */
  async function reserve(
    req: Request,
    { isPart }: { isPart: boolean },
    estimate: CallEstimate | null,
    reread = 0,
  ): Promise<() => Promise<void>> {
    if (estimate === null) return async () => undefined;
    const isConfirmed = req.query.anyway === 'yes';
    return exportBudget.reserve(isPart ? atMostOnePart(estimate, reread) : estimate, {
      isPart,
      isConfirmed,
      anyway: anywayUrl(req),
      page: exportPage(exportIdIn(req)),
    });
  }
}

/**
 * Answers a HEAD with what is known about the file without a call to Spotify: its type, and a name without what it lacks; a playlist's name only if its list
 * is cached. Returns false for another request.
 */
function answerHead(req: Request, res: Response, { extension, type }: Format, name: string | null): boolean {
  if (req.method !== 'HEAD') return false;
  const facts = () => ({});
  attach(res, { name: () => name ?? 'playlist', extension, type, facts, collectMs: 0 }, false).end();
  return true;
}

/** The rows of a list of the library are read by calls of the family `lists`, so the limit applies to both. `reread`: see `reserve`. */
// safeguard: estimate-of-a-part
function atMostOnePart({ lists, entries }: CallEstimate, reread: number): CallEstimate {
  // safeguard: estimate-of-reread-pages
  const most = Math.ceil((reread + rowsAtOnce) / entriesPerPage) + 2;
  return { lists: Math.min(lists, most), entries: Math.min(entries, most) };
}

/** Returns the file of one list. `restartUrl` is the URL of a file from the start. */
function fileOf(
  format: Format,
  source: Source,
  run: ExportRun,
  isOwnOrShared: boolean,
  restartUrl: string,
): OpenFile {
  const { manifest } = source;
  const rows = manifest.announced - manifest.from;
  run.announce(manifest.name, rows);
  return {
    name: (isFullyRead) => nameOf(manifest, isFullyRead),
    extension: format.extension,
    type: format.type,
    facts: (isFullyRead) => headersOf(manifest, format, isFullyRead),
    content: format.one(source),
    collectMs: run.collectMs(rows),
    outcome: () => outcomeOf(manifest, isOwnOrShared, restartUrl),
  };
}

/** Throws {@link NoSuchPage} if the cursor is past the end of the listener's playlists. `first` is the page that it is on. */
function checkCursor(cursor: ExportCursor, { items, total }: PlaylistPage, part: boolean): void {
  const { page, skip, from, snapshot } = cursor;
  // safeguard: 404-beyond-last-page
  const isBeyond = page > lastPage(total ?? 0, playlistsPerPage) || (skip > 0 && skip >= items.length);
  if (isBeyond) throw new NoSuchPage('No such playlist');
  const count = items[skip]?.count ?? null;
  if (items[skip] === undefined) checkFrom(from, 0, null);
  // A part is checked when its first rows have been read, because their total is more reliable than the list's.
  else if (count !== null && !part) checkFrom(from, count, snapshot ?? null);
}
