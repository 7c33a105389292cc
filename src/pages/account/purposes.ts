/** A permission that the listener gave, and what this site does with it. */
export type Permission = { scope: string; purpose: string };

const words: Readonly<Record<string, string>> = {
  'user-read-playback-state': 'See what is playing, and on which device: for Now playing',
  'playlist-read-private': 'See your private playlists: for Playlists',
  'playlist-read-collaborative': 'See the playlists you share with others: for Playlists',
  'user-library-read': 'See what you saved: for Library, and beside what is playing',
  'user-read-recently-played': 'See what you played lately: for Recently played',
  'user-top-read': 'See what you play most: for Top',
  'user-modify-playback-state':
    'Play, pause, skip and choose the device: for the buttons below what is playing',
  'playlist-modify-public': 'Make and change playlists that everybody can see: for the buttons in Playlists',
  'playlist-modify-private': 'Make and change playlists that only you can see: for the buttons in Playlists',
  'user-library-modify': 'Save things and remove them: for the buttons in Library and below what is playing',
};

/** What each of these scopes is for; one that nothing here uses is said to be that. */
export function purposes(scopes: readonly string[]): Permission[] {
  return scopes.map((scope) => ({ scope, purpose: words[scope] ?? 'Given, but not used by this site' }));
}
