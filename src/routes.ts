/*
 * Every URL of the site. Code and views build URLs from here, and so does the router: `routes.playlist(':id')` is the pattern of all
 * playlists. Ids are checked before they get here, so they need no escaping.
 */

type PlaylistsQuery = { page?: number; q?: string; sort?: string; yours?: boolean };

type Value = string | number | boolean | null | undefined | readonly string[];

/**
 * The start of a part of an export: the page of playlists, how many of them to skip, and the row; and the version of the playlist that the
 * previous part was made from.
 */
type ExportCursor = { page?: number; skip?: number; from?: number; snapshot?: string };

export const routes = {
  home: () => '/',
  privacy: () => '/privacy',
  /** A form saves the preferences of the browser at the same URL. */
  preferences: () => '/preferences',
  offline: () => '/offline',
  setup: () => '/setup',
  setupCheck: (query: { cookie?: 'set' } = {}) => url('/setup/check', query),

  /** `allow`: scopes to ask for in addition to the usual ones. `showDialog`: Spotify asks even if the listener has agreed before. */
  signIn: ({ returnTo, allow, showDialog = false }: SignInQuery = {}) =>
    url('/login', { returnTo, dialog: showDialog ? 1 : null, allow: allow?.join(' ') }),
  callback: () => '/callback',
  signInProblem: () => '/sign-in/problem',
  signOut: () => '/logout',

  account: () => '/account',
  quota: () => '/quota',
  signOutEverywhere: () => '/account/sign-out-everywhere',
  disconnect: () => '/account/disconnect',
  disconnected: () => '/account/disconnected',
  /** For owners of this site: who is signed in. */
  people: () => '/account/people',
  endAccess: () => '/account/people/end',
  allowAccess: () => '/account/people/allow',

  /** `refresh: false`: without scripts, the page doesn't reload by itself. */
  nowPlaying: ({ refresh = true }: { refresh?: boolean } = {}) =>
    url('/now-playing', { refresh: refresh ? null : 'off' }),
  nowPlayingEvents: () => '/now-playing/events',
  nowPlayingCard: () => '/now-playing/card',
  nowPlayingPoll: () => '/now-playing/poll',
  /** The bar of pages without scripts; its buttons lead back to `returnTo`. `isAsking`: it asks Spotify what is playing. */
  playbackBar: ({ returnTo, isAsking = false }: { returnTo?: string; isAsking?: boolean } = {}) =>
    url('/now-playing/bar', { returnTo, ask: isAsking ? 'yes' : null }),
  /** Whether the current item is in the library. */
  nowPlayingSaved: () => '/now-playing/saved',
  /** The current playback, for a television. `refresh`: as on now playing. */
  wall: ({ refresh = true }: { refresh?: boolean } = {}) => url('/wall', { refresh: refresh ? null : 'off' }),
  wallCard: () => '/wall/card',
  /** With `uri`, `context` or `list`, its buttons play that, from `offset` on. */
  devices: (
    query: Partial<
      Record<'uri' | 'context' | 'list' | 'offset' | 'positionMs' | 'shuffle' | 'returnTo', string>
    > = {},
  ) => url('/devices', query),
  /** `isAutomatic`: the page asks by itself, which it may not while calls are scarce. */
  queue: ({ isAutomatic = false }: { isAutomatic?: boolean } = {}) =>
    url('/player/queue', { automatic: isAutomatic ? 'yes' : null }),
  /** Forgets that Spotify has said that the account has no Premium. */
  retryPremium: () => '/premium/retry',
  playerCommand: (command: string) => `/player/${command}`,

  library: (query: { page?: number } = {}) => url('/library', paged(query)),
  recentlyPlayed: () => '/library/recent',
  topItems: (query: { of?: string; range?: string } = {}) => url('/library/top', query),
  /** Whether something is in the library. */
  savedState: (query: { uri?: string } = {}) => url('/library/saved', query),
  saveToLibrary: () => '/library/save',
  removeFromLibrary: () => '/library/remove',

  savedAlbums: (query: { page?: number } = {}) => url('/library/albums', paged(query)),
  savedShows: (query: { page?: number } = {}) => url('/library/shows', paged(query)),
  savedEpisodes: (query: { page?: number } = {}) => url('/library/episodes', paged(query)),
  /** `after`: the id of the last artist of the page before. */
  followedArtists: (query: { after?: string } = {}) => url('/library/artists', query),

  album: (id: string, query: { page?: number } = {}) => url(`/albums/${id}`, paged(query)),
  /** With a page number, also a page of the artist's albums. */
  artist: (id: string, query: { page?: number } = {}) => url(`/artists/${id}`, query),
  show: (id: string, query: { page?: number } = {}) => url(`/shows/${id}`, paged(query)),
  episode: (id: string) => `/episodes/${id}`,
  track: (id: string) => `/tracks/${id}`,

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
  newPlaylist: () => '/playlists/new',
  /** Choose playlists to add items to. `playlist`: those that are chosen already. A form adds the items at the same path. */
  addToPlaylist: ({ uri, playlist, q, page, returnTo }: AddQuery = {}) =>
    url('/playlists/add', { uri, playlist, q, returnTo, ...paged({ page }) }),
  /** A form changes the details of the playlist at the same URL. */
  playlist: (id: string, query: { page?: number } = {}) => url(`/playlists/${id}`, paged(query)),
  playlistItems: (id: string) => `/playlists/${id}/items`,
  /** Asks first; then it leaves the listener's library. */
  unfollowPlaylist: (id: string) => `/playlists/${id}/unfollow`,
  removeFromPlaylist: (id: string) => `/playlists/${id}/remove`,
  keepOneInPlaylist: (id: string) => `/playlists/${id}/keep-one`,
  playlistOrder: (id: string, query: { page?: number } = {}) => url(`/playlists/${id}/order`, paged(query)),
  /** A form uploads a cover at the same URL. */
  playlistCover: (id: string) => `/playlists/${id}/cover`,
  moveInPlaylist: (id: string) => `/playlists/${id}/move`,

  exportProgress: () => '/playlists/export/progress',
  exportAll: () => '/playlists/export',
  exportAllFile: (format: string, query: ExportQuery = {}) => url(`/playlists/export.${format}`, query),
  exportOne: (id: string) => `/playlists/${id}/export`,
  exportOneFile: (id: string, format: string, query: ExportQuery = {}) =>
    url(`/playlists/${id}/export.${format}`, query),

  /** The export job of the listener. A form starts one at the same URL. */
  exportJob: () => '/export',
  exportJobCommand: (command: string) => `/export/${command}`,
  exportJobFile: (format: string, query: ExportQuery = {}) => url(`/export/file.${format}`, query),

  exportSavedTracks: () => '/library/export',
  exportSavedTracksFile: (format: string, query: ExportQuery = {}) => url(`/library/export.${format}`, query),
  /** `list`: such as `albums` or `recent`. */
  exportList: (list: string, query: { range?: string } = {}) => url(`/library/${list}/export`, query),
  exportListFile: (list: string, format: string, query: ExportQuery = {}) =>
    url(`/library/${list}/export.${format}`, query),

  /** A POST undoes an action; its notice has the token. */
  undoAddition: (token: string) => `/undo/addition/${token}`,
  undoRemoval: (token: string) => `/undo/removal/${token}`,
  undoLibrary: (token: string) => `/undo/library/${token}`,

  /** A file in public/. With its version, browsers keep it for a year. */
  asset: (file: string, version: string) => url(`/${file}`, { v: version }),
  spotifyLogo: ({ version }: { version?: string } = {}) => url('/spotify-logo', { v: version }),

  /** Everything else, as a pattern. */
  anyPath: () => '/*path',
};

/** Whether this is an address at which an action is undone. */
export function isUndoPath(path: unknown): path is string {
  return typeof path === 'string' && /^\/undo\/[a-z-]{1,40}\/[\w-]{22}$/.test(path);
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
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  // A page has a hundred of these, and most have no query.
  if (given.length === 0) return path;
  const search = new URLSearchParams();
  for (const [name, value] of given) for (const one of [value].flat()) search.append(name, String(one));
  return search.size > 0 ? `${path}?${search}` : path;
}
