import type { QuotaFamily } from './quota-families.ts';

/** What a family's calls are for, what stops working when they are used up, to go before "paused", and what still works. */
export const familyWords: Record<QuotaFamily, { name: string; paused: string; stillWorks: string }> = {
  'player-read': {
    name: 'Now playing',
    paused: 'Now playing is',
    stillWorks: 'Your playlists, your library and search aren’t affected.',
  },
  'player-write': {
    name: 'Playback controls',
    paused: 'Playback controls are',
    stillWorks: 'Now playing isn’t affected.',
  },
  me: { name: 'Your profile', paused: 'Signing in is', stillWorks: 'Search isn’t affected.' },
  lists: {
    name: 'Lists of playlists and tracks',
    paused: 'Your lists of playlists and tracks are',
    stillWorks: 'Now playing and search aren’t affected.',
  },
  'playlist-read': {
    name: 'Contents of playlists',
    paused: 'The contents of playlists are',
    stillWorks: 'Now playing, your library and search aren’t affected.',
  },
  'playlist-write': {
    name: 'Changes to playlists',
    paused: 'Changes to playlists are',
    stillWorks: 'Your playlists can still be opened.',
  },
  'library-write': {
    name: 'Changes to your library',
    paused: 'Changes to your library are',
    stillWorks: 'Your library can still be opened.',
  },
  search: {
    name: 'Search',
    paused: 'Search is',
    stillWorks: 'Now playing, your playlists and your library aren’t affected.',
  },
  catalogue: {
    name: 'Details of tracks',
    paused: 'Details of tracks and artists are',
    stillWorks: 'Now playing, your playlists and your library aren’t affected.',
  },
  images: { name: 'Covers', paused: 'Changes to covers are', stillWorks: 'Everything else isn’t affected.' },
};
