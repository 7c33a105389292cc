/** A permission that the listener gave, and what this site does with it. */
export type Permission = { scope: string; purpose: string };

const words: Readonly<Record<string, string>> = {
  'user-read-playback-state': 'See what is playing, and on which device: for Now playing',
  'playlist-read-private': 'See your private playlists: for Playlists',
  'playlist-read-collaborative': 'See the playlists you share with others: for Playlists',
  'user-library-read': 'See what you saved: for Library, and beside what is playing',
  'user-read-recently-played': 'See what you played lately: for Library',
  'user-top-read': 'See what you play most: for Library',
  'user-modify-playback-state': 'Play, pause, skip and change the device: for the buttons that do',
  'playlist-modify-public': 'Change your public playlists: for the buttons that do',
  'playlist-modify-private': 'Change your private playlists: for the buttons that do',
  'user-library-modify': 'Save to your library and remove from it: for the buttons that do',
};

/** What each of these scopes is for; one that nothing here uses is said to be that. */
export function purposes(scopes: readonly string[]): Permission[] {
  return scopes.map((scope) => ({ scope, purpose: words[scope] ?? 'Given, but not used by this site' }));
}
