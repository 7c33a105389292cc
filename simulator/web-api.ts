import type { CallLog } from './calls.ts';
import { addCatalog } from './catalog-api.ts';
import { createEndpoints } from './endpoints.ts';
import type { Grants } from './grants.ts';
import type { Library } from './library.ts';
import { addLibrary } from './library-api.ts';
import type { Listener } from './listeners.ts';
import { addPlayer } from './player-api.ts';
import type { Players } from './players.ts';
import { addPlaylists } from './playlist-api.ts';
import type { PlaylistStore } from './playlist-store.ts';
import type { Settings } from './types.ts';

type Deps = {
  settings: Settings;
  origin: string;
  apiUrl: string;
  now: () => number;
  grants: Grants;
  listeners: ReadonlyMap<string, Listener>;
  players: Players;
  library: Library;
  playlistStore: PlaylistStore;
  calls: CallLog;
};

/** The Web API: all its endpoints as a router, and as a list. */
export function createWebApi(deps: Deps) {
  const { settings, origin, apiUrl, now, grants, listeners, players, library, playlistStore, calls } = deps;
  const endpoints = createEndpoints({ settings, origin, apiUrl, grants, listeners, calls });
  endpoints.listenerEndpoint('get', '/me', { family: 'me' }, ({ toJson, bearer, listener }) =>
    toJson.me(listener, bearer.scopes),
  );
  addPlayer({ endpoints, players, playlistStore, apiUrl, now });
  addLibrary({ settings, endpoints, library, playlistStore });
  addPlaylists({ settings, endpoints, playlistStore });
  addCatalog({ settings, endpoints, playlistStore });
  endpoints.addFallback();
  const { router, list, find } = endpoints;
  return { router, endpoints: list, findEndpoint: find };
}
