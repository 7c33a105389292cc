import { ApiError, forbidden, missingField } from './api-error.ts';
import { type Episode, type Track, uriOf } from './catalog.ts';
import {
  type ApiRequest,
  type ApiResponse,
  type Endpoints,
  emptyBody,
  type ListenerRequest,
  requireScopes,
} from './endpoints.ts';
import { byUri } from './everything.ts';
import { filterFields } from './field-filter.ts';
import {
  bodyField,
  hasMarket,
  includesEpisodes,
  integerParam,
  listParam,
  type PageLimits,
  paginate,
  usualLimits,
} from './params.ts';
import { createPlaylistAccess, hasReadScope, modifyScope, type PlaylistAccess } from './playlist-access.ts';
import { addPlaylistCover } from './playlist-cover-api.ts';
import { snapshotId } from './playlist-json.ts';
import type { PlaylistDetails, PlaylistStore } from './playlist-store.ts';
import type { Playlist } from './playlists.ts';
import type { Settings } from './types.ts';

type Deps = { settings: Settings; endpoints: Endpoints; playlistStore: PlaylistStore };

/** How many items one call can add to a playlist or remove from it. */
const maxItemsPerCall = 100;
const legacyLimits: PageLimits = { defaultLimit: 100, maxLimit: 100, maxOffset: 100_000 };

/** Reading and changing playlists (Spotify: "Playlists"). */
export function addPlaylists({ settings, endpoints, playlistStore }: Deps) {
  const access = createPlaylistAccess(playlistStore);
  addPlaylistReading({ settings, endpoints, playlistStore }, access);
  addPlaylistCreation({ endpoints, playlistStore });
  addPlaylistChanges({ endpoints, playlistStore }, access);
  addPlaylistOrder({ endpoints, playlistStore }, access);
  addPlaylistCover({ endpoints, playlistStore }, access);
}

function addPlaylistReading({ settings, endpoints, playlistStore }: Deps, { readable }: PlaylistAccess) {
  const { listenerEndpoint, appEndpoint } = endpoints;
  const family = 'playlist-read';

  // Playlists that need a scope the token lacks are left out without an error.
  listenerEndpoint('get', '/me/playlists', { family: 'lists' }, (request) => {
    const { toJson, bearer, listener, url, query } = request;
    const visible = playlistStore
      .listFor(listener.id)
      .filter((playlist) => playlist === null || hasReadScope(playlist, bearer.scopes));
    return toJson.paging(url, paginate(visible, query, usualLimits), toJson.playlistOrNull);
  });

  appEndpoint('/playlists/:id', { family }, ({ toJson, bearer, params, query }) => {
    const playlist = readable(params.id, bearer);
    const isOwnOrShared = playlistStore.isOwnOrShared(playlist, bearer.listenerId);
    const json = toJson.playlist(playlist, isOwnOrShared, toJson.entry(itemOptions(query)));
    return filterFields(json, query.get('fields'));
  });

  const items = (limits: PageLimits) => (request: ApiRequest) => {
    const { toJson, bearer, params, url, query } = request;
    const playlist = readable(params.id, bearer);
    if (settings.apiVersion === '2026-02' && !playlistStore.isOwnOrShared(playlist, bearer.listenerId))
      throw forbidden();
    const page = paginate(playlist.entries, query, limits);
    return filterFields(toJson.paging(url, page, toJson.entry(itemOptions(query))), query.get('fields'));
  };
  appEndpoint('/playlists/:id/items', { family, onlyIn: '2026-02' }, items(usualLimits));
  appEndpoint('/playlists/:id/tracks', { family, onlyIn: 'legacy' }, items(legacyLimits));
}

function addPlaylistCreation({ endpoints, playlistStore }: Pick<Deps, 'endpoints' | 'playlistStore'>) {
  const { listenerEndpoint } = endpoints;
  const family = 'playlist-write';

  const create = (request: ListenerRequest) => {
    const details = readDetails(request);
    const { name, isPublic = true, collaborative = false } = details;
    if (!name) throw missingField('name');
    checkCollaborative({ isPublic, collaborative });
    requireScopes(request, [modifyScope({ isPublic })]);
    // Spotify: "Create Playlist", `collaborative`.
    if (collaborative) requireScopes(request, ['playlist-modify-public']);
    const playlist = playlistStore.create(request.listener, { ...details, name });
    return request.toJson.playlist(playlist, true, request.toJson.entry(itemOptions(request.query)));
  };
  listenerEndpoint('post', '/me/playlists', { family, onlyIn: '2026-02', status: 201 }, create);
  listenerEndpoint('post', '/users/:id/playlists', { family, onlyIn: 'legacy', status: 201 }, (request) => {
    if (request.params.id !== request.listener.id) {
      throw new ApiError(403, 'You cannot create a playlist for another user.');
    }
    return create(request);
  });
}

function addPlaylistChanges(
  { endpoints, playlistStore }: Pick<Deps, 'endpoints' | 'playlistStore'>,
  { visible, editable }: PlaylistAccess,
) {
  const { listenerEndpoint } = endpoints;
  const family = 'playlist-write';

  listenerEndpoint('put', '/playlists/:id', { family }, (request) => {
    const playlist = visible(request.params.id, request.bearer);
    if (playlist.owner.id !== request.listener.id) throw forbidden();
    const details = readDetails(request);
    if (details.name === '') throw missingField('name');
    // GitHub: spotify/web-api#1011.
    if (details.description === '') throw new ApiError(400, 'Attribute description is empty');
    requireScopes(request, [modifyScope(playlist)]);
    if (details.isPublic !== undefined) requireScopes(request, [modifyScope({ isPublic: details.isPublic })]);
    checkCollaborative({ ...playlist, ...details });
    playlistStore.change(playlist, details);
    return emptyBody;
  });

  const insert = (request: ListenerRequest): ApiResponse => {
    const playlist = editable(request);
    const body = request.body();
    // URIs in the query take precedence over those in the body (Spotify: "Add Items to Playlist").
    const uris = listParam(request.query, 'uris') ?? bodyField(body, 'uris', 'strings') ?? [];
    if (uris.length === 0) throw new ApiError(400, 'No uris provided.');
    checkCount(uris);
    const items = uris.map(itemAt);
    const { length } = playlist.entries;
    const position =
      integerParam(request.query, 'position', 0, length) ?? bodyField(body, 'position', 'index') ?? length;
    if (position > length) throw new ApiError(400, 'Invalid position');
    playlistStore.insert(playlist, items, position, request.listener.id);
    return { snapshot_id: snapshotId(playlist) };
  };
  listenerEndpoint('post', '/playlists/:id/items', { family, onlyIn: '2026-02', status: 201 }, insert);
  listenerEndpoint('post', '/playlists/:id/tracks', { family, onlyIn: 'legacy', status: 201 }, insert);

  const remove =
    (fieldName: 'items' | 'tracks') =>
    (request: ListenerRequest): ApiResponse => {
      const playlist = editable(request);
      const body = request.body();
      const items = body[fieldName];
      if (!Array.isArray(items) || items.length === 0) throw missingField(fieldName);
      checkCount(items);
      const uris = items.map((item: unknown) => uriOf(itemAt(Object(item).uri)));
      checkSnapshot(body, playlist);
      playlistStore.remove(playlist, new Set(uris));
      return { snapshot_id: snapshotId(playlist) };
    };
  listenerEndpoint('delete', '/playlists/:id/items', { family, onlyIn: '2026-02' }, remove('items'));
  listenerEndpoint('delete', '/playlists/:id/tracks', { family, onlyIn: 'legacy' }, remove('tracks'));
}

function addPlaylistOrder(
  { endpoints, playlistStore }: Pick<Deps, 'endpoints' | 'playlistStore'>,
  { editable }: PlaylistAccess,
) {
  const { listenerEndpoint } = endpoints;
  const family = 'playlist-write';

  /** Either replaces all items or moves a range (Spotify: "Update Playlist Items"). */
  const update = (request: ListenerRequest): ApiResponse => {
    const playlist = editable(request);
    const body = request.body();
    const uris = bodyField(body, 'uris', 'strings');
    const start = bodyField(body, 'range_start', 'index');
    const before = bodyField(body, 'insert_before', 'index');
    const length = bodyField(body, 'range_length', 'index') ?? 1;
    if (uris !== undefined) {
      // "These operations can't be applied together in a single request."
      if (start !== undefined || before !== undefined) throw new ApiError(400, 'Invalid range');
      checkCount(uris);
      playlistStore.replace(playlist, uris.map(itemAt), request.listener.id);
      return { snapshot_id: snapshotId(playlist) };
    }
    if (start === undefined) throw missingField('range_start');
    if (before === undefined) throw missingField('insert_before');
    checkSnapshot(body, playlist);
    const { entries } = playlist;
    const isInside = length > 0 && start + length <= entries.length && before <= entries.length;
    if (!isInside) throw new ApiError(400, 'Invalid range');
    playlistStore.reorder(playlist, { start, before, length });
    return { snapshot_id: snapshotId(playlist) };
  };
  listenerEndpoint('put', '/playlists/:id/items', { family, onlyIn: '2026-02' }, update);
  listenerEndpoint('put', '/playlists/:id/tracks', { family, onlyIn: 'legacy' }, update);
}

/**
 * Stricter than Spotify, which accepts any earlier version for some changes: clients shouldn't rely on an old one. The message is the one that was
 * seen for others (GitHub: jwilsson/spotify-web-api-php#271).
 */
function checkSnapshot(body: Record<string, unknown>, playlist: Playlist) {
  const snapshot = bodyField(body, 'snapshot_id', 'string');
  if (snapshot !== undefined && snapshot !== snapshotId(playlist))
    throw new ApiError(400, 'Missing or bad version tag');
}

function readDetails(request: ApiRequest): PlaylistDetails {
  const body = request.body();
  const name = bodyField(body, 'name', 'string');
  const description = bodyField(body, 'description', 'string');
  const isPublic = bodyField(body, 'public', 'boolean');
  const collaborative = bodyField(body, 'collaborative', 'boolean');
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(isPublic !== undefined && { isPublic }),
    ...(collaborative !== undefined && { collaborative }),
  };
}

/** "You can only set `collaborative` to `true` on non-public playlists" (Spotify: "Change Playlist Details"). */
function checkCollaborative({ isPublic, collaborative }: Pick<Playlist, 'isPublic' | 'collaborative'>) {
  if (collaborative && isPublic !== false)
    throw new ApiError(400, 'Collaborative playlists cannot be public');
}

function checkCount(items: readonly unknown[]) {
  if (items.length > maxItemsPerCall) {
    throw new ApiError(400, `You can add a maximum of ${maxItemsPerCall} tracks per request.`);
  }
}

/** Local files can't be added or removed by URI (GitHub: spotipy-dev/spotipy#274, spotify/web-api#214 and #1168). */
function itemAt(uri: unknown): Track | Episode {
  if (!/^spotify:(track|episode):[A-Za-z0-9]{22}$/.test(String(uri))) {
    throw new ApiError(400, `Invalid track uri: ${uri}`);
  }
  const item = byUri.get(String(uri));
  if (item?.kind !== 'track' && item?.kind !== 'episode')
    throw new ApiError(400, 'Payload contains a non-existing ID');
  return item;
}

function itemOptions(query: URLSearchParams) {
  return { includesEpisodes: includesEpisodes(query), hasMarket: hasMarket(query) };
}
