import type { OnResponse } from '../spotify/export-calls.ts';
import { entriesPerPage, type TimeRange } from '../spotify/limits.ts';
import { playlistScopes } from './scopes.ts';
import { defineCall, ttl } from './spotify-call.ts';

type PageToExport = { snapshotId: string | null; from: number };

/** The calls that read lists for files. Their responses have more fields than those for pages. */
export const exportCalls = {
  playlistEntriesToExport: defineCall({
    endpoints: [{ '2026-02': 'GET /playlists/{id}/items', legacy: ['GET /playlists/{id}/tracks'] }],
    scopes: playlistScopes,
    family: 'playlist-read',
    usedBy: { Export: 'every file of a playlist' },
    request: (
      { webApi, accessToken, market, versioned },
      id: string,
      { from }: PageToExport,
      onResponse?: OnResponse,
    ) =>
      versioned((apiVersion) => {
        // With a market, new apps would get relinked tracks without their originals: see relinking.ts.
        // safeguard: export-originals
        const slice = { from, market: apiVersion === 'legacy' ? market : null };
        return webApi.exportedPlaylistEntries(accessToken, id, slice, apiVersion, onResponse);
      }),
    // Shared by the formats: a playlist with the same snapshot has the same contents. A page that lacks rows is read again.
    cache: {
      // safeguard: share-pages-between-formats
      key: (id, { snapshotId, from }) => (snapshotId ? `playlist ${id} ${snapshotId} from ${from}` : null),
      ttlMs: ttl.fiveMinutes,
      // safeguard: cache-whole-pages-only
      accepts: ({ items, total }, _id, { from }) =>
        total !== null && items.length === Math.min(entriesPerPage, total - from),
      isPacked: true,
    },
  }),

  savedTracksToExport: defineCall({
    endpoints: ['GET /me/tracks'],
    scopes: ['user-library-read'],
    family: 'lists',
    usedBy: { Export: 'the file of saved tracks' },
    // Without a market, tracks have the URIs that are in the library: see relinking.ts.
    request: ({ webApi, accessToken }, from: number, onResponse?: OnResponse) =>
      webApi.exportedSavedTracks(accessToken, { from, market: null }, onResponse),
  }),

  savedAlbumsToExport: defineCall({
    endpoints: ['GET /me/albums'],
    scopes: ['user-library-read'],
    family: 'lists',
    usedBy: { Export: 'the file of saved albums' },
    request: ({ webApi, accessToken }, from: number, onResponse?: OnResponse) =>
      webApi.exportedSaved(accessToken, 'album', from, onResponse),
  }),

  savedShowsToExport: defineCall({
    endpoints: ['GET /me/shows'],
    scopes: ['user-library-read'],
    family: 'lists',
    usedBy: { Export: 'the file of saved podcasts' },
    request: ({ webApi, accessToken }, from: number, onResponse?: OnResponse) =>
      webApi.exportedSaved(accessToken, 'show', from, onResponse),
  }),

  savedEpisodesToExport: defineCall({
    endpoints: ['GET /me/episodes'],
    scopes: ['user-library-read', 'user-read-playback-position'],
    family: 'lists',
    usedBy: { Export: 'the file of saved episodes' },
    request: ({ webApi, accessToken }, from: number, onResponse?: OnResponse) =>
      webApi.exportedSaved(accessToken, 'episode', from, onResponse),
  }),

  /** Some of the artists, after the one with this id; null for the first ones. Not cached, because the first ones are compared at the end. */
  followedArtistsToExport: defineCall({
    endpoints: ['GET /me/following'],
    scopes: ['user-follow-read'],
    family: 'lists',
    usedBy: { Export: 'the file of followed artists' },
    request: ({ webApi, accessToken }, after: string | null) => webApi.followedArtists(accessToken, after),
  }),

  historyToExport: defineCall({
    endpoints: ['GET /me/player/recently-played'],
    scopes: ['user-read-recently-played'],
    family: 'lists',
    usedBy: { Export: 'the file of recently played tracks' },
    request: ({ webApi, accessToken }) => webApi.exportedHistory(accessToken),
  }),

  topTracksToExport: defineCall({
    endpoints: ['GET /me/top/tracks'],
    scopes: ['user-top-read'],
    family: 'lists',
    usedBy: { Export: 'the file of top tracks' },
    request: ({ webApi, accessToken }, range: TimeRange) => webApi.exportedTopTracks(accessToken, range),
  }),

  topArtistsToExport: defineCall({
    endpoints: ['GET /me/top/artists'],
    scopes: ['user-top-read'],
    family: 'lists',
    usedBy: { Export: 'the file of top artists' },
    request: ({ webApi, accessToken }, range: TimeRange) => webApi.topArtists(accessToken, range),
  }),
};
