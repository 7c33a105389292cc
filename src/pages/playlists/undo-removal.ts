import * as v from '@badrap/valita';
import { routes } from '../../routes.ts';
import { isId } from '../../spotify/uri.ts';
import type { Undo, Undone } from '../../web/undo.ts';
import { missingOf, placedItem, putBack, readRows } from './contents.ts';

export type UndoRemoval = ReturnType<typeof createUndoRemoval>;

const removal = v.object({
  id: v.string().assert(isId),
  items: v.array(placedItem),
  /** The version of the playlist after the removal; null if unknown. */
  snapshotId: v.string().nullable(),
});

/**
 * The undo of a removal from a playlist: it puts the items back at their positions, as new additions, so the dates on which they were added are lost.
 * One call, and one for each run of neighbors; if the playlist has changed since, also one for each fifty items.
 */
export function createUndoRemoval({ undo }: { undo: Undo }) {
  const kind = undo.createKind({
    path: routes.undoRemoval,
    schema: removal,
    async work(listener, { id, items, snapshotId }, req): Promise<Undone> {
      const { snapshotId: latest } = await listener.spotify.freshPlaylist(id);
      const isUnchanged = snapshotId !== null && latest === snapshotId;
      // Some may be there already, if the answer to an earlier attempt was lost.
      // safeguard: put-back-only-what-is-missing
      const rows = isUnchanged ? null : await readRows(listener, id, latest);
      // A playlist that has become too long to be read has a row at each of these positions.
      const placed = rows ? missingOf(rows, items) : items;
      const missing = await putBack(listener, id, placed);
      if (missing.length > 0)
        return {
          notice: 'copies-missing',
          // All of them: those that are back are found at their positions.
          undo: await kind.offer(req, { id, items, snapshotId: null }),
        };
      return { notice: 'removal-undone' };
    },
  });
  return kind;
}
