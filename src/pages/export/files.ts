import type { Request, Response } from 'express';
import { routes } from '../../routes.ts';
import { entriesPerPage, maxOffset, playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist, PlaylistPage } from '../../spotify/types.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { callsForFile, rowsAtOnce } from '../../web/export-size.ts';
import { lastPage, pageNumber } from '../../web/paging.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { openAllPlaylists, readPlaylistPage } from './all-playlists.ts';
import { answerWithFile } from './answer.ts';
import { nameOf, nameOfAll } from './file-name.ts';
import { csv, type Format, json, type Summary } from './formats.ts';
import { outcomeOf, outcomeOfAll } from './outcome.ts';
import type { Place } from './place.ts';
import type { Price, Prices } from './price.ts';
import { sizeOfAll } from './size.ts';
import { checkFrom, openSource } from './source.ts';

type Deps = Parameters<typeof answerWithFile>[0] & { prices: Prices };

const formats = new Map<string, Format>([
  ['csv', csv],
  ['json', json],
]);
const lastPageOfPlaylists = maxOffset / playlistsPerPage + 1;

/**
 * Answers requests for files. Format, place and snapshot are in their URLs. Throws {@link NoSuchPage} for a URL that can't exist, and the error
 * that ended the export.
 */
export function createFiles(deps: Deps) {
  const { prices } = deps;
  return {
    /** All playlists in one file. */
    async all(req: Request, res: Response, listener: SignedInListener): Promise<void> {
      const format = formatIn(req);
      const place: Place = {
        page: pageNumber(req.query.page, lastPageOfPlaylists),
        skip: readPosition(req.query.skip, playlistsPerPage - 1),
        from: readPosition(req.query.from),
        ...beforeIn(req),
        ...snapshotIn(req),
      };
      await answerWithFile(deps, { req, res, listener }, 'all', async (run, cleanup) => {
        const readPage = (page: number) => readPlaylistPage(listener.spotify.freshPlaylists, page, run);
        const first = await readPage(place.page);
        checkPlace(place, first, run.isPart);
        const { rows, price } = sizeOfAll(first, (one) => listener.spotify.cachedPagesToExport(one));
        run.announce(null, rows);
        cleanup.defer(await reserve(req, run, price));
        const open = (playlist: Playlist, at: Place) =>
          openSource({
            playlist,
            from: at.from,
            previousSnapshot: at.snapshot ?? null,
            load: playlist.id === null ? null : entriesLoader(listener, playlist.id, playlist.snapshotId),
            currentSnapshot: snapshotLoader(listener, String(playlist.id)),
            resume: (from) => partUrl(req, withSnapshot({ ...at, from }, playlist)),
            run,
          });
        const resume = (at: Place) => partUrl(req, at);
        const summary: Summary = {
          playlists: 0,
          announced: first.total ?? 0,
          ...{ sentAsNull: 0, notSent: 0, unreadable: 0, incomplete: 0, missing: 0 },
          complete: false,
          stopped: null,
        };
        const sources = openAllPlaylists({
          place,
          first,
          summary,
          run,
          readPage,
          open,
          isOwnOrShared: (playlist) => isOwnOrShared(listener, playlist),
          resume,
        });
        return {
          name: () => nameOfAll(place, summary),
          type: format.type,
          text: format.all(sources, summary),
          collectMs: run.collectMs(rows),
          outcome: () => outcomeOfAll(summary),
        };
      });
    },

    /** One playlist. */
    async one(req: Request, res: Response, listener: SignedInListener): Promise<void> {
      const id = String(req.params.id);
      const format = formatIn(req);
      const from = readPosition(req.query.from);
      await answerWithFile(deps, { req, res, listener }, id, async (run, cleanup) => {
        const playlist = await run.read(() => listener.spotify.freshPlaylist(id));
        const { count } = playlist;
        const cachedPages = listener.spotify.cachedPagesToExport(playlist, from);
        const entries = count === null ? null : callsForFile(Math.max(0, count - from), cachedPages);
        cleanup.defer(await reserve(req, run, entries === null ? null : { lists: 0, entries }));
        const previousSnapshot = snapshotIn(req).snapshot ?? null;
        const resume = (next: number) => partUrl(req, withSnapshot({ from: next }, playlist));
        const source = await openSource({
          playlist,
          from,
          previousSnapshot,
          load: playlist.readable ? entriesLoader(listener, id, playlist.snapshotId) : null,
          currentSnapshot: snapshotLoader(listener, id),
          resume,
          run,
        });
        const rows = source.manifest.announced - from;
        run.announce(playlist.name, rows);
        return {
          name: (isFullyRead) => nameOf(source.manifest, isFullyRead),
          type: format.type,
          text: format.one(source),
          collectMs: run.collectMs(rows),
          outcome: () => outcomeOf(source.manifest, isOwnOrShared(listener, playlist), resume(0)),
        };
      });
    },
  };

  /** Throws a Problem if the export costs more than is left of the day's calls, unless the listener has asked for it anyway. */
  async function reserve(
    req: Request,
    { isPart }: { isPart: boolean },
    price: Price | null,
  ): Promise<() => Promise<void>> {
    if (price === null) return async () => undefined;
    const isConfirmed = req.query.anyway === 'yes';
    return prices.reserve(isPart ? atMostOnePart(price) : price, {
      isPart,
      isConfirmed,
      anyway: anywayOf(req),
      page: typeof req.params.id === 'string' ? routes.exportOne(req.params.id) : routes.exportAll(),
    });
  }
}

/** The URL that exports the file regardless of its cost. */
function anywayOf(req: Request): string {
  const { pathname, searchParams } = new URL(req.originalUrl, 'http://localhost');
  searchParams.set('anyway', 'yes');
  return `${pathname}?${searchParams}`;
}

function atMostOnePart({ lists, entries }: Price): Price {
  return { lists, entries: Math.min(entries, rowsAtOnce / entriesPerPage + 2) };
}

function snapshotLoader({ spotify }: SignedInListener, id: string) {
  return async () => (await spotify.freshPlaylist(id)).snapshotId;
}

function entriesLoader({ spotify }: SignedInListener, id: string, snapshotId: string | null) {
  return (from: number) => spotify.playlistEntriesToExport(id, { snapshotId, from });
}

/** Returns the URL of the next part of the same file. */
function partUrl(req: Request, place: Record<string, string | number>): string {
  const query = Object.entries(place).map(([name, value]): [string, string] => [name, String(value)]);
  return `${req.path}?${new URLSearchParams([...query, ['part', 'yes']])}`;
}

/** Adds the snapshot of the playlist, so that the next part can tell whether it has changed. */
function withSnapshot<P extends object>(place: P, { snapshotId }: Pick<Playlist, 'snapshotId'>) {
  return { ...place, ...(snapshotId && { snapshot: snapshotId }) };
}

/** Parses the format in a URL. Throws {@link NoSuchPage} for an unknown one. */
export function formatIn(req: Request): Format {
  const format = formats.get(String(req.params.format));
  if (!format) throw new NoSuchPage('No such format');
  return format;
}

/** Returns the snapshot that the previous part was made from, if the address names one. */
function snapshotIn(req: Request): { snapshot?: string } {
  const { snapshot } = req.query;
  return typeof snapshot === 'string' ? { snapshot } : {};
}

/** Returns the hash of the playlists in the previous parts, if the address has one. */
function beforeIn({ query: { before } }: Request): { before?: string } {
  return typeof before === 'string' && /^[\w-]{1,22}$/.test(before) ? { before } : {};
}

/** Parses a position, from 0, in a URL; 0 if there is none. Throws {@link NoSuchPage} for one that no list can have. */
function readPosition(value: unknown, max = maxOffset): number {
  if (value === undefined) return 0;
  const position = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : null;
  // safeguard: 404-for-impossible-positions
  if (position === null || position > max) throw new NoSuchPage('No such place');
  return position;
}

/** Throws {@link NoSuchPage} if the place is past the end of the listener's playlists. `first` is the page that it is on. */
function checkPlace(place: Place, { items, total }: PlaylistPage, part: boolean): void {
  const { page, skip, from, snapshot } = place;
  // safeguard: 404-beyond-last-page
  const isBeyond = page > lastPage(total ?? 0, playlistsPerPage) || (skip > 0 && skip >= items.length);
  if (isBeyond) throw new NoSuchPage('No such playlist');
  const count = items[skip]?.count ?? null;
  if (items[skip] === undefined) checkFrom(from, 0, null);
  // A part is checked when its first rows have been read, because their total is more reliable than the list's.
  else if (count !== null && !part) checkFrom(from, count, snapshot ?? null);
}

/**
 * Whether the contents should be readable to the listener in every API version. Spotify always names the owner of the listener's own
 * playlists.
 */
function isOwnOrShared(listener: SignedInListener, { ownerId, collaborative }: Playlist): boolean {
  return ownerId === listener.id || collaborative;
}
