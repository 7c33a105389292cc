import { snapshotOf } from './api-version.ts';
import { type Episode, episodes, everyTrack, type Track, uriOf } from './catalogue.ts';
import type { Settings } from './control.ts';
import {
  type Asked,
  type AskedByListener,
  done,
  type Endpoints,
  field,
  listIn,
  namesMarket,
  needScopes,
  numberIn,
  pageOf,
  type Reach,
  takesEpisodes,
  usualReach,
} from './endpoints.ts';
import { onlyFields } from './fields.ts';
import type { Bearer } from './grants.ts';
import type { PlaylistWish, Shelves } from './playlist-store.ts';
import type { Playlist } from './playlists.ts';
import { forbidden, missing, missingScope, notFound, Refused } from './refused.ts';

type Deps = { settings: Settings; endpoints: Endpoints; shelves: Shelves };

/** How many things one call puts into a playlist or takes out of it. */
const mostAtOnce = 100;

/** Playlists, to be read and to be changed (Spotify: "Playlists"). */
export function addPlaylists({ settings, endpoints, shelves }: Deps) {
  const { mine, open } = endpoints;

  // Lists that need a scope the token lacks are silently left out.
  mine('get', '/me/playlists', {}, ({ shapes, bearer, listener, url, query }) => {
    const visible = shelves
      .of(listener.id)
      .filter((playlist) => playlist === null || mayList(playlist, bearer.scopes));
    return shapes.paging(url, pageOf(visible, query, usualReach), shapes.playlistOrHole);
  });

  open('/playlists/:id', {}, ({ shapes, bearer, params, query }) => {
    const playlist = readable(params.id, bearer);
    const isTheirs = shelves.isTheirs(playlist, bearer.listenerId);
    return onlyFields(
      shapes.playlist(playlist, isTheirs, shapes.entry(entryWish(query))),
      query.get('fields'),
    );
  });

  const contents = (reach: Reach) => (asked: Asked) => {
    const { shapes, bearer, params, url, query } = asked;
    const playlist = readable(params.id, bearer);
    if (settings.apiVersion === '2026-02' && !shelves.isTheirs(playlist, bearer.listenerId))
      throw forbidden();
    const page = pageOf(playlist.entries, query, reach);
    return onlyFields(shapes.paging(url, page, shapes.entry(entryWish(query))), query.get('fields'));
  };
  open('/playlists/:id/items', { names: '2026-02' }, contents(usualReach));
  open('/playlists/:id/tracks', { names: 'legacy' }, contents({ normal: 100, most: 100, farthest: 100_000 }));

  const create = (asked: AskedByListener) => {
    const wish = wishIn(asked);
    const { name } = wish;
    if (!name) throw missing('name');
    checkTogether({ isPublic: wish.isPublic ?? true, collaborative: wish.collaborative ?? false });
    needScopes(asked, scopesFor({ isPublic: wish.isPublic ?? true }));
    // Spotify: "Create Playlist", `collaborative`.
    if (wish.collaborative) needScopes(asked, ['playlist-modify-public']);
    const playlist = shelves.create(asked.listener, { ...wish, name });
    return asked.shapes.playlist(playlist, true, asked.shapes.entry(entryWish(asked.query)));
  };
  mine('post', '/me/playlists', { names: '2026-02', status: 201 }, create);
  mine('post', '/users/:id/playlists', { names: 'legacy', status: 201 }, (asked) => {
    if (asked.params.id !== asked.listener.id) {
      throw new Refused(403, 'You cannot create a playlist for another user.');
    }
    return create(asked);
  });

  mine('put', '/playlists/:id', {}, (asked) => {
    const playlist = there(asked.params.id, asked.bearer);
    if (playlist.owner.id !== asked.listener.id) throw forbidden();
    const wish = wishIn(asked);
    if (wish.name === '') throw missing('name');
    // GitHub: spotify/web-api#1011.
    if (wish.description === '') throw new Refused(400, 'Attribute description is empty');
    needScopes(asked, scopesFor(playlist));
    if (wish.isPublic !== undefined) needScopes(asked, scopesFor({ isPublic: wish.isPublic }));
    checkTogether({ ...playlist, ...wish });
    shelves.change(playlist, wish);
    return done;
  });

  const insert = (asked: AskedByListener) => {
    const playlist = changeable(asked);
    const body = asked.fields();
    // Where the query names some, those of the body are ignored (Spotify: "Add Items to Playlist").
    const uris = listIn(asked.query, 'uris') ?? field(body, 'uris', 'texts') ?? [];
    if (uris.length === 0) throw new Refused(400, 'No uris provided.');
    checkCount(uris);
    const things = uris.map(playable);
    const { length } = playlist.entries;
    const position =
      numberIn(asked.query, 'position', 0, length) ?? field(body, 'position', 'position') ?? length;
    if (position > length) throw new Refused(400, 'Invalid position');
    shelves.insert(playlist, things, position, asked.listener.id);
    return { snapshot_id: snapshotOf(playlist) };
  };
  mine('post', '/playlists/:id/items', { names: '2026-02', status: 201 }, insert);
  mine('post', '/playlists/:id/tracks', { names: 'legacy', status: 201 }, insert);

  /** `name` is what the field of the body is called. */
  const remove = (name: 'items' | 'tracks') => (asked: AskedByListener) => {
    const playlist = changeable(asked);
    const body = asked.fields();
    const things = body[name];
    if (!Array.isArray(things) || things.length === 0) throw missing(name);
    checkCount(things);
    const uris = things.map((thing: unknown) => uriOf(playable(Object(thing).uri)));
    const snapshot = field(body, 'snapshot_id', 'text');
    // Stricter than the reference, which takes any version there ever was: so nobody relies on an old one.
    if (snapshot !== undefined && snapshot !== snapshotOf(playlist)) {
      throw new Refused(400, 'Invalid snapshot_id');
    }
    shelves.remove(playlist, new Set(uris));
    return { snapshot_id: snapshotOf(playlist) };
  };
  mine('delete', '/playlists/:id/items', { names: '2026-02' }, remove('items'));
  mine('delete', '/playlists/:id/tracks', { names: 'legacy' }, remove('tracks'));

  /** A private list is not there for others. */
  function there(id: string | undefined, { listenerId }: Bearer): Playlist {
    const playlist = shelves.byId(id ?? '');
    if (!playlist) throw notFound();
    const known = shelves.isTheirs(playlist, listenerId) || shelves.isOnShelf(playlist, listenerId);
    if (playlist.isPublic === false && !known) throw notFound();
    return playlist;
  }

  /** And needs a scope of those it belongs to. */
  function readable(id: string | undefined, bearer: Bearer): Playlist {
    const playlist = there(id, bearer);
    if (playlist.isPublic === false && !mayList(playlist, bearer.scopes)) throw missingScope();
    return playlist;
  }

  /** What is in a list is changed by those who make it. */
  function changeable(asked: AskedByListener): Playlist {
    const playlist = there(asked.params.id, asked.bearer);
    if (!shelves.isTheirs(playlist, asked.listener.id)) throw forbidden();
    needScopes(asked, scopesFor(playlist));
    return playlist;
  }
}

function mayList(playlist: Playlist, scopes: readonly string[]): boolean {
  if (playlist.collaborative) return scopes.includes('playlist-read-collaborative');
  return playlist.isPublic !== false || scopes.includes('playlist-read-private');
}

function scopesFor({ isPublic }: Pick<Playlist, 'isPublic'>): string[] {
  return [isPublic === false ? 'playlist-modify-private' : 'playlist-modify-public'];
}

function wishIn({ fields }: Asked): PlaylistWish {
  const body = fields();
  const name = field(body, 'name', 'text');
  const description = field(body, 'description', 'text');
  const isPublic = field(body, 'public', 'flag');
  const collaborative = field(body, 'collaborative', 'flag');
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(isPublic !== undefined && { isPublic }),
    ...(collaborative !== undefined && { collaborative }),
  };
}

/** "You can only set `collaborative` to `true` on non-public playlists" (Spotify: "Change Playlist Details"). */
function checkTogether({ isPublic, collaborative }: Pick<Playlist, 'isPublic' | 'collaborative'>) {
  if (collaborative && isPublic !== false) throw new Refused(400, 'Collaborative playlists cannot be public');
}

function checkCount(things: readonly unknown[]) {
  if (things.length > mostAtOnce) {
    throw new Refused(400, `You can add a maximum of ${mostAtOnce} tracks per request.`);
  }
}

const playableByUri: ReadonlyMap<string, Track | Episode> = new Map(
  [...everyTrack, ...episodes].map((thing) => [uriOf(thing), thing]),
);

/** A track or an episode by its URI. Files cannot be named (GitHub: spotipy-dev/spotipy#274, spotify/web-api#214 and #1168). */
function playable(uri: unknown): Track | Episode {
  if (!/^spotify:(track|episode):[A-Za-z0-9]{22}$/.test(String(uri))) {
    throw new Refused(400, `Invalid track uri: ${uri}`);
  }
  const found = playableByUri.get(String(uri));
  if (!found) throw new Refused(400, 'Payload contains a non-existing ID');
  return found;
}

function entryWish(query: URLSearchParams) {
  return { takesEpisodes: takesEpisodes(query), market: namesMarket(query) };
}
