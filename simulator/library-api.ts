import { ApiError, missingField, notFound } from './api-error.ts';
import {
  type ApiRequest,
  type ApiResponse,
  type Endpoints,
  emptyBody,
  type ListenerRequest,
  noContent,
  requireScopes,
} from './endpoints.ts';
import { byUri } from './everything.ts';
import type { Library } from './library.ts';
import { addLibraryLists } from './library-lists-api.ts';
import { bodyField, choiceParam, listParam, paginate, usualLimits } from './params.ts';
import type { PlaylistStore } from './playlist-store.ts';
import { timeRanges, topItems } from './top-items.ts';
import type { Settings } from './types.ts';

type Deps = { settings: Settings; endpoints: Endpoints; library: Library; playlistStore: PlaylistStore };
type Change = (listenerId: string, uri: string) => void;

/** Top items, the lists of the library, and saving and removing by URI (2026-02) or by id (legacy). */
export function addLibrary({ settings, endpoints, library, playlistStore }: Deps) {
  const { listenerEndpoint } = endpoints;

  addTopItems(endpoints);
  addLibraryLists({ endpoints, library });
  addLegacyChanges({ endpoints, library });
  addLegacyFollowing({ endpoints, library, playlistStore });

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
      // The reference lists artists for "Check User's Saved Items" only; whether Spotify accepts them here is unknown.
      if (types.includes('artist') && !settings.followsArtistsInLibrary)
        throw new ApiError(400, 'Unsupported uri type: artist');
      if (types.includes('user') || types.includes('artist')) requireScopes(request, ['user-follow-modify']);
      if (types.includes('playlist')) requireScopes(request, ['playlist-modify-public']);
      if (!uris.every((uri) => playlistAt(uri) || exists(uri))) throw notFound();
      // The first one named ends up first in the list.
      for (const uri of uris.toReversed()) change(request.listener.id, uri);
      return emptyBody;
    };
  listenerEndpoint('put', '/me/library', { ...modify, onlyIn: '2026-02' }, changeByUri(save));
  listenerEndpoint('delete', '/me/library', { ...modify, onlyIn: '2026-02' }, changeByUri(remove));

  // Spotify: "Check User's Saved Items".
  listenerEndpoint('get', '/me/library/contains', { ...read, onlyIn: '2026-02' }, (request) => {
    const uris = readUris(request);
    const types = uris.map(typeOf);
    if (types.includes('user') || types.includes('artist')) requireScopes(request, ['user-follow-read']);
    if (types.includes('playlist')) requireScopes(request, ['playlist-read-private']);
    return uris.map((uri) => has(request.listener.id, uri));
  });
}

const modify = { family: 'library-write', scope: 'user-library-modify' } as const;
const read = { family: 'lists', scope: 'user-library-read' } as const;

/** Spotify: "Save Tracks for Current User", "Save Albums for Current User" and the related endpoints, all deprecated. */
function addLegacyChanges({ endpoints, library }: Pick<Deps, 'endpoints' | 'library'>) {
  const { listenerEndpoint } = endpoints;
  for (const kind of ['track', 'episode', 'album', 'show'] as const) {
    const changeById =
      (change: Change) =>
      (request: ListenerRequest): ApiResponse => {
        for (const id of readIds(request).toReversed()) change(request.listener.id, `spotify:${kind}:${id}`);
        return emptyBody;
      };
    listenerEndpoint('put', `/me/${kind}s`, { ...modify, onlyIn: 'legacy' }, changeById(library.save));
    listenerEndpoint('delete', `/me/${kind}s`, { ...modify, onlyIn: 'legacy' }, changeById(library.remove));
    listenerEndpoint('get', `/me/${kind}s/contains`, { ...read, onlyIn: 'legacy' }, (request) =>
      readIds(request).map((id) => library.has(request.listener.id, `spotify:${kind}:${id}`)),
    );
  }
}

/** Spotify: "Follow Artists or Users", "Follow Playlist" and their counterparts, all deprecated. */
function addLegacyFollowing({ endpoints, library, playlistStore }: Omit<Deps, 'settings'>) {
  const { listenerEndpoint } = endpoints;
  const family = 'library-write';
  for (const [method, change] of [
    ['put', library.save],
    ['delete', library.remove],
  ] as const) {
    const options = { family, scope: 'user-follow-modify', onlyIn: 'legacy' } as const;
    listenerEndpoint(method, '/me/following', options, (request) => {
      const type = choiceParam(request.query, 'type', ['artist', 'user']);
      for (const id of readIds(request)) {
        if (type === 'artist' && !byUri.has(`spotify:artist:${id}`)) throw notFound();
        change(request.listener.id, `spotify:${type}:${id}`);
      }
      return noContent;
    });
  }

  for (const [method, change] of [
    ['put', playlistStore.follow],
    ['delete', playlistStore.unfollow],
  ] as const) {
    listenerEndpoint(method, '/playlists/:id/followers', { family, onlyIn: 'legacy' }, (request) => {
      const playlist = playlistStore.byId(request.params.id ?? '');
      if (!playlist) throw notFound();
      requireScopes(request, [playlist.isPublic ? 'playlist-modify-public' : 'playlist-modify-private']);
      change(playlist, request.listener.id);
      return emptyBody;
    });
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

/** Every user can be followed. There are no audiobooks. */
function exists(uri: string): boolean {
  return byUri.has(uri) || uri.startsWith('spotify:user:');
}

/** From the query or else the body. */
function readIds({ query, body }: ApiRequest): string[] {
  const ids = listParam(query, 'ids') ?? bodyField(body(), 'ids', 'strings');
  if (!ids) throw missingField('ids');
  if (ids.length > maxIds) throw new ApiError(400, 'Too many ids requested');
  if (!ids.every((id) => /^[A-Za-z0-9]{22}$/.test(id))) throw new ApiError(400, 'Invalid id');
  return ids;
}
