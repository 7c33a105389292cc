import type { Playlist } from '../../spotify/types.ts';
import type { CallingListener } from '../../web/signed-in.ts';
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
  { spotify }: CallingListener,
  playlist: Playlist,
  { at, run, resume, isReadable }: Options,
): Promise<Source> {
  const { id, snapshotId } = playlist;
  const isHidden = id === null || isReadable === false;
  return openSource({
    list: playlist,
    from: at.from,
    previousSnapshot: at.snapshot ?? null,
    load: isHidden
      ? null
      : (from, onResponse) => spotify.playlistEntriesToExport(id, { snapshotId, from }, onResponse),
    currentSnapshot: async () => (await spotify.freshPlaylist(String(id))).snapshotId,
    resume,
    run,
    isReadable: isReadable ?? false,
  });
}

/**
 * Whether the contents should be readable to the listener in every API version. Spotify always names the owner of the listener's own
 * playlists.
 */
export function isOwnOrShared({ id }: CallingListener, { ownerId, collaborative }: Playlist): boolean {
  return ownerId === id || collaborative;
}
