import type { CatalogJson } from './catalog-json.ts';
import type { Device } from './devices.ts';
import { disallowedIn } from './disallows.ts';
import type { Play } from './history.ts';
import type { JsonHelpers, JsonObject } from './json.ts';
import type { Context, Item } from './playback.ts';
import type { ActivePlayer } from './players.ts';
import type { ItemOptions, PlaylistJson } from './playlist-json.ts';

type Deps = { helpers: JsonHelpers; catalog: CatalogJson; playlists: PlaylistJson };

export function createPlayerJson({ helpers, catalog, playlists }: Deps) {
  const context = ({ type, id }: Context): JsonObject => {
    const { external_urls, href, uri } = helpers.links(type, id);
    return { type, external_urls, href, uri };
  };

  const commonFields = (state: ActivePlayer, options: ItemOptions): JsonObject => ({
    progress_ms: state.progressMs === null ? null : Math.floor(state.progressMs),
    is_playing: state.isPlaying,
    currently_playing_type: state.kind,
    item: playlists.item(state.item, options),
    context: state.context && context(state.context),
    // Nested, and only with what is true, unlike the schema's `DisallowsObject`: users have captured responses like this.
    actions: { disallows: Object.fromEntries(disallowedIn(state).map((name) => [name, true])) },
  });

  return {
    device,

    /** GET /me/player; `timestamp` is the last change of state. */
    player: (state: ActivePlayer, options: ItemOptions): JsonObject => ({
      device: device({ device: state.device, isActive: true, isPrivate: state.isPrivate }),
      repeat_state: state.repeat,
      shuffle_state: state.isShuffled,
      smart_shuffle: false,
      ...commonFields(state, options),
      timestamp: Math.floor(state.changedAt),
    }),

    /** GET /me/player/currently-playing; `timestamp` is the time of the response. */
    currentlyPlaying: (state: ActivePlayer, options: ItemOptions, now: number): JsonObject => ({
      ...commonFields(state, options),
      timestamp: Math.floor(now),
    }),

    /** GET /me/player/queue. */
    queue: ({ current, upNext }: { current: Item | null; upNext: readonly Item[] }): JsonObject => ({
      currently_playing: playlists.item(current, { includesEpisodes: true }),
      queue: upNext.map((item) => playlists.item(item, { includesEpisodes: true })),
    }),

    /** The field `track` was never renamed (Spotify: "Get Recently Played Tracks", `PlayHistoryObject`). */
    recentPlay: (play: Play): JsonObject => ({
      track: catalog.track(play.track),
      played_at: new Date(play.at).toISOString(),
      context: play.context && context(play.context),
    }),
  };
}

function device(state: { device: Device; isActive: boolean; isPrivate: boolean }): JsonObject {
  const { id, isRestricted, name, type, volume } = state.device;
  return {
    id,
    is_active: state.isActive,
    is_private_session: state.isPrivate,
    is_restricted: isRestricted,
    name,
    type,
    volume_percent: volume,
    supports_volume: volume !== null,
  };
}
