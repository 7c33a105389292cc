import type { SignedInListener } from '../../web/signed-in.ts';
import { areAtEnd } from './contents.ts';
import type { AddedTo } from './undo-addition.ts';
import { isAnswerLost } from './version.ts';

/** Spotify didn't respond, and may or may not have added the items. */
export class AdditionUnknown extends Error {
  override readonly name = 'AdditionUnknown';
}

/**
 * Adds items to the end of a playlist. If the answer is lost, up to three calls look whether they are there. `since`: the time, in milliseconds
 * since 1970. Throws {@link AdditionUnknown}, and what the call throws if nothing was added.
 */
export async function addToEnd(
  listener: SignedInListener,
  id: string,
  uris: readonly string[],
  since: number,
): Promise<AddedTo> {
  try {
    const snapshotId = await listener.spotify.addToPlaylist(id, { uris });
    // safeguard: mark-just-added
    if (snapshotId !== null) listener.spotify.rememberAdded(id, snapshotId, uris);
    return { id, snapshotId };
  } catch (error) {
    if (!isAnswerLost(error)) throw error;
    // safeguard: added-despite-lost-answer
    const isThere = await areAtEnd(listener, id, { uris, since }).catch(() => null);
    if (isThere) return { id, snapshotId: null };
    // Without an answer, Spotify may still be working on it.
    if (isThere === null || error.status === null)
      throw new AdditionUnknown('Spotify did not say what it added');
    throw error;
  }
}
