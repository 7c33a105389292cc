import type { Request, Response } from 'express';
import type { ApiVersions } from '../../access/api-version.ts';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import type { Page, Playlist } from '../../spotify/types.ts';
import { furthestOffset, playlistsPerPage, scopes, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import { pageNumber } from '../../web/paging.ts';
import { nameOf, nameOfAll, type Place, sizeOfAll } from './about.ts';
import { answerWithFile } from './answer.ts';
import { everything } from './everything.ts';
import { csv, type Format, json, type Summary } from './formats.ts';
import type { OpenRun } from './run.ts';
import { openSource } from './source.ts';

type Deps = Parameters<typeof answerWithFile>[0] & {
  webApi: WebApi;
  apiVersions: ApiVersions;
  market: string;
};

const formats = new Map<string, Format>([
  ['csv', csv],
  ['json', json],
]);
const lastPageOfPlaylists = furthestOffset / playlistsPerPage + 1;

/** Answers requests for files, with the format, place and version in their addresses. */
export function createFiles(deps: Deps) {
  const { webApi, apiVersions, market } = deps;

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
      await answerWithFile(deps, req, res, 'all', async (run) => {
        const first = await shelf(req, run, place.page);
        const { rows } = sizeOfAll(first);
        run.announced(null, rows);
        const readPage = (page: number) => shelf(req, run, page);
        const open = (playlist: Playlist, at: Place) =>
          openSource({
            playlist,
            from: at.from,
            known: at.snapshot ?? null,
            load: playlist.id === null ? null : loadFrom(req, playlist.id),
            resume: (from) => addressOf(req, withSnapshot({ ...at, from }, playlist)),
            run,
          });
        const resume = (at: Place) => addressOf(req, at);
        const summary: Summary = {
          playlists: 0,
          announced: first.total ?? 0,
          missing: 0,
          complete: false,
          stopped: null,
        };
        return {
          name: () => nameOfAll(place, summary),
          type: format.type,
          text: format.all(everything({ place, first, summary, run, readPage, open, resume }), summary),
          collectMs: run.collectMs(rows),
        };
      });
    },

    /** One playlist. */
    async one(req: Request, res: Response): Promise<void> {
      const id = String(req.params.id);
      const format = formatIn(req);
      const from = placeIn(req.query.from);
      await answerWithFile(deps, req, res, id, async (run) => {
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

  function shelf(req: Request, run: OpenRun, page: number): Promise<Page<Playlist>> {
    return run.read(async () => {
      const lists = await req.listener.ask((token) => webApi.playlists(token, page), scopes.playlists);
      if (lists.total === null)
        throw new SpotifyUnavailable('There are more playlists than Spotify announced');
      return lists;
    });
  }

  function loadFrom(req: Request, id: string) {
    return (from: number) =>
      req.listener.ask((token) =>
        apiVersions.speak((apiVersion) =>
          // Without a market, where relinking would go unsaid: see createRelinking.
          // safeguard: files-originals-for-new-apps
          webApi.playlistEntries(
            token,
            id,
            { from, market: apiVersion === 'legacy' ? market : null },
            apiVersion,
          ),
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
