import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import type { Playlist } from '../../spotify/answers.ts';
import { NotFound, Refused } from '../../spotify/errors.ts';
import { furthestOffset, playlistsPerPage, scopes, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { csv, type Format, json, type Summary } from './formats.ts';
import { type Load, openSource, type Source, stopFor } from './source.ts';

type Needs = { webApi: WebApi; dialects: Dialects; signedIn: SignedIn };

const formats: Readonly<Record<string, Format>> = { csv, json };

/** Playlists as files, written while they are being asked for: a long one takes no more memory than a short one. */
export function exportPages({ webApi, dialects, signedIn }: Needs): Router {
  const router = Router();

  // One call to Spotify for each 50 playlists, and one for each 50 items in them.
  router.get('/playlists/export.:format', signedIn.middleware, async (req, res) => {
    const place = { page: numberIn(req.query.page, 1), skip: numberIn(req.query.skip, 0), from: fromIn(req) };
    const first = await shelf(req, place.page);
    const summary: Summary = { playlists: 0, announced: first.total, complete: false, stopped: null };
    const sources = everything(req, place, first.items, summary);
    await send(req, res, 'playlists', (format) => format.all(sources, summary));
  });

  // One call to Spotify for the playlist itself, and one for each 50 items.
  router.get('/playlists/:id/export.:format', signedIn.middleware, async (req, res) => {
    const id = String(req.params.id);
    if (!/^[A-Za-z\d]{1,64}$/.test(id)) throw new NoSuchPage('Not the id of a playlist');
    const playlist = await req.listener.ask((token) => webApi.playlist(token, id), scopes.playlists);
    const { snapshotId } = playlist;
    // What fails before the first row is written is still a page that says so.
    const source = await openSource({
      playlist,
      from: fromIn(req),
      known: typeof req.query.snapshot === 'string' ? req.query.snapshot : null,
      load: playlist.readable ? loadFrom(req, id) : async () => null,
      resume: (from) => addressOf(req, { from, ...(snapshotId && { snapshot: snapshotId }) }),
    });
    await send(req, res, playlist.name || 'playlist', (format) => format.one(source));
  });

  return router;

  /** The playlists from this place on, one at a time; what ends them early stands in the summary. */
  async function* everything(
    req: Request,
    { page, skip, from }: { page: number; skip: number; from: number },
    first: readonly Playlist[],
    summary: Summary,
  ): AsyncGenerator<Source> {
    const last = Math.ceil(summary.announced / playlistsPerPage);
    let at = { page, skip, from };
    try {
      for (let items = first; ; items = (await shelf(req, at.page)).items) {
        for (const playlist of items.slice(at.skip)) {
          const here = { ...at };
          const source = await openSource({
            playlist,
            from: here.from,
            known: null,
            load: loadFrom(req, playlist.id),
            resume: (place) => addressOf(req, { ...here, from: place }),
          });
          yield source;
          summary.playlists += 1;
          summary.stopped = source.manifest.stopped;
          if (summary.stopped) return;
          at = { ...at, skip: at.skip + 1, from: 0 };
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
        .ask((token) => dialects.speak((dialect) => webApi.playlistEntries(token, id, from, dialect)))
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
  name: string,
  write: (format: Format) => AsyncIterable<string>,
): Promise<void> {
  const format = formats[String(req.params.format)];
  if (!format) throw new NoSuchPage('No such format');
  res
    .set('Cache-Control', 'private, no-store')
    .attachment(`${name.slice(0, 80)}.${req.params.format}`)
    .type(format.type);
  if (req.method === 'HEAD') return void res.end();

  try {
    // Piece by piece, as fast as the reader takes them; when nobody reads any more, Spotify is asked no more.
    await pipeline(Readable.from(write(format), { highWaterMark: 1 }), res);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** The address of the same file from another place on. */
function addressOf(req: Request, place: Record<string, string | number>): string {
  const query = new URLSearchParams(Object.entries(place).map(([name, value]) => [name, String(value)]));
  return `${req.path}?${query}`;
}

function fromIn(req: Request): number {
  return numberIn(req.query.from, 0);
}

function numberIn(asked: unknown, fallback: number): number {
  if (asked === undefined) return fallback;
  const number = typeof asked === 'string' && /^\d{1,6}$/.test(asked) ? Number(asked) : null;
  if (number === null || number < fallback || number > furthestOffset) throw new NoSuchPage('No such place');
  return number;
}
