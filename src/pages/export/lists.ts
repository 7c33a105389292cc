import { createHash } from 'node:crypto';
import type { ExportedEntry } from '../../spotify/exported.ts';
import { type TimeRange, timeRanges, tracksPerPage } from '../../spotify/limits.ts';
import type { Page } from '../../spotify/types.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { callsForRows } from '../../web/export-size.ts';
import type { CallingListener } from '../../web/signed-in.ts';
import type { Price } from './price.ts';
import type { List, Run } from './source.ts';

/** A list of the library as its URL names it; `range` is only used for top tracks. */
export type ListName = { list: string; range: TimeRange };

/** How to read a list of the library. */
type LibraryList = {
  /** The name of the file. */
  name: (range: TimeRange) => string;
  read: (listener: CallingListener, from: number, range: TimeRange) => Promise<Page<ExportedEntry>>;
  /** How many rows it has, for the page of its export. */
  count: (listener: CallingListener) => Promise<number | null>;
};

const rangeNames = { short_term: 'four weeks', medium_term: 'six months', long_term: 'a year' };

const lists = new Map<string, LibraryList>([
  [
    'tracks',
    {
      name: () => 'Saved tracks',
      read: ({ spotify }, from) => spotify.savedTracksToExport(from),
      count: async ({ spotify }) => (await spotify.savedTracks(1)).total,
    },
  ],
  [
    'recent',
    {
      name: () => 'Recently played',
      read: async ({ spotify }) => wholeList(await spotify.historyToExport()),
      count: async () => tracksPerPage,
    },
  ],
  [
    'top',
    {
      name: (range) => `Top tracks, ${rangeNames[range]}`,
      read: async ({ spotify }, _from, range) => wholeList(await spotify.topTracksToExport(range)),
      count: async () => tracksPerPage,
    },
  ],
]);

/** Returns whether there is a list with this name in URLs. */
export function isListName(name: string): boolean {
  return lists.has(name);
}

/** Parses the range in a query. Throws {@link NoSuchPage} for an unknown one. */
export function rangeIn(value: unknown): TimeRange {
  const range = timeRanges.find((one) => one === (value ?? 'medium_term'));
  if (!range) throw new NoSuchPage('No such time range');
  return range;
}

/** Returns the name of a list, how many rows it has, and what its file costs; one call to Spotify for saved tracks. */
export async function sizeOfList(
  listener: CallingListener,
  { list, range }: ListName,
): Promise<{ name: string; rows: number | null; price: Price | null }> {
  const { name, count } = listNamed(list);
  const rows = await count(listener);
  return { name: name(range), rows, price: rows === null ? null : priceOfList(rows) };
}

/** Returns what the file of a list with so many rows costs. */
export function priceOfList(rows: number): Price {
  return { lists: callsForRows(rows), entries: 0 };
}

/**
 * Reads the first page of a list of the library, and returns what `openSource` needs to read all of it. Such a list has no snapshot, so its first
 * page stands in for one: whatever is added goes to its start, and what is removed moves the rest up. Throws what `run.read` throws.
 */
export async function readList(
  listener: CallingListener,
  { list, range }: ListName,
  run: Pick<Run, 'read'>,
): Promise<{
  list: List;
  load: (from: number) => Promise<Page<ExportedEntry>>;
  currentSnapshot: () => Promise<string>;
}> {
  const { name, read } = listNamed(list);
  const first = await run.read(() => read(listener, 0, range));
  let unused: Page<ExportedEntry> | null = first;
  return {
    list: { id: null, name: name(range), link: null, count: first.total, snapshotId: snapshotOf(first) },
    async load(from) {
      const page = from === 0 ? unused : null;
      // If it lacks rows, it is read again.
      unused = null;
      return page ?? read(listener, from, range);
    },
    currentSnapshot: async () => snapshotOf(await read(listener, 0, range)),
  };
}

function listNamed(name: string): LibraryList {
  const list = lists.get(name);
  if (!list) throw new NoSuchPage('No such list');
  return list;
}

/** A list that Spotify sends in one response. */
function wholeList(items: ExportedEntry[]): Page<ExportedEntry> {
  return { items, total: items.length };
}

// safeguard: snapshot-of-first-page
function snapshotOf({ items, total }: Page<ExportedEntry>): string {
  const rows = items.map(({ item, addedAt }) => [item?.uri ?? item?.name, addedAt]);
  return createHash('sha256')
    .update(JSON.stringify([total, rows]))
    .digest('base64url')
    .slice(0, 22);
}
