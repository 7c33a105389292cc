import { ApiError, missingField, notFound } from './api-error.ts';
import { type Episode, type Track, uriOf } from './catalog.ts';
import { type ApiRequest, type Endpoints, type ListenerRequest, noContent } from './endpoints.ts';
import { byUri, find, trackOrBoxSet } from './everything.ts';
import type { Play } from './history.ts';
import { bodyField, choiceParam, includesEpisodes, integerParam } from './params.ts';
import type { Item } from './playback.ts';
import type { Players, Start } from './players.ts';
import type { PlaylistStore } from './playlist-store.ts';

type Deps = {
  endpoints: Endpoints;
  players: Players;
  playlistStore: PlaylistStore;
  apiUrl: string;
  now: () => number;
};

/** Adds a command to the player, with the device that a request names. */
type AddCommand = (
  method: 'post' | 'put',
  path: string,
  carryOut: (request: ListenerRequest, deviceId: string | null) => void,
) => void;

/** The current playback and its device, recently played tracks, and the commands (Spotify: "Player"). */
export function addPlayer({ endpoints, players, playlistStore, apiUrl, now }: Deps) {
  const { listenerEndpoint } = endpoints;
  const readState = { family: 'player-read', scope: 'user-read-playback-state' } as const;

  listenerEndpoint('get', '/me/player', readState, ({ toJson, listener, query }) => {
    const state = players.stateOf(listener.id);
    if (state.kind === 'nothing') return noContent;
    return toJson.player(state, { includesEpisodes: includesEpisodes(query) });
  });

  const readPlaying = { family: 'player-read', scope: 'user-read-currently-playing' } as const;
  listenerEndpoint('get', '/me/player/currently-playing', readPlaying, ({ toJson, listener, query }) => {
    const state = players.stateOf(listener.id);
    if (state.kind === 'nothing' || state.isPrivate) return noContent;
    return toJson.currentlyPlaying(state, { includesEpisodes: includesEpisodes(query) }, now());
  });

  listenerEndpoint('get', '/me/player/devices', readState, ({ toJson, listener }) => ({
    devices: players.devices(listener.id).map(toJson.device),
  }));

  const readQueue = {
    family: 'player-read',
    scope: ['user-read-currently-playing', 'user-read-playback-state'],
  } as const;
  listenerEndpoint('get', '/me/player/queue', readQueue, ({ toJson, listener }) =>
    toJson.queue(players.queue(listener.id)),
  );

  const readRecent = { family: 'lists', scope: 'user-read-recently-played' } as const;
  listenerEndpoint('get', '/me/player/recently-played', readRecent, (request) =>
    recentlyPlayed(request, players.history(request.listener.id), apiUrl),
  );

  const write = { family: 'player-write', scope: 'user-modify-playback-state' } as const;

  /** Commands need a Premium account (Spotify: "Start/Resume Playback" and the related endpoints). */
  const command: AddCommand = (method, path, carryOut) =>
    listenerEndpoint(method, path, write, (request) => {
      if (request.listener.product === 'free') {
        throw new ApiError(403, 'Player command failed: Premium required', 'PREMIUM_REQUIRED');
      }
      carryOut(request, request.query.get('device_id'));
      return noContent;
    });

  command('put', '/me/player/play', (request, deviceId) => {
    const start = readStart(request, playlistStore);
    if (start) players.start(request.listener.id, deviceId, start);
    else players.resume(request.listener.id, deviceId);
  });
  command('put', '/me/player/pause', ({ listener }, deviceId) => players.pause(listener.id, deviceId));
  command('post', '/me/player/next', ({ listener }, deviceId) => players.next(listener.id, deviceId));
  command('post', '/me/player/previous', ({ listener }, deviceId) => players.previous(listener.id, deviceId));

  addSettings(command, players);

  command('put', '/me/player', (request) => {
    const body = request.body();
    const [deviceId, ...others] = bodyField(body, 'device_ids', 'strings') ?? [];
    if (deviceId === undefined) throw missingField('device_ids');
    if (others.length > 0) throw new ApiError(400, 'Only one device is supported');
    players.transfer(request.listener.id, deviceId, bodyField(body, 'play', 'boolean') ?? false);
  });
}

/** Position, volume, shuffle, repeat and queue. */
function addSettings(command: AddCommand, players: Players): void {
  command('put', '/me/player/seek', ({ listener, query }, deviceId) => {
    const positionMs = integerParam(query, 'position_ms', 0, Number.MAX_SAFE_INTEGER);
    if (positionMs === undefined) throw missingField('position_ms');
    players.seek(listener.id, deviceId, positionMs);
  });
  command('put', '/me/player/volume', ({ listener, query }, deviceId) => {
    const percent = integerParam(query, 'volume_percent', 0, 100);
    if (percent === undefined) throw missingField('volume_percent');
    players.setVolume(listener.id, deviceId, percent);
  });
  command('put', '/me/player/shuffle', ({ listener, query }, deviceId) => {
    players.setShuffle(listener.id, deviceId, choiceParam(query, 'state', ['true', 'false']) === 'true');
  });
  command('put', '/me/player/repeat', ({ listener, query }, deviceId) => {
    players.setRepeat(listener.id, deviceId, choiceParam(query, 'state', ['off', 'context', 'track']));
  });
  command('post', '/me/player/queue', ({ listener, query }, deviceId) => {
    const uri = query.get('uri');
    const item = playableAt(uri ?? '');
    if (!item) throw new ApiError(400, 'Invalid track uri');
    players.addToQueue(listener.id, deviceId, item);
  });
}

/** The response has no total, and the cursors of an empty page are null (GitHub: spotify/web-api#1405). */
function recentlyPlayed({ toJson, url, query }: ListenerRequest, plays: readonly Play[], apiUrl: string) {
  const limit = integerParam(query, 'limit', 1, 50) ?? 20;
  const after = integerParam(query, 'after', 0, Number.MAX_SAFE_INTEGER);
  const before = integerParam(query, 'before', 0, Number.MAX_SAFE_INTEGER);
  if (after !== undefined && before !== undefined) {
    throw new ApiError(400, 'Only one of before and after may be specified');
  }
  const isInRange = ({ at }: Play) => at > (after ?? -1) && at < (before ?? Number.POSITIVE_INFINITY);
  const items = plays.filter(isInRange).slice(0, limit);
  const [newest, oldest] = [items[0], items.at(-1)];
  const urlBefore = ({ at }: Play) =>
    `${apiUrl}/me/player/recently-played?${new URLSearchParams({ before: String(at), limit: String(limit) })}`;
  return {
    href: `${apiUrl}${url.pathname.replace(/^\/v1/, '')}${url.search}`,
    limit,
    next: oldest && items.length === limit ? urlBefore(oldest) : null,
    cursors: newest && oldest ? { after: String(newest.at), before: String(oldest.at) } : null,
    items: items.map(toJson.recentPlay),
  };
}

/** Returns what the body asks to play, or null to resume. */
function readStart(request: ApiRequest, playlistStore: PlaylistStore): Start | null {
  const body = request.body();
  const contextUri = bodyField(body, 'context_uri', 'string');
  const uris = bodyField(body, 'uris', 'strings');
  if (contextUri === undefined && uris === undefined) return null;
  const { list, context } =
    contextUri === undefined ? tracksAt(uris ?? []) : contextAt(contextUri, playlistStore);
  return {
    list,
    context,
    index: readOffset(body, list),
    positionMs: bodyField(body, 'position_ms', 'index') ?? 0,
  };
}

function playableAt(uri: string): Track | Episode | undefined {
  const found = byUri.get(uri);
  return found?.kind === 'track' || found?.kind === 'episode' ? found : undefined;
}

function tracksAt(uris: readonly string[]): Pick<Start, 'list' | 'context'> {
  const list = uris.map(playableAt);
  if (list.length === 0 || list.includes(undefined)) throw new ApiError(400, 'Invalid track uri');
  return { list: list.filter((one) => one !== undefined), context: null };
}

/** Only albums, artists and playlists can be played as a whole. */
function contextAt(uri: string, playlistStore: PlaylistStore): Pick<Start, 'list' | 'context'> {
  const [, type, id = ''] = /^spotify:(album|artist|playlist):(\w+)$/.exec(uri) ?? [];
  if (type !== 'album' && type !== 'artist' && type !== 'playlist') {
    throw new ApiError(400, 'Invalid context uri');
  }
  const list: readonly Item[] = {
    album: () => find('album', id)?.tracks ?? [],
    artist: () => trackOrBoxSet.filter(({ artists }) => artists.some((artist) => artist.id === id)),
    playlist: () =>
      (playlistStore.byId(id)?.entries ?? []).map(({ item }) => item).filter((item) => item !== null),
  }[type]();
  if (list.length === 0) throw notFound();
  return { list, context: { type, id } };
}

/** Returns the index to start at, from a position or a URI in the body; null if it has neither. */
function readOffset(body: Record<string, unknown>, list: readonly Item[]): number | null {
  const { offset } = body;
  if (offset === undefined) return null;
  if (typeof offset !== 'object' || offset === null) throw new ApiError(400, 'Invalid offset');
  const fields = offset as Record<string, unknown>;
  const uri = bodyField(fields, 'uri', 'string');
  const index =
    uri === undefined
      ? (bodyField(fields, 'position', 'index') ?? 0)
      : list.findIndex((one) => uriOf(one) === uri);
  if (!list[index]) throw new ApiError(400, 'Invalid offset');
  return index;
}
