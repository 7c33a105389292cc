import { albums, everyTrack, uriOf } from './catalogue.ts';
import {
  type Asked,
  type AskedByListener,
  type Endpoints,
  field,
  nothing,
  numberIn,
  takesEpisodes,
} from './endpoints.ts';
import type { Play } from './history.ts';
import type { Players, Start } from './playback.ts';
import type { Shelves } from './playlist-store.ts';
import { missing, notFound, Refused } from './refused.ts';
import type { Item } from './run.ts';

type Deps = { endpoints: Endpoints; players: Players; shelves: Shelves; apiUrl: string; now: () => number };

/** What is playing, on what, what was played, and the commands (Spotify: "Player"). */
export function addPlayer({ endpoints, players, shelves, apiUrl, now }: Deps) {
  const { mine } = endpoints;

  mine('get', '/me/player', { scope: 'user-read-playback-state' }, ({ shapes, listener, query }) => {
    const moment = players.at(listener.id);
    return moment.kind === 'nothing' ? nothing : shapes.player(moment, takesEpisodes(query));
  });

  mine(
    'get',
    '/me/player/currently-playing',
    { scope: 'user-read-currently-playing' },
    ({ shapes, listener, query }) => {
      const moment = players.at(listener.id);
      if (moment.kind === 'nothing' || moment.isPrivate) return nothing;
      return shapes.currentlyPlaying(moment, takesEpisodes(query), now());
    },
  );

  mine('get', '/me/player/devices', { scope: 'user-read-playback-state' }, ({ shapes, listener }) => ({
    devices: players.devices(listener.id).map(shapes.device),
  }));

  // The answers have no total; of an empty page the cursors are null (GitHub: spotify/web-api#1405).
  mine(
    'get',
    '/me/player/recently-played',
    { scope: 'user-read-recently-played' },
    ({ shapes, listener, url, query }) => {
      const limit = numberIn(query, 'limit', 1, 50) ?? 20;
      const after = numberIn(query, 'after', 0, Number.MAX_SAFE_INTEGER);
      const before = numberIn(query, 'before', 0, Number.MAX_SAFE_INTEGER);
      if (after !== undefined && before !== undefined) {
        throw new Refused(400, 'Only one of before and after may be specified');
      }
      const isWanted = ({ at }: Play) => at > (after ?? -1) && at < (before ?? Number.POSITIVE_INFINITY);
      const items = players.history(listener.id).filter(isWanted).slice(0, limit);
      const [newest, oldest] = [items[0], items.at(-1)];
      const at = (cursor: Record<string, number>) =>
        `${apiUrl}/me/player/recently-played?${new URLSearchParams({ ...strings(cursor), limit: String(limit) })}`;
      return {
        href: `${apiUrl}${url.pathname.replace(/^\/v1/, '')}${url.search}`,
        limit,
        next: oldest && items.length === limit ? at({ before: oldest.at }) : null,
        cursors: newest && oldest ? { after: String(newest.at), before: String(oldest.at) } : null,
        items: items.map(shapes.play),
      };
    },
  );

  /** A command; only Premium accounts have them (Spotify: "Start/Resume Playback" and its neighbours). */
  const command = (
    method: 'post' | 'put',
    path: string,
    carryOut: (asked: AskedByListener, deviceId: string | null) => void,
  ) =>
    mine(method, path, { scope: 'user-modify-playback-state' }, (asked) => {
      if (asked.listener.product === 'free') {
        throw new Refused(403, 'Player command failed: Premium required', 'PREMIUM_REQUIRED');
      }
      carryOut(asked, asked.query.get('device_id'));
      return nothing;
    });

  command('put', '/me/player/play', (asked, deviceId) => {
    const start = startOf(asked, shelves);
    if (start) players.start(asked.listener.id, deviceId, start);
    else players.resume(asked.listener.id, deviceId);
  });
  command('put', '/me/player/pause', ({ listener }, deviceId) => players.pause(listener.id, deviceId));
  command('post', '/me/player/next', ({ listener }, deviceId) => players.next(listener.id, deviceId));
  command('post', '/me/player/previous', ({ listener }, deviceId) => players.previous(listener.id, deviceId));

  command('put', '/me/player', ({ listener, fields }) => {
    const body = fields();
    const [deviceId, ...others] = field(body, 'device_ids', 'texts') ?? [];
    if (deviceId === undefined) throw missing('device_ids');
    if (others.length > 0) throw new Refused(400, 'Only one device is supported');
    players.transfer(listener.id, deviceId, field(body, 'play', 'flag') ?? false);
  });
}

function strings(cursor: Record<string, number>): Record<string, string> {
  return Object.fromEntries(Object.entries(cursor).map(([name, at]) => [name, String(at)]));
}

/** What a body asks to play; null where it asks for nothing, which is to go on. */
function startOf({ fields }: Asked, shelves: Shelves): Start | null {
  const body = fields();
  const contextUri = field(body, 'context_uri', 'text');
  const uris = field(body, 'uris', 'texts');
  if (contextUri === undefined && uris === undefined) return null;
  const { list, context } = contextUri === undefined ? listed(uris ?? []) : contextOf(contextUri, shelves);
  return {
    list,
    context,
    index: offsetIn(body, list),
    positionMs: field(body, 'position_ms', 'position') ?? 0,
  };
}

function listed(uris: readonly string[]): Pick<Start, 'list' | 'context'> {
  const list = uris.map((uri) => everyTrack.find((track) => uriOf(track) === uri));
  if (list.length === 0 || list.includes(undefined)) throw new Refused(400, 'Invalid track uri');
  return { list: list.filter((track) => track !== undefined), context: null };
}

/** Albums, artists and playlists can be played as a whole. */
function contextOf(uri: string, shelves: Shelves): Pick<Start, 'list' | 'context'> {
  const [, type, id = ''] = /^spotify:(album|artist|playlist):(\w+)$/.exec(uri) ?? [];
  if (type !== 'album' && type !== 'artist' && type !== 'playlist') {
    throw new Refused(400, 'Invalid context uri');
  }
  const list: readonly Item[] = {
    album: () => albums.find((album) => album.id === id)?.tracks ?? [],
    artist: () => everyTrack.filter(({ artists }) => artists.some((artist) => artist.id === id)),
    playlist: () => (shelves.byId(id)?.entries ?? []).map(({ what }) => what).filter((what) => what !== null),
  }[type]();
  if (list.length === 0) throw notFound();
  return { list, context: { type, id } };
}

/** Which of the list to begin with, told by its place or its URI. */
function offsetIn(body: Record<string, unknown>, list: readonly Item[]): number {
  const offset = body.offset;
  if (offset === undefined) return 0;
  if (typeof offset !== 'object' || offset === null) throw new Refused(400, 'Invalid offset');
  const told = offset as Record<string, unknown>;
  const uri = field(told, 'uri', 'text');
  const index =
    uri === undefined
      ? (field(told, 'position', 'position') ?? 0)
      : list.findIndex((one) => uriOf(one) === uri);
  if (!list[index]) throw new Refused(400, 'Invalid offset');
  return index;
}
