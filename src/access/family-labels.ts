import type { QuotaFamily } from './quota-families.ts';

/** The purpose of a family's calls, and the subject of "paused" when they are used up. */
export const familyLabels: Record<QuotaFamily, { name: string; paused: string }> = {
  'player-read': { name: 'Now playing and devices', paused: 'Now playing and devices are' },
  'player-write': { name: 'Playback controls', paused: 'Playback controls are' },
  me: { name: 'Profiles', paused: 'Signing in is' },
  lists: { name: 'Lists of playlists and libraries', paused: 'Your playlists and library are' },
  'playlist-read': { name: 'Playlist contents', paused: 'Playlist contents are' },
  'playlist-write': { name: 'Changes to playlists', paused: 'Changes to playlists are' },
  'library-write': { name: 'Changes to libraries', paused: 'Changes to your library are' },
  search: { name: 'Search', paused: 'Search is' },
  catalogue: { name: 'Details of tracks and artists', paused: 'Details of tracks and artists are' },
  images: { name: 'Changes to covers', paused: 'Changes to covers are' },
};

/** The features of the site, and the families that each needs. */
const mainParts: readonly [string, readonly QuotaFamily[]][] = [
  ['now playing', ['player-read']],
  ['your playlists', ['lists', 'playlist-read']],
  ['your library', ['lists']],
  ['search', ['search']],
];

/** Says which main parts of the site work while these families are paused; empty if none do. */
export function stillWorks(paused: readonly QuotaFamily[]): string {
  // The reader may not be signed in.
  if (paused.includes('me')) return 'If you’re already signed in, you stay signed in.';
  const working = mainParts
    // safeguard: name-only-what-works
    .filter(([, families]) => !families.some((family) => paused.includes(family)))
    .map(([part]) => part);
  const text = new Intl.ListFormat('en').format(working);
  if (text === '') return '';
  return `${text[0]?.toUpperCase()}${text.slice(1)} ${working.length > 1 ? 'aren’t' : 'isn’t'} affected.`;
}
