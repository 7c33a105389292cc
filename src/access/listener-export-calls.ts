import type { OnResponse } from '../spotify/export-calls.ts';
import type { ExportedEntry } from '../spotify/exported.ts';
import { entriesPerPage, savedPerPage, type TimeRange } from '../spotify/limits.ts';
import type { Page } from '../spotify/types.ts';
import type { WebApi } from '../spotify/web-api.ts';
import { playlistScopes, type Scope } from './scopes.ts';
import { defineCall, ttl } from './spotify-call.ts';

type PageToExport = { snapshotId: string | null; from: number };

type List = {
  endpoint: string;
  scopes: readonly Scope[];
  /** Its name in keys of the cache; they begin like those of the pages that show it, so that a change invalidates both. */
  name: string;
  usedBy: string;
  load: (
    context: { webApi: WebApi; accessToken: string },
    from: number,
    onResponse?: OnResponse,
  ) => Promise<Page<ExportedEntry>>;
};

/**
 * Defines a call that reads a page of a list of the library. The formats share its pages, like those of a playlist: the snapshot is derived from the first
 * page, which is read for every file.
 */
function defineList({ endpoint, scopes, name, usedBy, load }: List) {
  return defineCall({
    endpoints: [endpoint],
    scopes,
    family: 'lists',
    usedBy: { Export: usedBy },
    request: (context, { from }: PageToExport, onResponse?: OnResponse) => load(context, from, onResponse),
    cache: {
      // safeguard: share-list-between-formats
      key: ({ snapshotId, from }) => (snapshotId ? `${name} to export ${snapshotId} from ${from}` : null),
      ttlMs: ttl.fiveMinutes,
      accepts: ({ items, total }, { from }) =>
        total !== null && items.length === Math.min(savedPerPage, total - from),
      isPacked: true,
    },
  });
}

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

  savedTracksToExport: defineList({
    endpoint: 'GET /me/tracks',
    scopes: ['user-library-read'],
    name: 'saved tracks',
    usedBy: 'the file of saved tracks',
    // Without a market, tracks have the URIs that are in the library: see relinking.ts.
    load: ({ webApi, accessToken }, from, onResponse) =>
      webApi.exportedSavedTracks(accessToken, { from, market: null }, onResponse),
  }),

  savedAlbumsToExport: defineList({
    endpoint: 'GET /me/albums',
    scopes: ['user-library-read'],
    name: 'saved albums',
    usedBy: 'the file of saved albums',
    load: ({ webApi, accessToken }, from, onResponse) =>
      webApi.exportedSaved(accessToken, 'album', from, onResponse),
  }),

  savedShowsToExport: defineList({
    endpoint: 'GET /me/shows',
    scopes: ['user-library-read'],
    name: 'saved shows',
    usedBy: 'the file of saved podcasts',
    load: ({ webApi, accessToken }, from, onResponse) =>
      webApi.exportedSaved(accessToken, 'show', from, onResponse),
  }),

  savedEpisodesToExport: defineList({
    endpoint: 'GET /me/episodes',
    scopes: ['user-library-read', 'user-read-playback-position'],
    name: 'saved episodes',
    usedBy: 'the file of saved episodes',
    load: ({ webApi, accessToken }, from, onResponse) =>
      webApi.exportedSaved(accessToken, 'episode', from, onResponse),
  }),

  /** Some of the artists, after the one with this id; null for the first ones, which aren't cached, because they are compared at the end. */
  followedArtistsToExport: defineCall({
    endpoints: ['GET /me/following'],
    scopes: ['user-follow-read'],
    family: 'lists',
    usedBy: { Export: 'the file of followed artists' },
    request: ({ webApi, accessToken }, { after }: { snapshotId: string | null; after: string | null }) =>
      webApi.followedArtists(accessToken, after),
    cache: {
      key: ({ snapshotId, after }) =>
        snapshotId && after ? `followed artists to export ${snapshotId} after ${after}` : null,
      ttlMs: ttl.fiveMinutes,
      isPacked: true,
    },
  }),

  historyToExport: defineCall({
    endpoints: ['GET /me/player/recently-played'],
    scopes: ['user-read-recently-played'],
    family: 'lists',
    usedBy: { Export: 'the file of recently played tracks' },
    request: ({ webApi, accessToken }) => webApi.exportedHistory(accessToken),
    cache: { key: () => 'recently played to export', ttlMs: ttl.minute, isPacked: true },
  }),

  topTracksToExport: defineCall({
    endpoints: ['GET /me/top/tracks'],
    scopes: ['user-top-read'],
    family: 'lists',
    usedBy: { Export: 'the file of top tracks' },
    request: ({ webApi, accessToken }, range: TimeRange) => webApi.exportedTopTracks(accessToken, range),
    cache: { key: (range) => `top tracks to export ${range}`, ttlMs: ttl.fiveMinutes, isPacked: true },
  }),

  topArtistsToExport: defineCall({
    endpoints: ['GET /me/top/artists'],
    scopes: ['user-top-read'],
    family: 'lists',
    usedBy: { Export: 'the file of top artists' },
    request: ({ webApi, accessToken }, range: TimeRange) => webApi.topArtists(accessToken, range),
    cache: { key: (range) => `top artists to export ${range}`, ttlMs: ttl.fiveMinutes, isPacked: true },
  }),
};
