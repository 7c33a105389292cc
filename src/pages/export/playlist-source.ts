import type { Playlist } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { openSource, type Run, type Source } from './source.ts';

type Options = {
  /** The row to begin with, and the snapshot that the previous part was made from. */
  at: { from: number; snapshot?: string };
  run: Run;
  resume: (from: number) => string;
  /** Whether Spotify says that it shows the contents; it doesn't say so in lists of playlists. */
  isReadable?: boolean;
};

/** Opens a playlist of the listener's. Throws as `openSource` does. */
export function openPlaylist(
  { spotify }: SignedInListener,
  playlist: Playlist,
  { at, run, resume, isReadable }: Options,
): Promise<Source> {
  const { id, snapshotId } = playlist;
  const isHidden = id === null || isReadable === false;
  return openSource({
    list: playlist,
    from: at.from,
    previousSnapshot: at.snapshot ?? null,
    load: isHidden ? null : (from) => spotify.playlistEntriesToExport(id, { snapshotId, from }),
    currentSnapshot: async () => (await spotify.freshPlaylist(String(id))).snapshotId,
    resume,
    run,
    isReadable: isReadable ?? false,
  });
}
