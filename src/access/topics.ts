/** Cached responses that become outdated together, as prefixes of their keys. */
export const topics = {
  player: () => ['player', 'devices', 'queue', 'recently played'],
  nowPlaying: () => ['is saved spotify:track:', 'is saved spotify:episode:', 'player'],
  library: () => ['saved '],
  // safeguard: invalidate-player-after-save
  saved: (uris: readonly string[]) => ['saved ', ...isSaved(uris), 'player'],
  // safeguard: invalidate-followed-artists
  followed: (uris: readonly string[] = []) => ['followed artists', ...isSaved(uris)],
  /** That a command was refused because the account has no Premium. */
  premium: () => ['without Premium'],
  playlists: () => ['playlists'],
  playlist: (id: string) => ['playlists', `playlist ${id}`],
  followedPlaylist: (uris: readonly string[]) => ['playlists', ...isSaved(uris)],
};

/** Only of these: what is known of others saves calls, and decides which buttons a page has. */
// safeguard: forget-only-what-changed
function isSaved(uris: readonly string[]): string[] {
  return uris.map((uri) => `is saved ${uri}`);
}
