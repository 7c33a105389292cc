import { entriesPerPage, type TimeRange, tracksPerPage } from '../spotify/limits.ts';
import type { Slice } from '../spotify/send.ts';
import { catalogCalls } from './listener-catalog-calls.ts';
import { exportCalls } from './listener-export-calls.ts';
import { libraryCalls } from './listener-library-calls.ts';
import { playerCalls } from './listener-player-calls.ts';
import { editPlaylistScopes, playlistCalls } from './listener-playlist-calls.ts';
import { playlistScopes, type Scope } from './scopes.ts';
import { defineCall, ttl, type UsedBy } from './spotify-call.ts';

export type CallName = keyof typeof listenerCalls;

/**
 * Every call to Spotify that is made for a listener. Pages make them as `listener.spotify.<name>(…)`, see listener-api.ts, and never name a
 * scope, a cache key, a TTL or an API version.
 */
export const listenerCalls = {
  profile: defineCall({
    endpoints: ['GET /me'],
    scopes: [],
    family: 'me',
    usedBy: { 'Signing in': true, Account: true },
    request: ({ webApi, accessToken }) => webApi.me(accessToken),
    // safeguard: cache-profile
    cache: { key: () => 'profile', ttlMs: ttl.minute },
  }),

  ...playerCalls,

  recentlyPlayed: defineCall({
    endpoints: ['GET /me/player/recently-played'],
    scopes: ['user-read-recently-played'],
    family: 'lists',
    usedBy: { 'Recently played': true, 'Now playing': 'when nothing is playing' },
    request: ({ webApi, accessToken }) => webApi.recentlyPlayed(accessToken),
    cache: { key: () => 'recently played', ttlMs: ttl.second },
  }),

  topArtists: defineCall({
    endpoints: ['GET /me/top/artists'],
    scopes: ['user-top-read'],
    family: 'lists',
    usedBy: { 'Top artists and tracks': true },
    request: ({ webApi, accessToken }, range: TimeRange) => webApi.topArtists(accessToken, range),
    cache: { key: (range) => `top artists ${range}`, ttlMs: ttl.tenMinutes },
  }),

  topTracks: defineCall({
    endpoints: ['GET /me/top/tracks'],
    scopes: ['user-top-read'],
    family: 'lists',
    usedBy: { 'Top artists and tracks': true },
    request: ({ webApi, accessToken }, range: TimeRange) => webApi.topTracks(accessToken, range),
    cache: { key: (range) => `top tracks ${range}`, ttlMs: ttl.tenMinutes },
  }),

  savedTracks: defineCall({
    endpoints: ['GET /me/tracks'],
    scopes: ['user-library-read'],
    family: 'lists',
    usedBy: { Library: 'and "Play", with the page after it' },
    request: ({ webApi, accessToken, market }, page: number) =>
      webApi.savedTracks(accessToken, { from: (page - 1) * tracksPerPage, market }),
    cache: { key: (page) => `saved tracks ${page}`, ttlMs: ttl.second },
  }),

  /** Reads part of the library to change it, so the scope for that is needed as well. */
  savedTracksToRemove: defineCall({
    endpoints: ['GET /me/tracks'],
    scopes: ['user-library-read', 'user-library-modify'],
    family: 'lists',
    usedBy: { Library: '"Remove"' },
    request: ({ webApi, accessToken }, slice: Slice) => webApi.savedTracks(accessToken, slice),
  }),

  isSaved: defineCall({
    endpoints: [
      {
        '2026-02': 'GET /me/library/contains',
        legacy: ['tracks', 'episodes', 'albums', 'shows'].map((kind) => `GET /me/${kind}/contains`),
      },
    ],
    scopes: ['user-library-read'],
    family: 'lists',
    usedBy: {
      'Now playing': 'once for each track',
      'Album page': 'after it has loaded',
      'Podcast page': 'after it has loaded',
      'Episode page': 'after it has loaded',
      'Track page': 'after it has loaded',
    },
    request: ({ webApi, accessToken, versioned }, uri: string) =>
      versioned((apiVersion) => webApi.isSaved(accessToken, uri, apiVersion)),
    cache: { key: (uri) => `is saved ${uri}`, ttlMs: ttl.tenMinutes },
  }),

  ...libraryCalls,
  ...catalogCalls,

  playlists: definePlaylists({ Playlists: true }, ttl.second),
  /** Up to five minutes old. */
  cachedPlaylists: definePlaylists(
    { Export: true, 'Add to playlist': 'once for each fifty, up to four calls' },
    ttl.fiveMinutes,
  ),
  /** Never cached. */
  freshPlaylists: definePlaylists({ Export: 'the file of all playlists' }),

  playlist: definePlaylist({ 'Playlist page': true }, ttl.second),
  /** Up to five minutes old. */
  cachedPlaylist: definePlaylist({ Export: true }, ttl.fiveMinutes),
  /** Never cached. */
  freshPlaylist: definePlaylist({
    Export: 'every file',
    'Playlist page': '"Undo"; if Spotify refuses a version or doesn’t respond',
    'Add to playlist': '"Undo"; if Spotify doesn’t respond',
  }),

  playlistEntries: defineCall({
    endpoints: [{ '2026-02': 'GET /playlists/{id}/items', legacy: ['GET /playlists/{id}/tracks'] }],
    scopes: playlistScopes,
    family: 'playlist-read',
    usedBy: { 'Playlist page': true },
    request: (
      { webApi, accessToken, market, versioned },
      id: string,
      _snapshotId: string | null,
      page: number,
    ) => {
      const slice = { from: (page - 1) * entriesPerPage, market };
      return versioned((apiVersion) => webApi.playlistEntries(accessToken, id, slice, apiVersion));
    },
    // A change to the contents also changes the snapshot.
    cache: { key: (id, snapshotId, page) => `playlist ${id} ${snapshotId} ${page}`, ttlMs: ttl.fiveMinutes },
  }),

  /** Reads part of a playlist to change it, so the scopes for that are needed as well. */
  playlistEntriesToRemove: defineCall({
    endpoints: [{ '2026-02': 'GET /playlists/{id}/items', legacy: ['GET /playlists/{id}/tracks'] }],
    scopes: [...playlistScopes, ...editPlaylistScopes],
    family: 'playlist-read',
    usedBy: { 'Playlist page': '"Remove"' },
    request: ({ webApi, accessToken, versioned }, id: string, slice: Slice) =>
      versioned((apiVersion) => webApi.playlistEntries(accessToken, id, slice, apiVersion)),
  }),

  ...exportCalls,

  ...playlistCalls,
};

/** A page of the listener's playlists, cached for `ttlMs` milliseconds; not cached without it. */
function definePlaylists(usedBy: UsedBy, ttlMs?: number) {
  return defineCall({
    endpoints: ['GET /me/playlists'],
    scopes: playlistScopes,
    family: 'lists',
    usedBy,
    request: ({ webApi, accessToken }, page: number) => webApi.playlists(accessToken, page),
    ...(ttlMs && { cache: { key: (page: number) => `playlists ${page}`, ttlMs } }),
  });
}

/** A playlist without its entries, cached for `ttlMs` milliseconds; not cached without it. */
function definePlaylist(usedBy: UsedBy, ttlMs?: number) {
  return defineCall({
    endpoints: ['GET /playlists/{id}'],
    scopes: playlistScopes,
    family: 'playlist-read',
    usedBy,
    request: ({ webApi, accessToken }, id: string) => webApi.playlist(accessToken, id),
    ...(ttlMs && { cache: { key: (id: string) => `playlist ${id} card`, ttlMs } }),
  });
}

/** Returns the scopes that these calls need, without duplicates. */
export function scopesFor(...names: readonly CallName[]): Scope[] {
  return [...new Set(names.flatMap((name) => listenerCalls[name].scopes))];
}
