import type { Request, Response } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import { CoolDown } from '../../access/errors.ts';
import type { Page, Playlist } from '../../spotify/types.ts';
import { furthestOffset, playlistsPerPage, scopes, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import { pageNumber } from '../../web/paging.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { nameOf, nameOfAll, type Place, sizeOfAll } from './about.ts';
import { csv, type Format, json, type Summary } from './formats.ts';
import { type ExportDeps, longestPauseMs, type OpenRun, openRun } from './run.ts';
import { attach, type File, ReaderGone, sendFile } from './send.ts';
import { hasChanged, openSource, type Source } from './source.ts';
import { stopFor } from './stop.ts';

type Deps = ExportDeps & {
  webApi: WebApi;
  dialects: Dialects;
  market: string;
  /** The longest time between two signs of life on a connection, in milliseconds. */
  heartbeatMs: number;
};

const formats = new Map<string, Format>([
  ['csv', csv],
  ['json', json],
]);
const lastPageOfPlaylists = furthestOffset / playlistsPerPage + 1;

/** Answers requests for files, with the format, place and version in their addresses. */
export function createFiles(deps: Deps) {
  const { webApi, dialects, market, heartbeatMs, now } = deps;

  return {
    /** All playlists in one file. */
    async all(req: Request, res: Response): Promise<void> {
      const format = formatIn(req);
      const place: Place = {
        page: pageNumber(req.query.page, lastPageOfPlaylists),
        skip: placeIn(req.query.skip),
        from: placeIn(req.query.from),
        ...snapshotIn(req),
      };
      await exported(req, res, 'all', async (run) => {
        const first = await shelf(req, run, place.page);
        const { rows } = sizeOfAll(first);
        run.announced(null, rows);
        const summary: Summary = {
          playlists: 0,
          announced: first.total ?? 0,
          complete: false,
          stopped: null,
        };
        return {
          name: () => nameOfAll(place, summary),
          type: format.type,
          text: format.all(everything(req, run, place, first, summary), summary),
          collectMs: run.collectMs(rows),
        };
      });
    },

    /** One playlist. */
    async one(req: Request, res: Response): Promise<void> {
      const id = String(req.params.id);
      const format = formatIn(req);
      const from = placeIn(req.query.from);
      await exported(req, res, id, async (run) => {
        const playlist = await run.read(() =>
          req.listener.ask((token) => webApi.playlist(token, id), scopes.playlists),
        );
        const source = await openSource({
          playlist,
          from,
          known: snapshotIn(req).snapshot ?? null,
          load: playlist.readable ? loadFrom(req, id) : null,
          resume: (next) => addressOf(req, withSnapshot({ from: next }, playlist)),
          run,
        });
        const rows = source.manifest.announced - from;
        run.announced(playlist.name, rows);
        return {
          name: (isOver) => nameOf(source.manifest, isOver),
          type: format.type,
          text: format.one(source),
          collectMs: run.collectMs(rows),
        };
      });
    },
  };

  /** Sends the file that `open` makes. What goes wrong before it begins is thrown, for an error page. */
  async function exported(
    req: Request,
    res: Response,
    what: string,
    open: (run: OpenRun) => Promise<Omit<File, 'format'>>,
  ): Promise<void> {
    const run = openRun(deps, req, res, what);
    try {
      const file = await open(run);
      const format = String(req.params.format);
      if (req.method === 'HEAD') attach(res, { ...file, format }, false).end();
      else await sendFile(res, { ...file, format, text: run.measured(file.text) }, heartbeatMs);
      run.ended();
    } catch (error) {
      run.failed(error);
      if (error instanceof ReaderGone) return;
      if (!(error instanceof CoolDown) || res.headersSent || wantsJson(req)) throw error;
      showPause(res, error);
    }
  }

  /** A page that starts the download by itself when a short cooldown is over. Throws a longer one, for an error page. */
  function showPause(res: Response, error: CoolDown): void {
    const waitMs = error.until - now();
    if (waitMs > longestPauseMs) throw error;
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    res.status(503).set({ 'Cache-Control': 'no-store', 'Retry-After': String(seconds) });
    res.vary('Accept').render('export/paused', { until: error.until, reloadSeconds: seconds + 1 });
  }

  /** The playlists from this place on, one at a time; of a part, what ends it early stands in the summary. */
  async function* everything(
    req: Request,
    run: OpenRun,
    place: Place,
    first: Page<Playlist>,
    summary: Summary,
  ): AsyncGenerator<Source> {
    const last = Math.ceil(summary.announced / playlistsPerPage);
    let at = place;
    try {
      for (let { items, total } = first; ; { items, total } = await shelf(req, run, at.page)) {
        if (total !== first.total) throw hasChanged();
        for (const playlist of items.slice(at.skip)) {
          const here = at;
          if (run.isFull()) {
            summary.stopped = { reason: 'part-full', until: null, resume: addressOf(req, at) };
            return;
          }
          const source = await openSource({
            playlist,
            from: here.from,
            known: here.snapshot ?? null,
            load: playlist.id === null ? null : loadFrom(req, playlist.id),
            resume: (from) => addressOf(req, withSnapshot({ ...here, from }, playlist)),
            run,
          });
          yield source;
          summary.playlists += 1;
          summary.stopped = source.manifest.stopped;
          if (summary.stopped) return;
          at = { page: here.page, skip: here.skip + 1, from: 0 };
        }
        at = { page: at.page + 1, skip: 0, from: 0 };
        if (at.page > last) break;
      }
      summary.complete = true;
    } catch (error) {
      if (!run.part) throw error;
      summary.stopped = stopFor(error, addressOf(req, at));
    }
  }

  function shelf(req: Request, run: OpenRun, page: number): Promise<Page<Playlist>> {
    return run.read(() => req.listener.ask((token) => webApi.playlists(token, page), scopes.playlists));
  }

  function loadFrom(req: Request, id: string) {
    return (from: number) =>
      req.listener.ask((token) =>
        dialects.speak((dialect) =>
          // Without a market, where relinking would go unsaid: see createRelinking.
          webApi.playlistEntries(token, id, { from, market: dialect === 'classic' ? market : null }, dialect),
        ),
      );
  }
}

/** The address of the next part of the same file. */
function addressOf(req: Request, place: Record<string, string | number>): string {
  const query = Object.entries(place).map(([name, value]): [string, string] => [name, String(value)]);
  return `${req.path}?${new URLSearchParams([...query, ['part', 'yes']])}`;
}

/** The same place, with the version of the playlist that the part before was made from. */
function withSnapshot<P extends object>(place: P, { snapshotId }: Pick<Playlist, 'snapshotId'>) {
  return { ...place, ...(snapshotId && { snapshot: snapshotId }) };
}

/** The format in an address. Throws {@link NoSuchPage} for one that there is not. */
export function formatIn(req: Request): Format {
  const format = formats.get(String(req.params.format));
  if (!format) throw new NoSuchPage('No such format');
  return format;
}

/** The version that the part before was made from. */
function snapshotIn(req: Request): { snapshot?: string } {
  const { snapshot } = req.query;
  return typeof snapshot === 'string' ? { snapshot } : {};
}

function placeIn(asked: unknown): number {
  if (asked === undefined) return 0;
  const place = typeof asked === 'string' && /^\d{1,6}$/.test(asked) ? Number(asked) : null;
  if (place === null || place > furthestOffset) throw new NoSuchPage('No such place');
  return place;
}
