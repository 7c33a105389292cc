import { BadRequest, SpotifyUnavailable } from '../../spotify/errors.ts';
import { Problem } from '../../web/errors.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { noSnapshot } from './problems.ts';

/** A playlist as it is after the answer to a change was lost. */
export type Latest = Awaited<ReturnType<SignedInListener['spotify']['freshPlaylist']>>;

type Change = {
  /** The version of the playlist that the person saw. */
  snapshotId: string;
  /** Sends the change, for a version or without one. */
  send: (snapshotId: string | null) => Promise<string | null>;
  /** Returns whether a playlist that has changed since it was seen has this change; null if that isn't certain. */
  isMade: (latest: Latest) => Promise<boolean | null>;
};

/**
 * `changed`: the playlist isn't the one that was seen anymore, and doesn't have this change. `refused`: it is, but Spotify doesn't accept the change.
 * `unknown`: the answer was lost, and so is whether Spotify made the change.
 */
type Result =
  | { outcome: 'done'; snapshotId: string | null }
  | { outcome: 'changed' | 'refused' | 'unknown'; snapshotId: null };

const maxSnapshotLength = 200;

/** Returns the version of the playlist that a form was made for. Throws {@link Problem} if it names none. */
export function readSnapshot(form: { text: (name: string) => string }): string {
  const snapshotId = form.text('snapshot');
  if (snapshotId === '' || snapshotId.length > maxSnapshotLength) throw new Problem(noSnapshot);
  return snapshotId;
}

/**
 * Changes a playlist as it was at this version. Spotify sometimes refuses the id of a version that is still the latest, with a 400 ("Missing or
 * bad version tag", GitHub: jwilsson/spotify-web-api-php#271) or a 502: then the playlist is read once more. If it is unchanged, the first attempt
 * had no effect, and the change is sent a second time without the id. If an answer is lost, the playlist is read to see whether the change was
 * made. Throws what `send` throws if nothing was changed.
 */
export async function changeVersion(listener: SignedInListener, id: string, change: Change): Promise<Result> {
  const { snapshotId } = change;
  const first = await attempt(listener, id, change, snapshotId);
  return first.outcome === 'refused' ? attempt(listener, id, change, null) : first;
}

async function attempt(
  listener: SignedInListener,
  id: string,
  { snapshotId, send, isMade }: Change,
  version: string | null,
): Promise<Result> {
  let error: unknown;
  try {
    return { outcome: 'done', snapshotId: await send(version) };
  } catch (caught) {
    error = caught;
  }
  const isLost = isAnswerLost(error);
  if (!isLost && !(error instanceof BadRequest)) throw error;
  if (!isLost && version === null) return { outcome: 'refused', snapshotId: null };
  const latest = await listener.spotify.freshPlaylist(id).catch((failure: unknown) => {
    if (!isLost) throw failure;
    return null;
  });
  if (latest === null) return { outcome: 'unknown', snapshotId: null };
  // safeguard: resend-only-if-unchanged
  if (latest.snapshotId === snapshotId) {
    if (version !== null && mayRefuseVersion(error)) return { outcome: 'refused', snapshotId: null };
    throw error;
  }
  // safeguard: done-despite-lost-answer
  const made = isLost ? await isMade(latest).catch(() => null) : false;
  if (made) return { outcome: 'done', snapshotId: latest.snapshotId };
  return { outcome: made === null ? 'unknown' : 'changed', snapshotId: null };
}

/** Whether Spotify may have done what it was asked to, although it didn't say so. */
export function isAnswerLost(error: unknown): error is SpotifyUnavailable {
  return error instanceof SpotifyUnavailable;
}

function mayRefuseVersion(error: unknown): boolean {
  return error instanceof BadRequest || (error instanceof SpotifyUnavailable && error.status === 502);
}
