import type { Scope } from './scopes.ts';

/** Endpoints that are assumed to share a daily quota. Spotify groups them, but doesn't publish how ("Quota modes"). */
type QuotaFamily =
  | 'player-read'
  | 'player-write'
  | 'me'
  | 'lists'
  | 'playlist-read'
  | 'playlist-write'
  | 'library-write'
  | 'search'
  | 'catalogue'
  | 'images';

/** Method and path as in Spotify's reference, for each API version if they differ. */
export type Endpoint = string | { '2026-02': string; legacy: readonly string[] };

export type PageName =
  | 'Signing in'
  | 'Account'
  | 'Now playing'
  | 'Devices'
  | 'Library'
  | 'Recently played'
  | 'Top'
  | 'Playlists'
  | 'Playlist'
  | 'New playlist'
  | 'Add to a playlist'
  | 'Export'
  | 'Search';

/** What is known about a call to Spotify before it is made. docs/spotify-calls.md is generated from it. */
export type CallInfo = {
  endpoints: readonly Endpoint[];
  /** The listener must have granted all of these. */
  scopes: readonly Scope[];
  family: QuotaFamily;
  /** The pages that make the call; a text says when, or with which button. */
  usedBy: Partial<Record<PageName, true | string>>;
};

/** How long responses are cached, in milliseconds. */
export const ttl = {
  /** What may change at any time. Long enough for double clicks, and for pages that load at the same time. */
  moment: 1_000,
  minute: 60_000,
  /** Long enough to page through a list. */
  minutes: 5 * 60_000,
  /** What hardly changes, or is invalidated whenever it does. */
  long: 10 * 60_000,
};
