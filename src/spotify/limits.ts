/* How much Spotify sends per call, and what it accepts. */

/** Entries of a playlist per call: the most that Spotify sends in both API versions ("Get Playlist Items"). */
export const entriesPerPage = 50;
/** Items that one call can add to a playlist or remove from it ("Add Items to Playlist", "Remove Playlist Items"). */
export const maxChangedItems = 100;
/**
 * The size of a cover that is uploaded, in bytes. Spotify accepts 256 KB of base64, which is a third longer ("Add Custom Playlist Cover Image");
 * a kilobyte counts as 1000 bytes here, in case Spotify means that.
 */
export const maxCoverBytes = 187 * 1024;
/** Playlists per call: the most that Spotify sends ("Get Current User's Playlists"). */
export const playlistsPerPage = 50;
/** The highest offset into a list that Spotify accepts (same page). */
export const maxOffset = 100_000;

/** Results of each type per search: the most that Spotify sends to new apps ("February 2026 Web API changes"). */
// safeguard: ten-search-results
export const resultsPerPage = 10;
/** The highest offset into search results that Spotify accepts ("Search for Item"). */
export const maxSearchOffset = 1_000;
/**
 * Tracks per call, for saved, recently played and top tracks: the most that Spotify sends ("Get User's Saved Tracks", "Get Recently Played
 * Tracks", "Get User's Top Items").
 */
export const tracksPerPage = 50;

/** Albums, shows, episodes and followed artists per call: the most that Spotify sends ("Get User's Saved Albums" and the pages beside it). */
export const savedPerPage = 50;
/** Things that one call can save, follow or remove ("Save Items to Library", "Remove Items from Library"). */
export const maxSavedItems = 40;
/** The same of the legacy version, for the kind that it accepts the fewest of ("Remove Users' Saved Albums"). */
export const maxLegacySavedItems = 20;
/** Tracks of an album and episodes of a show per call: the most that Spotify sends ("Get Album Tracks", "Get Show Episodes"). */
export const partsPerPage = 50;
/** Albums of an artist per call: the most that Spotify sends to new apps ("Get Artist's Albums"). */
// safeguard: ten-albums-per-call
export const albumsPerPage = 10;

/** Spotify's names for the types of search results. */
export const searchTypes = ['artist', 'track', 'album', 'playlist', 'show', 'episode'] as const;
export type SearchType = (typeof searchTypes)[number];

/** Periods for top items: about four weeks, about six months, about a year ("Get User's Top Items"). */
export const timeRanges = ['short_term', 'medium_term', 'long_term'] as const;
export type TimeRange = (typeof timeRanges)[number];
