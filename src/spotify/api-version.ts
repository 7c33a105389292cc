import { pathTo, type UriKind } from './uri.ts';

/**
 * There are two versions of the Web API, and Spotify doesn't say which one an app gets: apps in Development Mode created since February 2026 know
 * only the names of `2026-02`, some older ones only those of `legacy`, and apps with extended quota both (Spotify's "February 2026 Web API
 * changes" and its migration guide). Responses are parsed in either version; these are the differences in requests.
 */
export type ApiVersion = '2026-02' | 'legacy';

/** The names of paths, fields and parameters in each version. */
export const names = {
  '2026-02': {
    /** The path below a playlist that lists its entries. */
    contents: 'items',
    /** The track or episode in an entry of that list. */
    entry: 'item',
    /** The path under which things are saved, and the parameter that names them. */
    libraryPath: (_kind: UriKind): string => '/me/library',
    libraryParameter: 'uris',
    /** The path under which a listener's playlists are created. */
    newPlaylistPath: (_listenerId: string): string => '/me/playlists',
  },
  legacy: {
    contents: 'tracks',
    entry: 'track',
    libraryPath: (kind: UriKind): string => pathTo('me', `${kind}s`),
    libraryParameter: 'ids',
    newPlaylistPath: (listenerId: string): string => pathTo('users', listenerId, 'playlists'),
  },
} as const;

/** Returns the API version to try if this one turns out to be wrong. */
export function otherApiVersion(apiVersion: ApiVersion): ApiVersion {
  return apiVersion === '2026-02' ? 'legacy' : '2026-02';
}
