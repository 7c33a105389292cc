/**
 * Endpoints that are assumed to share a daily quota. Spotify counts by "quota buckets" of endpoints, which it neither lists nor sizes and may
 * change at any time ("Quota modes").
 */
export const quotaFamilies = [
  'player-read',
  'player-write',
  'me',
  'lists',
  'playlist-read',
  'playlist-write',
  'library-write',
  'search',
  // With British spelling, because it is stored in Redis and is a label of the metrics.
  'catalogue',
  'images',
] as const;

export type QuotaFamily = (typeof quotaFamilies)[number];

/** The quota that a call to the Web API counts against. `endpoint`: method and path as in Spotify's reference, such as `GET /me/player`. */
export type QuotaTarget = { family: QuotaFamily; endpoint: string };
