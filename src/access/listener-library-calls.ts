import { defineCall, ttl } from './spotify-call.ts';
import { topics } from './topics.ts';

const readScopes = ['user-library-read'] as const;
const editPlaylists = ['playlist-modify-public', 'playlist-modify-private'] as const;

/** In 2026-02 one endpoint saves and follows everything; in legacy each kind has its own. */
const legacyKinds = ['tracks', 'episodes', 'albums', 'shows'];

/** The calls about what a listener has saved and whom they follow, except saved tracks, for the table of listener-calls.ts. */
export const libraryCalls = {
  saveToLibrary: defineCall({
    endpoints: [{ '2026-02': 'PUT /me/library', legacy: legacyKinds.map((kind) => `PUT /me/${kind}`) }],
    family: 'library-write',
    scopes: ['user-library-modify'],
    usedBy: {
      'Now playing': '"Save to library"',
      'Album page': '"Save"',
      'Podcast page': '"Save"',
      'Episode page': '"Save"',
      'Track page': '"Save"',
      'Lists of tracks': '"Save", for up to forty',
    },
    request: ({ webApi, accessToken, versioned }, uris: readonly string[]) =>
      versioned((apiVersion) => webApi.setSaved(accessToken, uris, true, apiVersion)),
    invalidates: topics.saved,
  }),

  removeFromLibrary: defineCall({
    endpoints: [{ '2026-02': 'DELETE /me/library', legacy: legacyKinds.map((kind) => `DELETE /me/${kind}`) }],
    family: 'library-write',
    scopes: ['user-library-modify'],
    usedBy: { 'Now playing': '"Remove"', Library: '"Remove"' },
    request: ({ webApi, accessToken, versioned }, uris: readonly string[]) =>
      versioned((apiVersion) => webApi.setSaved(accessToken, uris, false, apiVersion)),
    invalidates: topics.saved,
  }),

  followArtist: defineCall({
    endpoints: [{ '2026-02': 'PUT /me/library', legacy: ['PUT /me/following'] }],
    family: 'library-write',
    scopes: ['user-library-modify', 'user-follow-modify'],
    usedBy: { 'Artist page': '"Follow"' },
    request: ({ webApi, accessToken, following }, uris: readonly string[]) =>
      following((apiVersion) => webApi.setSaved(accessToken, uris, true, apiVersion)),
    invalidates: topics.followed,
  }),

  unfollowArtist: defineCall({
    endpoints: [{ '2026-02': 'DELETE /me/library', legacy: ['DELETE /me/following'] }],
    family: 'library-write',
    scopes: ['user-library-modify', 'user-follow-modify'],
    usedBy: { 'Artist page': '"Unfollow"', 'Followed artists': '"Unfollow"' },
    request: ({ webApi, accessToken, following }, uris: readonly string[]) =>
      following((apiVersion) => webApi.setSaved(accessToken, uris, false, apiVersion)),
    invalidates: topics.followed,
  }),

  followPlaylist: defineCall({
    endpoints: [{ '2026-02': 'PUT /me/library', legacy: ['PUT /playlists/{id}/followers'] }],
    family: 'library-write',
    scopes: ['user-library-modify', ...editPlaylists],
    usedBy: { 'Playlist page': '"Follow"' },
    request: ({ webApi, accessToken, versioned }, uris: readonly string[]) =>
      versioned((apiVersion) => webApi.setSaved(accessToken, uris, true, apiVersion)),
    invalidates: topics.followedPlaylist,
  }),

  unfollowPlaylist: defineCall({
    endpoints: [{ '2026-02': 'DELETE /me/library', legacy: ['DELETE /playlists/{id}/followers'] }],
    family: 'library-write',
    scopes: ['user-library-modify', ...editPlaylists],
    usedBy: { 'Playlist page': '"Delete" and "Unfollow"' },
    request: ({ webApi, accessToken, versioned }, uris: readonly string[]) =>
      versioned((apiVersion) => webApi.setSaved(accessToken, uris, false, apiVersion)),
    invalidates: topics.followedPlaylist,
  }),

  savedAlbums: defineCall({
    endpoints: ['GET /me/albums'],
    scopes: readScopes,
    family: 'lists',
    usedBy: { 'Saved albums': true },
    request: ({ webApi, accessToken, market }, page: number) =>
      webApi.savedAlbums(accessToken, { page, market }),
    cache: { key: (page) => `saved albums ${page}`, ttlMs: ttl.second },
  }),

  savedShows: defineCall({
    endpoints: ['GET /me/shows'],
    scopes: readScopes,
    family: 'lists',
    usedBy: { 'Saved podcasts': true },
    request: ({ webApi, accessToken }, page: number) => webApi.savedShows(accessToken, page),
    cache: { key: (page) => `saved shows ${page}`, ttlMs: ttl.second },
  }),

  savedEpisodes: defineCall({
    endpoints: ['GET /me/episodes'],
    scopes: [...readScopes, 'user-read-playback-position'],
    family: 'lists',
    usedBy: { 'Saved episodes': true },
    request: ({ webApi, accessToken, market }, page: number) =>
      webApi.savedEpisodes(accessToken, { page, market }),
    cache: { key: (page) => `saved episodes ${page}`, ttlMs: ttl.second },
  }),

  /** Some of the artists, after the one with this id; null for the first ones. */
  followedArtists: defineCall({
    endpoints: ['GET /me/following'],
    scopes: ['user-follow-read'],
    family: 'lists',
    usedBy: { 'Followed artists': true },
    request: ({ webApi, accessToken }, after: string | null) => webApi.followedArtists(accessToken, after),
    cache: { key: (after) => `followed artists ${after ?? ''}`, ttlMs: ttl.second },
  }),
};
