import { ApiError, missingField, notFound } from './api-error.ts';
import { albums, episodes, everyTrack, liveAlbums, shows } from './catalogue.ts';
import {
  type ApiRequest,
  type ApiResponse,
  type Endpoints,
  emptyBody,
  type ListenerRequest,
  requireScopes,
} from './endpoints.ts';
import type { Library } from './library.ts';
import { bodyField, hasMarket, listParam, paginate, usualLimits } from './params.ts';
import type { PlaylistStore } from './playlist-store.ts';
import { timeRanges, topItems } from './top-items.ts';

type Deps = { endpoints: Endpoints; library: Library; playlistStore: PlaylistStore };
type Change = (listenerId: string, uri: string) => void;

/** Top items, saved tracks, and saving and removing by URI (2026-02) or by id (legacy). */
export function addLibrary({ endpoints, library, playlistStore }: Deps) {
  const { listenerEndpoint } = endpoints;

  addTopItems(endpoints);

  listenerEndpoint('get', '/me/tracks', { family: 'lists', scope: 'user-library-read' }, (request) => {
    const { toJson, listener, url, query } = request;
    const page = paginate(library.tracks(listener.id), query, usualLimits);
    return toJson.paging(url, page, toJson.savedTrack(hasMarket(query)));
  });

  const playlistAt = (uri: string) => playlistStore.byId(/^spotify:playlist:(\w+)$/.exec(uri)?.[1] ?? '');

  const has = (listenerId: string, uri: string): boolean => {
    const playlist = playlistAt(uri);
    return playlist ? playlistStore.isInLibrary(playlist, listenerId) : library.has(listenerId, uri);
  };
  const save: Change = (listenerId, uri) => {
    const playlist = playlistAt(uri);
    if (playlist) playlistStore.follow(playlist, listenerId);
    else library.save(listenerId, uri);
  };
  const remove: Change = (listenerId, uri) => {
    const playlist = playlistAt(uri);
    if (playlist) playlistStore.unfollow(playlist, listenerId);
    else library.remove(listenerId, uri);
  };

  // Spotify: "Save Items to Library", "Remove Items from Library".
  const changeByUri =
    (change: Change) =>
    (request: ListenerRequest): ApiResponse => {
      const uris = readUris(request);
      const types = uris.map(typeOf);
      if (types.includes('artist')) throw new ApiError(400, 'Unsupported uri type: artist');
      if (types.includes('user')) requireScopes(request, ['user-follow-modify']);
      if (types.includes('playlist')) requireScopes(request, ['playlist-modify-public']);
      if (!uris.every((uri) => playlistAt(uri) || exists(uri))) throw notFound();
      // The first one named ends up first in the list.
      for (const uri of uris.toReversed()) change(request.listener.id, uri);
      return emptyBody;
    };
  const modify = { family: 'library-write', scope: 'user-library-modify', onlyIn: '2026-02' } as const;
  listenerEndpoint('put', '/me/library', modify, changeByUri(save));
  listenerEndpoint('delete', '/me/library', modify, changeByUri(remove));

  // Spotify: "Check User's Saved Items".
  const read = { family: 'lists', scope: 'user-library-read', onlyIn: '2026-02' } as const;
  listenerEndpoint('get', '/me/library/contains', read, (request) => {
    const uris = readUris(request);
    const types = uris.map(typeOf);
    if (types.includes('user') || types.includes('artist')) requireScopes(request, ['user-follow-read']);
    if (types.includes('playlist')) requireScopes(request, ['playlist-read-private']);
    return uris.map((uri) => has(request.listener.id, uri));
  });

  // Spotify: "Save Tracks for Current User", "Save Episodes for Current User" and the related endpoints, all deprecated.
  for (const kind of ['track', 'episode'] as const) {
    const changeById =
      (change: Change) =>
      (request: ListenerRequest): ApiResponse => {
        for (const id of readIds(request).toReversed()) change(request.listener.id, `spotify:${kind}:${id}`);
        return emptyBody;
      };
    const legacyModify = { ...modify, onlyIn: 'legacy' } as const;
    listenerEndpoint('put', `/me/${kind}s`, legacyModify, changeById(save));
    listenerEndpoint('delete', `/me/${kind}s`, legacyModify, changeById(remove));
    const legacyRead = { ...read, onlyIn: 'legacy' } as const;
    listenerEndpoint('get', `/me/${kind}s/contains`, legacyRead, (request) =>
      readIds(request).map((id) => has(request.listener.id, `spotify:${kind}:${id}`)),
    );
  }
}

function addTopItems({ listenerEndpoint }: Endpoints) {
  for (const kind of ['artists', 'tracks'] as const) {
    listenerEndpoint('get', `/me/top/${kind}`, { family: 'lists', scope: 'user-top-read' }, (request) => {
      const { toJson, listener, url, query } = request;
      const name = query.get('time_range') ?? 'medium_term';
      const range = timeRanges.find((one) => one === name);
      if (!range) throw new ApiError(400, 'Invalid time_range');
      const top = topItems(listener.id, range);
      return kind === 'artists'
        ? toJson.paging(url, paginate(top.artists, query, usualLimits), toJson.artist)
        : toJson.paging(url, paginate(top.tracks, query, usualLimits), toJson.track);
    });
  }
}

const maxUris = 40;
const maxIds = 50;

const uriTypes = ['track', 'album', 'episode', 'show', 'audiobook', 'user', 'playlist', 'artist'] as const;
type UriType = (typeof uriTypes)[number];

/** Only from the query: Spotify doesn't read a body here (GitHub: jpochyla/psst#740). */
function readUris({ query }: ApiRequest): string[] {
  const uris = listParam(query, 'uris');
  if (!uris) throw missingField('uris');
  if (uris.length > maxUris) throw new ApiError(400, `Too many uris, at most ${maxUris} are allowed`);
  return uris;
}

function typeOf(uri: string): UriType {
  const [, name, id = ''] = /^spotify:(\w+):([^:]+)$/.exec(uri) ?? [];
  const type = uriTypes.find((one) => one === name);
  if (!type || (type !== 'user' && !/^[A-Za-z0-9]{22}$/.test(id)))
    throw new ApiError(400, `Invalid uri: ${uri}`);
  return type;
}

const catalogueUris: ReadonlySet<string> = new Set(
  [...everyTrack, ...albums, ...liveAlbums, ...episodes, ...shows].map(
    ({ kind, id }) => `spotify:${kind}:${id}`,
  ),
);

/** Every user can be followed. There are no audiobooks. */
function exists(uri: string): boolean {
  return catalogueUris.has(uri) || uri.startsWith('spotify:user:');
}

/** From the query or else the body. */
function readIds({ query, body }: ApiRequest): string[] {
  const ids = listParam(query, 'ids') ?? bodyField(body(), 'ids', 'strings');
  if (!ids) throw missingField('ids');
  if (ids.length > maxIds) throw new ApiError(400, 'Too many ids requested');
  if (!ids.every((id) => /^[A-Za-z0-9]{22}$/.test(id))) throw new ApiError(400, 'Invalid id');
  return ids;
}
