import type { Playlist } from './playlists.ts';

const delayMs = 5_000;

/** Pictures that were uploaded for playlists. Spotify shows a new one only after a while. */
export function createUploadedCovers(now: () => number) {
  const covers = new Map<Playlist, { jpeg: Buffer; from: number }>();

  return {
    add: (playlist: Playlist, jpeg: Buffer) => void covers.set(playlist, { jpeg, from: now() + delayMs }),

    /** The picture that was uploaded last; undefined if there is none. */
    of: (playlist: Playlist | undefined): Buffer | undefined => playlist && covers.get(playlist)?.jpeg,

    /** Has playlists show the pictures whose time has come. */
    show() {
      for (const [playlist, { from }] of covers) if (from <= now()) playlist.picture = 'uploaded';
    },
  };
}
