import type { Addition, Move, PlaylistDetails, Removal } from '../spotify/playlist-change-calls.ts';
import { playlistScopes } from './scopes.ts';
import { defineCall, ttl } from './spotify-call.ts';
import { topics } from './topics.ts';

export const editPlaylistScopes = ['playlist-modify-public', 'playlist-modify-private'] as const;

/** The calls that change playlists, and that read them for that: part of the table in listener-calls.ts. */
export const playlistCalls = {
  /** Reads a playlist to change it, so the scopes for that are needed as well. */
  playlistUris: defineCall({
    endpoints: [{ '2026-02': 'GET /playlists/{id}/items', legacy: ['GET /playlists/{id}/tracks'] }],
    scopes: [...playlistScopes, ...editPlaylistScopes],
    family: 'playlist-read',
    usedBy: {
      'Playlist page': '"Remove", "Undo"; a move, if the page isn’t cached; if Spotify doesn’t respond',
      'Add to playlist': '"Undo"; if Spotify doesn’t respond',
    },
    request: (
      { webApi, accessToken, versioned },
      id: string,
      { from }: { snapshotId: string | null; from: number },
    ) => versioned((apiVersion) => webApi.playlistUris(accessToken, id, from, apiVersion)),
    // A change to the contents also changes the snapshot.
    cache: {
      key: (id, { snapshotId, from }) => (snapshotId ? `playlist ${id} ${snapshotId} uris ${from}` : null),
      ttlMs: ttl.fiveMinutes,
    },
  }),

  createPlaylist: defineCall({
    endpoints: [{ '2026-02': 'POST /me/playlists', legacy: ['POST /users/{id}/playlists'] }],
    scopes: editPlaylistScopes,
    family: 'playlist-write',
    usedBy: { 'New playlist': true },
    request: ({ webApi, accessToken, listenerId, versioned }, details: PlaylistDetails) =>
      versioned((apiVersion) => webApi.createPlaylist(accessToken, listenerId, details, apiVersion)),
    invalidates: topics.playlists,
  }),

  changePlaylist: defineCall({
    endpoints: ['PUT /playlists/{id}'],
    scopes: editPlaylistScopes,
    family: 'playlist-write',
    usedBy: { 'Playlist page': '"Save"' },
    request: ({ webApi, accessToken }, id: string, details: PlaylistDetails) =>
      webApi.changePlaylist(accessToken, id, details),
    invalidates: topics.playlist,
  }),

  uploadCover: defineCall({
    endpoints: ['PUT /playlists/{id}/images'],
    scopes: ['ugc-image-upload', ...editPlaylistScopes],
    family: 'images',
    usedBy: { 'Playlist page': '"Upload cover"' },
    request: ({ webApi, accessToken }, id: string, jpeg: Buffer) => webApi.uploadCover(accessToken, id, jpeg),
    invalidates: topics.playlist,
  }),

  addToPlaylist: defineCall({
    endpoints: [{ '2026-02': 'POST /playlists/{id}/items', legacy: ['POST /playlists/{id}/tracks'] }],
    scopes: editPlaylistScopes,
    family: 'playlist-write',
    usedBy: { 'Add to playlist': 'once for each playlist', 'Playlist page': '"Undo"' },
    request: ({ webApi, accessToken, versioned }, id: string, addition: Addition) =>
      versioned((apiVersion) => webApi.addToPlaylist(accessToken, id, addition, apiVersion)),
    invalidates: topics.playlist,
  }),

  moveInPlaylist: defineCall({
    endpoints: [{ '2026-02': 'PUT /playlists/{id}/items', legacy: ['PUT /playlists/{id}/tracks'] }],
    scopes: editPlaylistScopes,
    family: 'playlist-write',
    usedBy: { 'Playlist page': 'once for each move' },
    request: ({ webApi, accessToken, versioned }, id: string, move: Move) =>
      versioned((apiVersion) => webApi.moveInPlaylist(accessToken, id, move, apiVersion)),
    invalidates: topics.playlist,
  }),

  removeFromPlaylist: defineCall({
    endpoints: [{ '2026-02': 'DELETE /playlists/{id}/items', legacy: ['DELETE /playlists/{id}/tracks'] }],
    scopes: editPlaylistScopes,
    family: 'playlist-write',
    usedBy: { 'Playlist page': '"Remove"', 'Add to playlist': '"Undo"' },
    request: ({ webApi, accessToken, versioned }, id: string, removal: Removal) =>
      versioned((apiVersion) => webApi.removeFromPlaylist(accessToken, id, removal, apiVersion)),
    invalidates: topics.playlist,
  }),
};
