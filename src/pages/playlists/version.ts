import { BadRequest, SpotifyUnavailable } from '../../spotify/errors.ts';
import { Problem } from '../../web/errors.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { noSnapshot } from './problems.ts';

/** `changed`: the playlist isn't the one that was seen anymore. `refused`: it is, but Spotify doesn't accept the change. */
type Result = { outcome: 'done'; snapshotId: string | null } | { outcome: 'changed' | 'refused' };

const maxSnapshotLength = 200;

/** Returns the version of the playlist that a form was made for. Throws {@link Problem} if it names none. */
export function readSnapshot(form: { text: (name: string) => string }): string {
  const snapshotId = form.text('snapshot');
  if (snapshotId === '' || snapshotId.length > maxSnapshotLength) throw new Problem(noSnapshot);
  return snapshotId;
}

/**
 * Changes a playlist as it was at this version. Spotify sometimes refuses the id of a version that is still the latest, with a 400 ("Missing or
 * bad version tag", GitHub: jwilsson/spotify-web-api-php#271) or a 502: then the playlist is read once more, and only if it is unchanged, so
 * that the first attempt can't have had an effect, the change is sent a second time without the id. Throws what `send` throws otherwise.
 */
export async function changeVersion(
  listener: SignedInListener,
  id: string,
  snapshotId: string,
  send: (snapshotId: string | null) => Promise<string | null>,
): Promise<Result> {
  try {
    return { outcome: 'done', snapshotId: await send(snapshotId) };
  } catch (error) {
    if (!mayRefuseVersion(error)) throw error;
  }
  const latest = await listener.spotify.freshPlaylist(id);
  // safeguard: resend-only-if-unchanged
  if (latest.snapshotId !== snapshotId) return { outcome: 'changed' };
  try {
    return { outcome: 'done', snapshotId: await send(null) };
  } catch (error) {
    if (error instanceof BadRequest) return { outcome: 'refused' };
    throw error;
  }
}

function mayRefuseVersion(error: unknown): boolean {
  return error instanceof BadRequest || (error instanceof SpotifyUnavailable && error.status === 502);
}
