import * as v from '@badrap/valita';
import { entriesPerPage, maxChangedItems } from '../../spotify/limits.ts';
import type { PlaylistRow } from '../../spotify/types.ts';
import { isUri } from '../../spotify/uri.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { isAnswerLost, type Latest } from './version.ts';

/** An item and its position, from 0, as it is stored for an Undo. */
export const placedItem = v.object({
  uri: v.string().assert(isUri),
  position: v.number().assert((position) => Number.isSafeInteger(position) && position >= 0),
});
export type PlacedItem = v.Infer<typeof placedItem>;

/** A playlist is read as a whole only up to this many items, one call for each fifty: without being asked to, and at most. */
export const maxUnaskedItems = 200;
export const maxReadItems = 2_000;
/** How many calls may put items back at their positions: one for each run of neighbors. */
export const maxRuns = 20;

/**
 * Returns every row of a playlist by its position, of the version with this snapshot; null if there are more than `maxItems`. One call
 * for each fifty items that aren't cached.
 */
export async function readRows(
  { spotify }: SignedInListener,
  id: string,
  snapshotId: string | null,
  maxItems = maxReadItems,
): Promise<PlaylistRow[] | null> {
  const rows: PlaylistRow[] = [];
  for (;;) {
    const { items, total } = await spotify.playlistUris(id, { snapshotId, from: rows.length });
    if ((total ?? 0) > maxItems) return null;
    rows.push(...items);
    if (items.length === 0 || rows.length >= (total ?? 0)) return rows;
    // Without a usable total, a page that isn't full is the last.
    if (total === null && items.length < entriesPerPage) return rows;
  }
}

/** Groups items, sorted by position, into runs of neighbors that one call can add. */
export function runsOf(items: readonly PlacedItem[]): PlacedItem[][] {
  const runs: PlacedItem[][] = [];
  for (const item of items) {
    const run = runs.at(-1);
    const isNext = run !== undefined && run.at(-1)?.position === item.position - 1;
    if (isNext && run.length < maxChangedItems) run.push(item);
    else runs.push([item]);
  }
  return runs;
}

/**
 * Puts items back at their positions, in order. One call for each run of neighbors. Returns those that are still missing if a call fails: the
 * others are in the playlist, so that is no failure of the whole. If an answer is lost, up to two calls look whether the items are there; if
 * that fails as well, some of those returned may be there: see {@link missingOf}.
 */
export async function putBack(
  { spotify }: Pick<SignedInListener, 'spotify'>,
  id: string,
  items: readonly PlacedItem[],
): Promise<PlacedItem[]> {
  const runs = runsOf([...items].sort((a, b) => a.position - b.position));
  for (const [index, run] of runs.entries()) {
    try {
      await spotify.addToPlaylist(id, {
        uris: run.map(({ uri }) => uri),
        position: run[0]?.position ?? null,
      });
    } catch (error) {
      // safeguard: no-second-copy-after-lost-answer
      const isThere = isAnswerLost(error) && (await areThere({ spotify }, id, run).catch(() => false));
      if (!isThere) return runs.slice(index).flat();
    }
  }
  return [];
}

/** Whether these neighbors are at their positions. One call for each fifty. */
async function areThere(
  { spotify }: Pick<SignedInListener, 'spotify'>,
  id: string,
  run: readonly PlacedItem[],
): Promise<boolean> {
  const from = run[0]?.position ?? 0;
  const uris: (string | null)[] = [];
  while (uris.length < run.length) {
    const { items } = await spotify.playlistUris(id, { snapshotId: null, from: from + uris.length });
    if (items.length === 0) return false;
    uris.push(...items.map(({ uri }) => uri));
  }
  return run.every(({ uri }, index) => uris[index] === uri);
}

/**
 * Returns those of these items that aren't at their positions, if they are put back in order; never more of one than are missing in all. Positions past
 * the end of the playlist become its end: Spotify refuses them.
 */
export function missingOf(rows: readonly PlaylistRow[], items: readonly PlacedItem[]): PlacedItem[] {
  const uris = rows.map(({ uri }) => uri);
  const copies = Map.groupBy(items, ({ uri }) => uri);
  const numberOf = (wanted: string) => uris.filter((uri) => uri === wanted).length;
  return [...items]
    .sort((a, b) => a.position - b.position)
    .flatMap(({ uri, position }) => {
      // safeguard: no-more-copies-than-before
      if (uris[position] === uri || numberOf(uri) >= (copies.get(uri)?.length ?? 0)) return [];
      // safeguard: undo-within-playlist
      const at = Math.min(position, uris.length);
      uris.splice(at, 0, uri);
      return [{ uri, position: at }];
    });
}

type Gone = {
  uris: readonly string[];
  /** The position of the first copy before the removal; null if it isn't known. */
  position: number | null;
  /** How many items the playlist has after the removal; null if that isn't known. */
  total: number | null;
};

/** Whether a playlist, as it is now, shows that all copies of these URIs have been removed; null if that isn't certain. One call. */
export async function areGone(
  { spotify }: SignedInListener,
  { id, snapshotId }: Latest,
  { uris, position, total: expected }: Gone,
): Promise<boolean | null> {
  if (position === null) return null;
  const { items, total } = await spotify.playlistUris(id, { snapshotId, from: position });
  if (items.some(({ uri }) => uri !== null && uris.includes(uri))) return false;
  return expected === null || total === expected ? true : null;
}

/**
 * Whether items are at the end of a playlist to which they were added without an answer; null if that isn't certain. `since`: before the addition,
 * in milliseconds since 1970. Up to three calls.
 */
export async function areAtEnd(
  { spotify }: SignedInListener,
  id: string,
  { uris, since }: { uris: readonly string[]; since: number },
): Promise<boolean | null> {
  const { count } = await spotify.freshPlaylist(id);
  if (count === null) return null;
  if (count < uris.length) return false;
  const from = count - uris.length;
  const rows: PlaylistRow[] = [];
  while (rows.length < uris.length) {
    const { items } = await spotify.playlistUris(id, { snapshotId: null, from: from + rows.length });
    if (items.length === 0) return null;
    rows.push(...items);
  }
  if (!uris.every((uri, index) => rows[index]?.uri === uri)) return false;
  return rows.every((row) => isAddedSince(row, since)) ? true : null;
}

/** How much Spotify's clock and ours may differ. */
const clockSkewMs = 2 * 60_000;

/** Whether a row was added after this time, in milliseconds since 1970. */
export function isAddedSince({ addedAt }: PlaylistRow, since: number): boolean {
  return addedAt !== null && Date.parse(addedAt) >= since - clockSkewMs;
}

/**
 * Returns what it takes to drop the rows at these positions: Spotify removes every copy of a URI ("Remove Playlist Items"), so copies at other positions are put
 * back afterward, where they are then.
 */
export function planDrop(rows: readonly PlaylistRow[], positions: ReadonlySet<number>) {
  const uris = new Set([...positions].flatMap((position) => rows[position]?.uri ?? []));
  const restored: PlacedItem[] = [];
  let dropped = 0;
  rows.forEach(({ uri }, position) => {
    if (positions.has(position)) dropped += 1;
    else if (uri !== null && uris.has(uri)) restored.push({ uri, position: position - dropped });
  });
  return { uris: [...uris], restored };
}
