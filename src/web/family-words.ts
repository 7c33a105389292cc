import type { QuotaFamily } from '../access/quota-families.ts';

/** What stops working when the calls of a family are used up, to go before "paused", and what still works. */
export const familyWords: Record<QuotaFamily, { paused: string; stillWorks: string }> = {
  'player-read': {
    paused: 'Now playing is',
    stillWorks: 'Your playlists, your library and search still work.',
  },
  'player-write': { paused: 'Playback controls are', stillWorks: 'Now playing still works.' },
  me: { paused: 'Signing in is', stillWorks: 'Search still works.' },
  lists: {
    paused: 'Your lists of playlists and tracks are',
    stillWorks: 'Now playing and search still work.',
  },
  'playlist-read': {
    paused: 'The contents of playlists are',
    stillWorks: 'Now playing, your library and search still work.',
  },
  'playlist-write': {
    paused: 'Changes to playlists are',
    stillWorks: 'Your playlists can still be opened.',
  },
  'library-write': {
    paused: 'Changes to your library are',
    stillWorks: 'Your library can still be opened.',
  },
  search: { paused: 'Search is', stillWorks: 'Now playing, your playlists and your library still work.' },
  catalogue: {
    paused: 'Details of tracks and artists are',
    stillWorks: 'Now playing, your playlists and your library still work.',
  },
  images: { paused: 'Changes to covers are', stillWorks: 'Everything else still works.' },
};
