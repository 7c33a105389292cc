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
    name: 'Playlist and track lists',
    paused: 'Your playlist and track lists are',
    stillWorks: 'Now playing and search aren’t affected.',
  },
  'playlist-read': {
    name: 'Playlist contents',
    paused: 'Playlist contents are',
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
    name: 'Details of tracks and artists',
    paused: 'Details of tracks and artists are',
    stillWorks: 'Now playing, your playlists and your library aren’t affected.',
  },
  images: {
    name: 'Changes to covers',
    paused: 'Changes to covers are',
    stillWorks: 'Nothing else is affected.',
  },
};
