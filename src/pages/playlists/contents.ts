import { entriesPerPage, maxChangedItems } from '../../spotify/limits.ts';
import type { PlaylistRow } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';

/** An item and its place, from 0. */
export type PlacedItem = { uri: string; place: number };

/** A playlist is read as a whole only up to this many items, one call for each fifty: without being asked to, and at most. */
export const maxUnaskedItems = 200;
const maxReadItems = 2_000;
/** How many calls may put items back at their places: one for each run of neighbours. */
export const maxRuns = 20;

/**
 * Returns every row of a playlist by its place, of the version with this snapshot; null if there are more than `maxItems`. One call
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

/** Groups items, sorted by place, into runs of neighbours that one call can add. */
export function runsOf(items: readonly PlacedItem[]): PlacedItem[][] {
  const runs: PlacedItem[][] = [];
  for (const item of items) {
    const run = runs.at(-1);
    const isNext = run !== undefined && run.at(-1)?.place === item.place - 1;
    if (isNext && run.length < maxChangedItems) run.push(item);
    else runs.push([item]);
  }
  return runs;
}

/**
 * Puts items back at their places, in order. One call for each run of neighbours. Returns those that are still missing if a call fails: the
 * others are in the playlist, so that is no failure of the whole.
 */
export async function putBack(
  { spotify }: SignedInListener,
  id: string,
  items: readonly PlacedItem[],
): Promise<PlacedItem[]> {
  const runs = runsOf([...items].sort((a, b) => a.place - b.place));
  for (const [index, run] of runs.entries()) {
    try {
      await spotify.addToPlaylist(id, { uris: run.map(({ uri }) => uri), position: run[0]?.place ?? null });
    } catch {
      return runs.slice(index).flat();
    }
  }
  return [];
}

/**
 * Returns what it takes to drop these places: Spotify removes every copy of a URI ("Remove Playlist Items"), so copies at other places are put
 * back afterwards, where they are then.
 */
export function planDrop(rows: readonly PlaylistRow[], places: ReadonlySet<number>) {
  const uris = new Set([...places].flatMap((place) => rows[place]?.uri ?? []));
  const restored: PlacedItem[] = [];
  let dropped = 0;
  rows.forEach(({ uri }, place) => {
    if (places.has(place)) dropped += 1;
    else if (uri !== null && uris.has(uri)) restored.push({ uri, place: place - dropped });
  });
  return { uris: [...uris], restored };
}
