import { MissingScope } from '../spotify/errors.ts';

/**
 * Spotify's scopes that this site uses, with what they permit, in the words of the account page. Pending sign-ins refer to them by position, so
 * new ones are added at the end.
 */
const scopes = {
  'user-read-playback-state': 'See what’s playing and on which device',
  'playlist-read-private': 'See your private playlists',
  'playlist-read-collaborative': 'See your collaborative playlists',
  'user-library-read': 'See what you’ve saved',
  'user-read-recently-played': 'See what you’ve played recently',
  'user-top-read': 'See what you play most',
  'user-modify-playback-state':
    'Control playback: play, pause, skip, seek, volume, shuffle, repeat, queue, device',
  'playlist-modify-public': 'Create and change public playlists',
  'playlist-modify-private': 'Create and change private playlists',
  'user-library-modify': 'Save to your library and remove from it',
  'user-read-currently-playing': 'See what’s up next',
  'user-follow-read': 'See which artists you follow',
  'user-read-playback-position': 'See where you stopped in podcast episodes',
  'user-follow-modify': 'Follow artists and unfollow them',
  'ugc-image-upload': 'Upload covers for your playlists',
} as const;

export type Scope = keyof typeof scopes;

export const knownScopes: readonly string[] = Object.keys(scopes);

/** The scopes that every sign-in requests, which are read-only. The others are requested when they are first needed. */
export const signInScopes: readonly Scope[] = [
  'user-read-playback-state',
  'user-read-currently-playing',
  'playlist-read-private',
  'playlist-read-collaborative',
  'user-library-read',
  'user-follow-read',
  'user-read-playback-position',
  'user-read-recently-played',
  // safeguard: read-only-scopes-first
  'user-top-read',
];

/** The scopes that let this site change things, and see what is up next. They are requested together, so that one consent is enough. */
export const controlScopes: readonly Scope[] = [
  'user-modify-playback-state',
  'user-read-currently-playing',
  'user-library-modify',
  'user-follow-modify',
  'playlist-modify-public',
  'playlist-modify-private',
  // safeguard: cover-scope-with-others
  'ugc-image-upload',
];

/** For reading playlists. Without both, Spotify silently omits some (GitHub: owntone/owntone-server#780). */
export const playlistScopes = ['playlist-read-private', 'playlist-read-collaborative'] as const;

/** Returns what this scope permits; null for a scope that this site doesn't use. */
export function describeScope(scope: string): string | null {
  return Object.hasOwn(scopes, scope) ? scopes[scope as Scope] : null;
}

export function hasScopes(granted: readonly string[], needed: readonly string[]): boolean {
  return needed.every((scope) => granted.includes(scope));
}

/** Throws MissingScope if any of these has not been granted. */
export function requireScopes(granted: readonly string[], needed: readonly string[]): void {
  const missing = needed.filter((scope) => !granted.includes(scope));
  if (missing.length > 0) throw new MissingScope(`Not granted: ${missing.join(' ')}`, missing);
}
