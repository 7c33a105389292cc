import type { Router } from 'express';
import type { CallLog } from './calls.ts';
import { addCatalogue } from './catalogue-api.ts';
import type { Settings } from './control.ts';
import { createEndpoints } from './endpoints.ts';
import type { Grants } from './grants.ts';
import type { Library } from './library.ts';
import { addLibrary } from './library-api.ts';
import type { Listener } from './listeners.ts';
import type { Players } from './playback.ts';
import { addPlayer } from './player-api.ts';
import { addPlaylists } from './playlist-api.ts';
import type { Shelves } from './playlist-store.ts';

type Deps = {
  settings: Settings;
  origin: string;
  apiUrl: string;
  now: () => number;
  grants: Grants;
  listeners: ReadonlyMap<string, Listener>;
  players: Players;
  library: Library;
  shelves: Shelves;
  calls: CallLog;
};

/** The web API: who, what is playing, what they like, playlists, search and single things. */
export function createWebApi({ players, library, shelves, now, ...frame }: Deps): Router {
  const { settings, apiUrl } = frame;
  const endpoints = createEndpoints(frame);
  endpoints.mine('get', '/me', {}, ({ shapes, bearer, listener }) => shapes.me(listener, bearer.scopes));
  addPlayer({ endpoints, players, shelves, apiUrl, now });
  addLibrary({ endpoints, library, shelves });
  addPlaylists({ settings, endpoints, shelves });
  addCatalogue({ settings, endpoints, shelves });
  endpoints.end();
  return endpoints.router;
}
