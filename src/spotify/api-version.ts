import { pathTo } from './uri.ts';

/**
 * The Web API is spoken in two dialects, and nobody says which one an app meets: apps in Development Mode made since February
 * 2026 know only the `new` names, some older ones only the `classic` ones, apps with extended quota both (Spotify's
 * "February 2026 Web API changes" and its migration guide). Answers are read in either; this is what asking takes.
 */
export type ApiVersion = '2026-02' | 'legacy';

/** What a call or a field is called in each dialect. */
export const names = {
  '2026-02': {
    /** The path under a playlist that lists what is in it. */
    contents: 'items',
    /** The track or episode in an entry of that list. */
    entry: 'item',
    /** Where tracks and episodes are saved to, and what says which. */
    library: (_kind: 'track' | 'episode'): string => '/me/library',
    saved: 'uris',
    /** Where a listener's new playlist is made. */
    newPlaylist: (_listenerId: string): string => '/me/playlists',
  },
  legacy: {
    contents: 'tracks',
    entry: 'track',
    library: (kind: 'track' | 'episode'): string => pathTo('me', `${kind}s`),
    saved: 'ids',
    newPlaylist: (listenerId: string): string => pathTo('users', listenerId, 'playlists'),
  },
} as const;

export function otherApiVersion(apiVersion: ApiVersion): ApiVersion {
  return apiVersion === '2026-02' ? 'legacy' : '2026-02';
}
