import * as v from '@badrap/valita';
import type { Request } from 'express';
import { routes } from '../../routes.ts';
import type { PlaylistRow } from '../../spotify/types.ts';
import { isId, isUri } from '../../spotify/uri.ts';
import type { NoticeName } from '../../web/notices.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import type { Undo, Undone } from '../../web/undo.ts';
import {
  areGone,
  isAddedSince,
  maxReadItems,
  maxRuns,
  missingOf,
  type PlacedItem,
  placedItem,
  planDrop,
  putBack,
  readRows,
  runsOf,
} from './contents.ts';
import { changeVersion } from './version.ts';

export type UndoAddition = ReturnType<typeof createUndoAddition>;

/** A playlist that has the items now, and its version with them; null if Spotify sent none. */
export type AddedTo = { id: string; snapshotId: string | null };

const addition = v.object({
  uris: v.array(v.string().assert(isUri)),
  /** Before the addition, in milliseconds since 1970. */
  since: v.number(),
  /** The playlists that the items are still to be removed from. */
  lists: v.array(
    v.object({
      id: v.string().assert(isId),
      snapshotId: v.string().nullable(),
      /** The copies that go with those that were added, and have to be put back; null until it is known. */
      others: v.array(placedItem).nullable(),
    }),
  ),
});
type Addition = v.Infer<typeof addition>;
type List = Addition['lists'][number];

/** How much one Undo may still read and put back, in all its playlists. */
type Budget = { items: number; runs: number };
type Dropped =
  | 'dropped'
  | 'dropped with others'
  | 'too long'
  | 'nothing left'
  | 'unfinished'
  | 'copies missing';

/**
 * The undo of adding items to the end of playlists: it removes as many copies as were added, the last ones. For each playlist that takes two
 * calls and one for each fifty items; if other copies have to be put back, one more for each run of them. In all playlists together it reads up
 * to 2,000 items, and puts back up to 20 runs.
 */
export function createUndoAddition({ undo }: { undo: Undo }) {
  const kind = undo.createKind({ path: routes.undoAddition, schema: addition, work });

  return {
    /** The route of its undo. */
    router: kind.router,

    /** Offers to undo an addition: see undo.ts. `since`: before the addition, in milliseconds since 1970. */
    offer(
      req: Request,
      uris: readonly string[],
      since: number,
      added: readonly AddedTo[],
    ): Promise<string | null> {
      const lists = added.map((one) => ({ ...one, others: null }));
      return kind.offer(req, lists.length > 0 ? { uris: [...uris], since, lists } : null);
    },
  };

  async function work(listener: SignedInListener, value: Addition, req: Request): Promise<Undone> {
    const budget = { items: maxReadItems, runs: maxRuns };
    const results = new Set<Dropped>();
    while (value.lists[0]) {
      const result = await dropLast(listener, value.lists[0], value, budget);
      if (result === 'unfinished') return { notice: 'undo-unfinished', undo: await kind.offer(req, value) };
      // safeguard: unfinished-undo-goes-on
      if (result === 'copies missing')
        return { notice: 'copies-missing', undo: await kind.offer(req, value) };
      results.add(result);
      // If the next one fails, this one isn't undone a second time.
      value.lists.shift();
    }
    return { notice: noticeFor(results) };
  }
}

function noticeFor(results: ReadonlySet<Dropped>): NoticeName {
  const isDone = results.has('dropped') || results.has('dropped with others');
  const isLeft = results.has('too long') || results.has('nothing left');
  if (isLeft && isDone) return 'undo-partly';
  if (results.has('too long')) return 'undo-too-long';
  if (isLeft) return 'undo-nothing-left';
  return results.has('dropped with others') ? 'addition-undone-dates' : 'addition-undone';
}

/**
 * Removes the last copy of each of these; of a URI that was added twice, the last two. `list.others` is set before anything is removed, so that
 * a further attempt knows what to put back. Throws what the calls throw.
 */
async function dropLast(
  listener: SignedInListener,
  list: List,
  { uris, since }: Addition,
  budget: Budget,
): Promise<Dropped> {
  const { id } = list;
  const { snapshotId } = await listener.spotify.freshPlaylist(id);
  const rows = await readRows(listener, id, snapshotId, budget.items);
  if (rows === null) return 'too long';
  budget.items -= rows.length;
  const copies = rows.flatMap(({ uri }, position) => (uri !== null && uris.includes(uri) ? [position] : []));
  // safeguard: put-others-back-after-lost-answer
  if (list.others !== null && copies.length <= list.others.length)
    return restore(listener, list, missingOf(rows, list.others));

  // safeguard: undo-only-what-was-added
  const isAdded = (row: PlaylistRow) => snapshotId === list.snapshotId || isAddedSince(row, since);
  const positions = lastPositions(rows, uris, isAdded);
  if (positions.size === 0) return 'nothing left';
  const { uris: removed, restored } = planDrop(rows, positions);
  budget.runs -= runsOf(restored).length;
  if (budget.runs < 0 || snapshotId === null) return 'too long';
  list.others = restored;
  const total = rows.length - positions.size - restored.length;
  const changed = await changeVersion(listener, id, {
    snapshotId,
    send: (version) => listener.spotify.removeFromPlaylist(id, { uris: removed, snapshotId: version }),
    isMade: (latest) => areGone(listener, latest, { uris: removed, position: copies[0] ?? null, total }),
  });
  if (changed.outcome !== 'done') {
    if (changed.outcome !== 'unknown') list.others = null;
    return 'unfinished';
  }
  // safeguard: undo-added-copies-only
  return restore(listener, list, restored);
}

/** Puts back what had to go with the copies that were added. */
async function restore(listener: SignedInListener, list: List, items: PlacedItem[]): Promise<Dropped> {
  const missing = await putBack(listener, list.id, items);
  if (missing.length > 0) return 'copies missing';
  return list.others?.length === 0 ? 'dropped' : 'dropped with others';
}

/** The positions of the last copies of these URIs that were added. */
function lastPositions(
  rows: readonly PlaylistRow[],
  uris: readonly string[],
  isAdded: (row: PlaylistRow) => boolean,
): Set<number> {
  const left = [...uris];
  const positions = new Set<number>();
  for (const [position, row] of [...rows.entries()].reverse()) {
    const index = left.indexOf(row.uri ?? '');
    if (index < 0 || !isAdded(row)) continue;
    left.splice(index, 1);
    positions.add(position);
  }
  return positions;
}
