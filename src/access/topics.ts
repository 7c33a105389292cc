/** Cached responses that become outdated together, as prefixes of their keys. */
export const topics = {
  player: () => ['player', 'devices', 'queue', 'recently played'],
  nowPlaying: () => ['is saved ', 'player'],
  library: () => ['saved '],
  // safeguard: invalidate-player-after-save
  saved: () => ['saved ', 'is saved ', 'player'],
  // safeguard: invalidate-followed-artists
  followed: () => ['followed artists', 'is saved '],
  /** That a command was refused because the account has no Premium. */
  premium: () => ['without Premium'],
  playlists: () => ['playlists'],
  playlist: (id: string) => ['playlists', `playlist ${id}`],
  followedPlaylist: (uris: readonly string[]) => ['playlists', ...uris.map((uri) => `is saved ${uri}`)],
};
