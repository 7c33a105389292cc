import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import type { Playlist } from '../../spotify/answers.ts';
import { NotFound, Refused } from '../../spotify/errors.ts';
import { furthestOffset, playlistsPerPage, scopes, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import { spotifyId } from '../../web/named.ts';
import { pageNumber } from '../../web/paging.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { csv, type Format, json, type Summary } from './formats.ts';
import { type Load, openSource, type Source, stopFor } from './source.ts';

type Needs = { webApi: WebApi; dialects: Dialects; signedIn: SignedIn; market: string };

/** Where a file of all playlists begins: with which page of them, past how many there, and how far into the first. */
type Place = { page: number; skip: number; from: number; snapshot?: string };

const formats = new Map<string, Format>([
  ['csv', csv],
  ['json', json],
]);
const lastPageOfPlaylists = furthestOffset / playlistsPerPage + 1;

/** Playlists as files, written while they are being asked for: a long one takes no more memory than a short one. */
export function exportPages({ webApi, dialects, signedIn, market }: Needs): Router {
  const router = Router();
  router.param('id', spotifyId);

  // One call to Spotify for each 50 playlists, and one for each 50 items in them.
  router.get('/playlists/export.:format', signedIn.middleware, async (req, res) => {
    const format = formatIn(req);
    const place: Place = {
      page: pageNumber(req.query.page, lastPageOfPlaylists),
      skip: placeIn(req.query.skip),
      from: placeIn(req.query.from),
      ...snapshotIn(req),
    };
    const first = await shelf(req, place.page);
    const summary: Summary = { playlists: 0, announced: first.total ?? 0, complete: false, stopped: null };
    const sources = everything(req, place, first.items, summary);
    await send(req, res, { name: 'playlists', type: format.type, text: format.all(sources, summary) });
  });

  // One call to Spotify for the playlist itself, and one for each 50 items.
  router.get('/playlists/:id/export.:format', signedIn.middleware, async (req, res) => {
    const format = formatIn(req);
    const id = String(req.params.id);
    const playlist = await req.listener.ask((token) => webApi.playlist(token, id), scopes.playlists);
    const { snapshotId } = playlist;
    // What fails before the first row is written is still a page that says so.
    const source = await openSource({
      playlist,
      from: placeIn(req.query.from),
      known: snapshotIn(req).snapshot ?? null,
      load: playlist.readable ? loadFrom(req, id) : async () => null,
      resume: (from) => addressOf(req, { from, ...(snapshotId && { snapshot: snapshotId }) }),
    });
    await send(req, res, {
      name: playlist.name || 'playlist',
      type: format.type,
      text: format.one(source),
    });
  });

  return router;

  /** The playlists from this place on, one at a time; what ends them early stands in the summary. */
  async function* everything(
    req: Request,
    place: Place,
    first: readonly Playlist[],
    summary: Summary,
  ): AsyncGenerator<Source> {
    const last = Math.ceil(summary.announced / playlistsPerPage);
    let at = place;
    try {
      for (let items = first; ; items = (await shelf(req, at.page)).items) {
        for (const playlist of items.slice(at.skip)) {
          const { page, skip, from, snapshot } = at;
          const { snapshotId } = playlist;
          const source = await openSource({
            playlist,
            from,
            known: snapshot ?? null,
            load: playlist.id === null ? async () => null : loadFrom(req, playlist.id),
            resume: (next) =>
              addressOf(req, { page, skip, from: next, ...(snapshotId && { snapshot: snapshotId }) }),
          });
          yield source;
          summary.playlists += 1;
          summary.stopped = source.manifest.stopped;
          if (summary.stopped) return;
          at = { page, skip: skip + 1, from: 0 };
        }
        at = { page: at.page + 1, skip: 0, from: 0 };
        if (at.page > last) break;
      }
      summary.complete = true;
    } catch (error) {
      summary.stopped = stopFor(error, addressOf(req, at));
    }
  }

  function shelf(req: Request, page: number) {
    return req.listener.ask((token) => webApi.playlists(token, page), scopes.playlists);
  }

  function loadFrom(req: Request, id: string): Load {
    return (from) =>
      req.listener
        .ask((token) =>
          dialects.speak((dialect) =>
            webApi.playlistEntries(
              token,
              id,
              { from, market: dialect === 'classic' ? market : null },
              dialect,
            ),
          ),
        )
        .catch((error: unknown) => {
          // Somebody else's playlist, or one of Spotify's own: new apps are told only what stands on its card, or nothing.
          if (error instanceof Refused || error instanceof NotFound) return null;
          throw error;
        });
  }
}

async function send(
  req: Request,
  res: Response,
  { name, type, text }: { name: string; type: string; text: AsyncIterable<string> },
): Promise<void> {
  res
    .set('Cache-Control', 'private, no-store')
    .attachment(`${fileName(name)}.${req.params.format}`)
    .type(type);
  if (req.method === 'HEAD' || res.destroyed) return void res.end();

  try {
    // Piece by piece, as fast as the reader takes them; when nobody reads any more, Spotify is asked no more.
    await pipeline(Readable.from(text, { highWaterMark: 1 }), res);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** The address of the same file from another place on. */
function addressOf(req: Request, place: Record<string, string | number>): string {
  const query = new URLSearchParams(Object.entries(place).map(([name, value]) => [name, String(value)]));
  return `${req.path}?${query}`;
}

/** As much of a name as every system takes for a file, whole characters only. */
function fileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into it
  const plain = name.toWellFormed().replace(/[\s\u0000-\u001f\u007f/\\:*?"<>|]+/g, ' ');
  return [...plain].slice(0, 80).join('').trim() || 'playlist';
}

function formatIn(req: Request): Format {
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
