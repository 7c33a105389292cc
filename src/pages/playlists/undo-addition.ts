import * as v from '@badrap/valita';
import { routes } from '../../routes.ts';
import { isId, isUri } from '../../spotify/uri.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import type { Undo } from '../../web/undo.ts';
import { maxRuns, type PlacedItem, planDrop, putBack, readRows, runsOf } from './contents.ts';
import type { UndoRemoval } from './undo-removal.ts';

export type UndoAddition = ReturnType<typeof createUndoAddition>;

type Deps = { undo: Undo; undoRemoval: UndoRemoval };

const addition = v.object({
  /** The playlists that the items were added to. */
  ids: v.array(v.string().assert(isId)),
  uris: v.array(v.string().assert(isUri)),
});

/**
 * The undo of adding items to the end of playlists: it removes as many copies as were added, the last ones. For each playlist that takes two
 * calls and one for each fifty items; if other copies have to be put back, one more for each run of them.
 */
export function createUndoAddition({ undo, undoRemoval }: Deps) {
  return undo.createKind({
    path: routes.undoAddition,
    schema: addition,
    async work(listener, value, req) {
      let notice: 'addition-undone' | 'addition-undone-dates' = 'addition-undone';
      while (value.ids[0] !== undefined) {
        const [id] = value.ids;
        const result = await dropLast(listener, id, value.uris);
        // What has been undone isn't to be undone again if the next one fails.
        value.ids.shift();
        if (result === 'too long') return { notice: 'undo-too-long' };
        if (result.missing.length > 0)
          return {
            notice: 'copies-missing',
            undo: await undoRemoval.offer(req, { id, items: result.missing, snapshotId: null }),
          };
        if (result.restored) notice = 'addition-undone-dates';
      }
      return { notice };
    },
  });
}

type Dropped = { restored: boolean; missing: PlacedItem[] };

/** Removes the last copy of each of these; of a URI that is in the list twice, the last two. */
async function dropLast(
  listener: SignedInListener,
  id: string,
  uris: readonly string[],
): Promise<Dropped | 'too long'> {
  const { snapshotId } = await listener.spotify.freshPlaylist(id);
  const rows = await readRows(listener, id, snapshotId);
  if (rows === null) return 'too long';
  const left = [...uris];
  const places = new Set<number>();
  for (let place = rows.length - 1; place >= 0; place -= 1) {
    const index = left.indexOf(rows[place]?.uri ?? '');
    if (index < 0) continue;
    left.splice(index, 1);
    places.add(place);
  }
  if (places.size === 0) return { restored: false, missing: [] };
  const { uris: removed, restored } = planDrop(rows, places);
  if (runsOf(restored).length > maxRuns) return 'too long';
  await listener.spotify.removeFromPlaylist(id, { uris: removed, snapshotId });
  // safeguard: undo-added-copies-only
  const missing = await putBack(listener, id, restored);
  return { restored: restored.length > 0, missing };
}
