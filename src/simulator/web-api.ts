import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { CallLog } from './calls.ts';
import { albums, artists, episodes, oddTracks, shows, tracks } from './catalogue.ts';
import type { Settings } from './control.ts';
import { createShapes, type Json, type Page, type Shapes } from './dialect.ts';
import { onlyFields } from './fields.ts';
import type { Bearer, Grants } from './grants.ts';
import { type Listener, listenerById } from './listeners.ts';
import type { Players } from './playback.ts';
import { isOnShelf, isTheirs, type Playlist, playlistById, playlists, shelves } from './playlists.ts';

type Needs = {
  settings: Settings;
  origin: string;
  apiUrl: string;
  now: () => number;
  grants: Grants;
  players: Players;
  calls: CallLog;
};

/** What an endpoint is given to answer with. */
type Asked = {
  shapes: Shapes;
  bearer: Bearer;
  /** The address as it was asked for. */
  url: URL;
  query: URLSearchParams;
  params: Record<string, string>;
};
type AskedByListener = Asked & { listener: Listener };

/** A refusal in the web API's own shape. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Answered with 204 and nothing at all. */
const nothing = Symbol('nothing');

const ownerNeedsPremium =
  'Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again.';
const notInvited = {
  json: 'The user is not registered for this application. Check settings on https://developer.spotify.com/dashboard.',
  text: 'Check settings on developer.spotify.com/dashboard, the user may not be registered.',
};

/** The web API as far as it reads: who, what is playing, playlists, search and single things. */
export function createWebApi({ settings, origin, apiUrl, now, grants, players, calls }: Needs): Router {
  const router = Router({ strict: true, caseSensitive: true });

  /** Who asks; throws what Spotify answers to everybody else. */
  const authenticate = (req: Request, res: Response): Bearer | null => {
    const [, token] = (req.headers.authorization ?? '').match(/^Bearer ([\w.~+/=-]+)$/i) ?? [];
    if (!token) throw new Refused(400, 'Only valid bearer authentication supported');
    const bearer = grants.bearer(token);
    if (bearer === 'invalid') throw new Refused(401, 'Invalid access token');
    if (bearer === 'expired') throw new Refused(401, 'The access token expired');
    if (bearer.listenerId) calls.note(req, { listenerId: bearer.listenerId });
    if (!settings.ownerHasPremium) throw new Refused(403, ownerNeedsPremium);
    if (bearer.listenerId && settings.notInvited.has(bearer.listenerId)) {
      if (settings.notInvitedAs === 'json') throw new Refused(403, notInvited.json);
      res.status(403).type('text/plain').send(notInvited.text);
      return null;
    }
    return bearer;
  };

  const answered =
    (answer: (asked: Asked) => Json | typeof nothing): RequestHandler<Record<string, string>> =>
    (req, res) => {
      const bearer = authenticate(req as Request, res);
      if (!bearer) return;
      const url = new URL(req.originalUrl, origin);
      const shapes = createShapes({ origin, apiUrl, dialect: settings.dialect });
      const body = answer({ shapes, bearer, url, query: url.searchParams, params: req.params });
      res.set('cache-control', 'private, max-age=0');
      if (body === nothing) res.status(204).end();
      else res.json(body);
    };

  const get = (path: string, answer: (asked: Asked) => Json) => router.get(path, answered(answer));

  /** Endpoints that speak of the listener; `scope` is what they need. */
  const getMine = (
    path: string,
    scope: string | null,
    answer: (asked: AskedByListener) => Json | typeof nothing,
  ) =>
    router.get(
      path,
      answered((asked) => {
        const listener = listenerById.get(asked.bearer.listenerId ?? '');
        if (!listener) throw new Refused(403, 'This request requires user authentication.');
        if (scope && !asked.bearer.scopes.includes(scope)) {
          throw path.startsWith('/me/player')
            ? new Refused(401, 'Permissions missing')
            : new Refused(403, 'Insufficient client scope');
        }
        return answer({ ...asked, listener });
      }),
    );

  getMine('/me', null, ({ shapes, bearer, listener }) => shapes.me(listener, bearer.scopes));

  getMine('/me/player', 'user-read-playback-state', ({ shapes, listener, query }) => {
    const moment = players.at(listener.id);
    return moment.kind === 'nothing' ? nothing : shapes.player(moment, listener.id, takesEpisodes(query));
  });

  getMine('/me/player/currently-playing', 'user-read-currently-playing', ({ shapes, listener, query }) => {
    const moment = players.at(listener.id);
    if (moment.kind === 'nothing' || moment.isPrivate) return nothing;
    return shapes.currentlyPlaying(moment, takesEpisodes(query), now());
  });

  getMine('/me/player/devices', 'user-read-playback-state', ({ shapes, listener }) => ({
    devices: shapes.devices(players.at(listener.id), listener.id),
  }));

  // Lists that need a scope the token lacks are silently left out.
  getMine('/me/playlists', null, ({ shapes, bearer, listener, url, query }) => {
    const visible = (shelves.get(listener.id) ?? []).filter(
      (playlist) => playlist === null || mayList(playlist, bearer.scopes),
    );
    const page = pageOf(visible, query, { normal: 20, most: 50, farthest: 100_000 });
    return shapes.paging(url, page, shapes.playlistOrHole);
  });

  get('/playlists/:id', ({ shapes, bearer, params, query }) => {
    const playlist = readable(params.id, bearer);
    const whole = shapes.playlist(playlist, bearer.listenerId, shapes.entry(entryWish(query)));
    return onlyFields(whole, query.get('fields'));
  });

  const contents = (limits: Limits) => (asked: Asked) => {
    const { shapes, bearer, params, url, query } = asked;
    const playlist = readable(params.id, bearer);
    if (settings.dialect === 'development' && !isTheirs(playlist, bearer.listenerId)) throw forbidden();
    const page = pageOf(playlist.entries, query, limits);
    return onlyFields(shapes.paging(url, page, shapes.entry(entryWish(query))), query.get('fields'));
  };
  const inModern = contents({ normal: 20, most: 50, farthest: 100_000 });
  const inClassic = contents({ normal: 100, most: 100, farthest: 100_000 });
  get('/playlists/:id/items', (asked) => {
    if (settings.dialect === 'old') throw notFound();
    return inModern(asked);
  });
  get('/playlists/:id/tracks', (asked) => {
    if (settings.dialect === 'development') throw forbidden();
    return inClassic(asked);
  });

  get('/search', ({ shapes, url, query }) => {
    const words = (query.get('q') ?? '').trim().toLowerCase();
    if (!words) throw new Refused(400, 'No search query');
    const types = (query.get('type') ?? '').split(',');
    if (types[0] === '') throw new Refused(400, 'Missing parameter type');
    const limits =
      settings.dialect === 'development'
        ? { normal: 5, most: 10, farthest: 1000 }
        : { normal: 20, most: 50, farthest: 1000 };
    const matches = (...names: string[]) => names.join(' ').toLowerCase().includes(words);
    const answer: { [name: string]: Json } = {};
    const found = <T>(type: string, all: readonly T[], shape: (item: T) => Json) => {
      const ofType = new URL(url);
      ofType.searchParams.set('type', type);
      answer[`${type}s`] = shapes.paging(ofType, pageOf(all, query, limits), shape);
    };
    const by = ({ name, artists }: { name: string; artists: readonly { name: string }[] }) =>
      matches(name, ...artists.map((artist) => artist.name));

    for (const type of types) {
      switch (type) {
        case 'artist':
          found(
            type,
            artists.filter(({ name }) => matches(name)),
            shapes.artist,
          );
          break;
        case 'album':
          found(type, albums.filter(by), shapes.albumInBrief);
          break;
        case 'track':
          found(type, tracks.filter(by), shapes.track);
          break;
        case 'playlist': {
          const hits = playlists.filter(({ isPublic, name }) => isPublic && matches(name));
          // Spotify's own lists are found too, come as null and are counted.
          found(type, [...hits.slice(0, 1), null, ...hits.slice(1)], shapes.playlistOrHole);
          break;
        }
        default:
          throw new Refused(400, `Bad search type field ${type}`);
      }
    }
    return answer;
  });

  get('/tracks/:id', ({ shapes, params }) => shapes.track(byId([...tracks, ...oddTracks], params.id)));
  get('/artists/:id', ({ shapes, params }) => shapes.artist(byId(artists, params.id)));
  get('/albums/:id', ({ shapes, params }) => shapes.album(byId(albums, params.id)));
  get('/shows/:id', ({ shapes, params }) => shapes.wholeShow(byId(shows, params.id)));
  get('/episodes/:id', ({ shapes, params }) => shapes.episode(byId(episodes, params.id)));

  // Everything else: gone in development mode, never there otherwise.
  router.use((req, res) => {
    if (!authenticate(req, res)) return;
    throw settings.dialect === 'development' ? forbidden() : notFound();
  });

  router.use((error: unknown, _req: Request, res: Response, next: (error?: unknown) => void) => {
    if (!(error instanceof Refused)) return next(error);
    const { status, message } = error;
    res.status(status).json({ error: { status, message } });
  });

  return router;
}

const forbidden = () => new Refused(403, 'Forbidden');
const notFound = () => new Refused(404, 'Resource not found');

function byId<T extends { id: string }>(all: readonly T[], id: string | undefined): T {
  const found = all.find((thing) => thing.id === id);
  if (!found) throw notFound();
  return found;
}

/** A private list is not there for others, and needs a scope of those it belongs to. */
function readable(id: string | undefined, bearer: Bearer): Playlist {
  const playlist = playlistById.get(id ?? '');
  if (!playlist) throw notFound();
  if (playlist.isPublic !== false) return playlist;
  if (!isTheirs(playlist, bearer.listenerId) && !isOnShelf(playlist, bearer.listenerId)) throw notFound();
  if (!mayList(playlist, bearer.scopes)) throw new Refused(403, 'Insufficient client scope');
  return playlist;
}

function mayList(playlist: Playlist, scopes: readonly string[]): boolean {
  if (playlist.collaborative) return scopes.includes('playlist-read-collaborative');
  return playlist.isPublic !== false || scopes.includes('playlist-read-private');
}

type Limits = { normal: number; most: number; farthest: number };

/** The stretch asked for; odd numbers are refused, not put right. */
function pageOf<T>(all: readonly T[], query: URLSearchParams, limits: Limits): Page<T> {
  const limit = numberIn(query, 'limit', limits.normal, 1, limits.most);
  const offset = numberIn(query, 'offset', 0, 0, limits.farthest);
  return { items: all.slice(offset, offset + limit), total: all.length, limit, offset };
}

function numberIn(
  query: URLSearchParams,
  name: string,
  otherwise: number,
  least: number,
  most: number,
): number {
  const given = query.get(name);
  if (given === null) return otherwise;
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (!(number >= least && number <= most)) throw new Refused(400, `Invalid ${name}`);
  return number;
}

function takesEpisodes(query: URLSearchParams): boolean {
  return (query.get('additional_types') ?? '').split(',').includes('episode');
}

function entryWish(query: URLSearchParams) {
  return { takesEpisodes: takesEpisodes(query), market: query.has('market') };
}
