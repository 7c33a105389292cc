/** Cached responses that become outdated together, as prefixes of their keys. */
export const topics = {
  player: () => ['player', 'devices', 'queue', 'recently played'],
  nowPlaying: () => ['is saved ', 'player'],
  library: () => ['saved tracks'],
  // safeguard: invalidate-player-after-save
  saved: () => ['saved tracks', 'is saved ', 'player'],
  playlists: () => ['playlists'],
  playlist: (id: string) => ['playlists', `playlist ${id}`],
};
