/** A permission that the listener gave, and what this site does with it. */
export type Permission = { scope: string; purpose: string };

const words: Readonly<Record<string, string>> = {
  'user-read-playback-state': 'See what is playing, and on which device: for Now playing',
  'playlist-read-private': 'See your private playlists: for Playlists',
  'playlist-read-collaborative': 'See the playlists you share with others: for Playlists',
};

/** What each of these scopes is for; one that nothing here uses is said to be that. */
export function purposes(scopes: readonly string[]): Permission[] {
  return scopes.map((scope) => ({ scope, purpose: words[scope] ?? 'Given, but not used by this site' }));
}
