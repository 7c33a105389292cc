/**
 * Groups of endpoints that may draw on one quota. Spotify says that there are such groups, but neither names nor sizes them (Spotify:
 * "Quota modes"), so these are a guess, and the setting `buckets` combines them.
 */
export const families = [
  'player-read',
  'player-write',
  'me',
  'lists',
  'playlist-read',
  'playlist-write',
  'library-write',
  'search',
  'catalogue',
  'images',
] as const;

export type Family = (typeof families)[number];
