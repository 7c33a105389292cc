import { partsPerPage } from '../spotify/limits.ts';
import { defineCall, ttl } from './spotify-call.ts';

/** Shared by the calls about the catalog. Their responses hardly ever change. */
const catalog = { scopes: [], family: 'catalogue' } as const;

/** Returns the offset of a page, which counts from 1. */
export function offsetOfPage(page: number): number {
  return (page - 1) * partsPerPage;
}

/** The calls about albums, artists, shows, episodes and tracks, for the table of listener-calls.ts. The first page of a list comes with its album or show. */
export const catalogCalls = {
  item: defineCall({
    ...catalog,
    endpoints: ['GET /tracks/{id}', 'GET /episodes/{id}'],
    usedBy: { 'Track page': true, 'Add to playlist': true },
    request: ({ webApi, accessToken, market }, uri: string) => webApi.item(accessToken, uri, market),
    cache: { key: (uri) => `item ${uri}`, ttlMs: ttl.fiveMinutes },
  }),

  /** Not cached for long: the position at which the listener stopped changes while they listen. */
  episode: defineCall({
    ...catalog,
    endpoints: ['GET /episodes/{id}'],
    usedBy: { 'Episode page': true },
    request: ({ webApi, accessToken, market }, id: string) => webApi.episode(accessToken, id, market),
    cache: { key: (id) => `episode ${id}`, ttlMs: ttl.second },
  }),

  album: defineCall({
    ...catalog,
    endpoints: ['GET /albums/{id}'],
    usedBy: { 'Album page': true },
    request: ({ webApi, accessToken, market }, id: string) => webApi.album(accessToken, id, market),
    cache: { key: (id) => `album ${id}`, ttlMs: ttl.fiveMinutes },
  }),

  albumTracks: defineCall({
    ...catalog,
    endpoints: ['GET /albums/{id}/tracks'],
    usedBy: { 'Album page': 'from the second page on' },
    request: ({ webApi, accessToken, market }, id: string, page: number) =>
      webApi.albumTracks(accessToken, id, { from: offsetOfPage(page), market }),
    cache: { key: (id, page) => `album ${id} tracks ${page}`, ttlMs: ttl.fiveMinutes },
  }),

  artist: defineCall({
    ...catalog,
    endpoints: ['GET /artists/{id}'],
    usedBy: { 'Artist page': true },
    request: ({ webApi, accessToken }, id: string) => webApi.artist(accessToken, id),
    cache: { key: (id) => `artist ${id}`, ttlMs: ttl.fiveMinutes },
  }),

  artistAlbums: defineCall({
    ...catalog,
    endpoints: ['GET /artists/{id}/albums'],
    usedBy: { 'Artist page': 'for each ten albums, when asked for' },
    request: ({ webApi, accessToken, market }, id: string, page: number) =>
      webApi.artistAlbums(accessToken, id, { page, market }),
    cache: { key: (id, page) => `artist ${id} albums ${page}`, ttlMs: ttl.fiveMinutes },
  }),

  show: defineCall({
    ...catalog,
    endpoints: ['GET /shows/{id}'],
    usedBy: { 'Podcast page': true, 'Saved podcasts': '"Play"', Search: '"Play"' },
    request: ({ webApi, accessToken, market }, id: string) => webApi.show(accessToken, id, market),
    cache: { key: (id) => `show ${id}`, ttlMs: ttl.minute },
  }),

  showEpisodes: defineCall({
    ...catalog,
    endpoints: ['GET /shows/{id}/episodes'],
    usedBy: { 'Podcast page': 'from the second page on' },
    request: ({ webApi, accessToken, market }, id: string, page: number) =>
      webApi.showEpisodes(accessToken, id, { from: offsetOfPage(page), market }),
    cache: { key: (id, page) => `show ${id} episodes ${page}`, ttlMs: ttl.minute },
  }),
};
