/*
 * Every URL of the site. Code and views build URLs from here, and so does the router: `routes.playlist(':id')` is the pattern of all
 * playlists. Ids are checked before they get here, so they need no escaping.
 *
 * Every URL begins with the path of BASE_URL, such as `/music`. So no module builds one while it loads: see docs/decisions/2026-11-30-base-path.md.
 */

/** The path of BASE_URL without a slash at its end; empty for most sites. */
let basePath = '';

/** Sets the path of BASE_URL. A process serves one site, whose app does this before anything else. */
export function setBasePath(path: string): void {
  basePath = path;
}

/** Returns the path of a BASE_URL, such as `/music`; empty if it has none. */
export function basePathOf(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/\/+$/, '');
}

/** Returns what follows the path of BASE_URL in a path, such as `/playlists`; null if the path is outside the site. */
export function pathWithin(path: string): string | null {
  const rest = path.startsWith(basePath) ? path.slice(basePath.length) : '';
  // safeguard: base-path-ends-at-a-slash
  return rest.startsWith('/') ? rest : null;
}

/**
 * Returns the paths of something that programs ask for: the same with and without the path of BASE_URL. Proxies pass that on, while
 * probes of a load balancer come directly.
 */
export function atRootAndWithin(path: string): string[] {
  return [...new Set([path, basePath + path])];
}

type PlaylistsQuery = { page?: number; q?: string; sort?: string; yours?: boolean };

type Value = string | number | boolean | null | undefined | readonly string[];

/**
 * The start of a part of an export: the page of playlists, how many of them to skip, and the row; and the version of the playlist that the
 * previous part was made from.
 */
type ExportCursor = { page?: number; skip?: number; from?: number; snapshot?: string };

export const routes = {
  home: () => url('/'),
  privacy: () => url('/privacy'),
  /** A form saves the preferences of the browser at the same URL. */
  preferences: () => url('/preferences'),
  offline: () => url('/offline'),
  setup: () => url('/setup'),
  setupCheck: (query: { cookie?: 'set' } = {}) => url('/setup/check', query),

  /** `allow`: scopes to ask for in addition to the usual ones. `showDialog`: Spotify asks even if the listener has agreed before. */
  signIn: ({ returnTo, allow, showDialog = false }: SignInQuery = {}) =>
    url('/login', { returnTo, dialog: showDialog ? 1 : null, allow: allow?.join(' ') }),
  callback: () => url('/callback'),
  signInProblem: () => url('/sign-in/problem'),
  signOut: () => url('/logout'),

  account: () => url('/account'),
  quota: () => url('/quota'),
  signOutEverywhere: () => url('/account/sign-out-everywhere'),
  disconnect: () => url('/account/disconnect'),
  disconnected: () => url('/account/disconnected'),
  /** For owners of this site: who is signed in. */
  people: () => url('/account/people'),
  endAccess: () => url('/account/people/end'),
  allowAccess: () => url('/account/people/allow'),

  /** `refresh: false`: without scripts, the page doesn't reload by itself. */
  nowPlaying: ({ refresh = true }: { refresh?: boolean } = {}) =>
    url('/now-playing', { refresh: refresh ? null : 'off' }),
  nowPlayingEvents: () => url('/now-playing/events'),
  nowPlayingCard: () => url('/now-playing/card'),
  nowPlayingPoll: () => url('/now-playing/poll'),
  /** Whether the current item is in the library. */
  nowPlayingSaved: () => url('/now-playing/saved'),
  /** The current playback, for a television. `refresh`: as on now playing. */
  wall: ({ refresh = true }: { refresh?: boolean } = {}) => url('/wall', { refresh: refresh ? null : 'off' }),
  wallCard: () => url('/wall/card'),
  /** With `uri`, `context` or `list`, its buttons play that, from `offset` on. */
  devices: (
    query: Partial<
      Record<'uri' | 'context' | 'list' | 'offset' | 'positionMs' | 'shuffle' | 'returnTo', string>
    > = {},
  ) => url('/devices', query),
  /** `isAutomatic`: the page asks by itself, which it may not while calls are scarce. */
  queue: ({ isAutomatic = false }: { isAutomatic?: boolean } = {}) =>
    url('/player/queue', { automatic: isAutomatic ? 'yes' : null }),
  playerCommand: (command: string) => url(`/player/${command}`),

  library: (query: { page?: number } = {}) => url('/library', paged(query)),
  recentlyPlayed: () => url('/library/recent'),
  topItems: (query: { of?: string; range?: string } = {}) => url('/library/top', query),
  saveToLibrary: () => url('/library/save'),
  removeFromLibrary: () => url('/library/remove'),

  savedAlbums: (query: { page?: number } = {}) => url('/library/albums', paged(query)),
  savedShows: (query: { page?: number } = {}) => url('/library/shows', paged(query)),
  savedEpisodes: (query: { page?: number } = {}) => url('/library/episodes', paged(query)),
  /** `after`: the id of the last artist of the page before. */
  followedArtists: (query: { after?: string } = {}) => url('/library/artists', query),

  album: (id: string, query: { page?: number } = {}) => url(`/albums/${id}`, paged(query)),
  /** With a page number, also a page of the artist's albums. */
  artist: (id: string, query: { page?: number } = {}) => url(`/artists/${id}`, query),
  show: (id: string, query: { page?: number } = {}) => url(`/shows/${id}`, paged(query)),
  episode: (id: string) => url(`/episodes/${id}`),
  track: (id: string) => url(`/tracks/${id}`),

  search: ({ q, type, page }: { q?: string; type?: readonly string[]; page?: number } = {}) =>
    url('/search', { q, type: type?.join(','), ...paged({ page }) }),

  /** A form creates a playlist at the same URL. */
  playlists: ({ page, q, sort, yours }: PlaylistsQuery = {}) =>
    url('/playlists', {
      q: q === '' ? null : q,
      sort: sort === 'spotify' ? null : sort,
      yours: yours ? 'yes' : null,
      ...paged({ page }),
    }),
  newPlaylist: () => url('/playlists/new'),
  /** Choose playlists to add items to. `playlist`: those that are chosen already. A form adds the items at the same path. */
  addToPlaylist: ({ uri, playlist, q, page, returnTo }: AddQuery = {}) =>
    url('/playlists/add', { uri, playlist, q, returnTo, ...paged({ page }) }),
  /** A form changes the details of the playlist at the same URL. */
  playlist: (id: string, query: { page?: number } = {}) => url(`/playlists/${id}`, paged(query)),
  playlistItems: (id: string) => url(`/playlists/${id}/items`),
  /** Asks first; then it leaves the listener's library. */
  unfollowPlaylist: (id: string) => url(`/playlists/${id}/unfollow`),
  removeFromPlaylist: (id: string) => url(`/playlists/${id}/remove`),
  keepOneInPlaylist: (id: string) => url(`/playlists/${id}/keep-one`),
  playlistOrder: (id: string, query: { page?: number } = {}) => url(`/playlists/${id}/order`, paged(query)),
  /** A form uploads a cover at the same URL. */
  playlistCover: (id: string) => url(`/playlists/${id}/cover`),
  moveInPlaylist: (id: string) => url(`/playlists/${id}/move`),

  exportProgress: () => url('/playlists/export/progress'),
  exportAll: () => url('/playlists/export'),
  exportAllFile: (format: string, query: ExportQuery = {}) => url(`/playlists/export.${format}`, query),
  exportOne: (id: string) => url(`/playlists/${id}/export`),
  exportOneFile: (id: string, format: string, query: ExportQuery = {}) =>
    url(`/playlists/${id}/export.${format}`, query),

  /** The export job of the listener. A form starts one at the same URL. */
  exportJob: () => url('/export'),
  exportJobCommand: (command: string) => url(`/export/${command}`),
  exportJobFile: (format: string, query: ExportQuery = {}) => url(`/export/file.${format}`, query),

  exportSavedTracks: () => url('/library/export'),
  exportSavedTracksFile: (format: string, query: ExportQuery = {}) => url(`/library/export.${format}`, query),
  /** `list`: such as `albums` or `recent`. */
  exportList: (list: string, query: { range?: string } = {}) => url(`/library/${list}/export`, query),
  exportListFile: (list: string, format: string, query: ExportQuery = {}) =>
    url(`/library/${list}/export.${format}`, query),

  /** A POST undoes an action; its notice has the token. */
  undoAddition: (token: string) => url(`/undo/addition/${token}`),
  undoRemoval: (token: string) => url(`/undo/removal/${token}`),
  undoLibrary: (token: string) => url(`/undo/library/${token}`),

  /** A file in public/. With its version, browsers keep it for a year. */
  asset: (file: string, version: string) => url(`/${file}`, { v: version }),
  spotifyLogo: ({ version }: { version?: string } = {}) => url('/spotify-logo', { v: version }),

  /** Everything else, as a pattern. */
  anyPath: () => url('/*path'),
};

/** Whether this is an address at which an action is undone. */
export function isUndoPath(path: unknown): path is string {
  return typeof path === 'string' && /^\/undo\/[a-z-]{1,40}\/[\w-]{22}$/.test(pathWithin(path) ?? '');
}

type SignInQuery = { returnTo?: string; allow?: readonly string[]; showDialog?: boolean };
type AddQuery = {
  uri?: string | readonly string[];
  playlist?: readonly string[];
  q?: string | null;
  page?: number;
  returnTo?: string | null;
};
/** `for`: the program that a table is for. `of`: the format of the files in a ZIP. `range`: of top tracks and artists. */
type ExportQuery = ExportCursor & {
  part?: 'yes';
  anyway?: 'yes';
  for?: string;
  of?: string;
  range?: string;
};

/** The first page has no number in its URL. */
function paged({ page }: { page?: number | undefined }): { page: number | null } {
  return { page: page === undefined || page === 1 ? null : page };
}

function url(path: string, query: Readonly<Record<string, Value>> = {}): string {
  const full = basePath + path;
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  // A page has a hundred of these, and most have no query.
  if (given.length === 0) return full;
  const search = new URLSearchParams();
  for (const [name, value] of given) for (const one of [value].flat()) search.append(name, String(one));
  return search.size > 0 ? `${full}?${search}` : full;
}
