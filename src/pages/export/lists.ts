import { createHash } from 'node:crypto';
import type { OnResponse } from '../../spotify/export-calls.ts';
import { type ExportedEntry, exportedArtist } from '../../spotify/exported.ts';
import { savedPerPage, type TimeRange, timeRanges, tracksPerPage } from '../../spotify/limits.ts';
import type { FollowedArtists, Page } from '../../spotify/types.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { callsForRows } from '../../web/export-size.ts';
import type { CallingListener } from '../../web/signed-in.ts';
import type { CallEstimate } from './export-budget.ts';
import type { Contents, List, Run } from './source.ts';

/** A list of the library as its URL names it; `range` is only used for top tracks and artists. */
export type ListName = { list: string; range: TimeRange };

/** Reads up to a page of a list from a row on. `snapshotId`: that of the list; null for its first page, from which it is derived. */
type Read = (
  from: number,
  snapshotId: string | null,
  onResponse?: OnResponse,
) => Promise<Page<ExportedEntry>>;
/** The same, for a list whose snapshot is known. */
type Load = (from: number, onResponse?: OnResponse) => Promise<Page<ExportedEntry>>;

/** How to read a list of the library. */
type LibraryList = {
  /** The name of the file. */
  name: (range: TimeRange) => string;
  contains: Contents;
  /**
   * How Spotify sends it: by offset, by cursor (each page names the next one), or all at once. A list that comes at once is short, and isn't exported in the
   * background.
   */
  paging: 'offset' | 'cursor' | 'none';
  open: (listener: CallingListener, range: TimeRange) => Read;
  /** How many rows it has, for the page of its export. */
  count: (listener: CallingListener) => Promise<number | null>;
};

const rangeNames = { short_term: 'four weeks', medium_term: 'six months', long_term: 'a year' };

const lists = new Map<string, LibraryList>([
  [
    'tracks',
    {
      name: () => 'Saved tracks',
      contains: 'items',
      paging: 'offset',
      open:
        ({ spotify }) =>
        (from, snapshotId, onResponse) =>
          spotify.savedTracksToExport({ from, snapshotId }, onResponse),
      count: async ({ spotify }) => (await spotify.savedTracks(1)).total,
    },
  ],
  [
    'albums',
    {
      name: () => 'Saved albums',
      contains: 'albums',
      paging: 'offset',
      open:
        ({ spotify }) =>
        (from, snapshotId, onResponse) =>
          spotify.savedAlbumsToExport({ from, snapshotId }, onResponse),
      count: async ({ spotify }) => (await spotify.savedAlbums(1)).total,
    },
  ],
  [
    'shows',
    {
      name: () => 'Saved podcasts',
      contains: 'shows',
      paging: 'offset',
      open:
        ({ spotify }) =>
        (from, snapshotId, onResponse) =>
          spotify.savedShowsToExport({ from, snapshotId }, onResponse),
      count: async ({ spotify }) => (await spotify.savedShows(1)).total,
    },
  ],
  [
    'episodes',
    {
      name: () => 'Saved episodes',
      contains: 'items',
      paging: 'offset',
      open:
        ({ spotify }) =>
        (from, snapshotId, onResponse) =>
          spotify.savedEpisodesToExport({ from, snapshotId }, onResponse),
      count: async ({ spotify }) => (await spotify.savedEpisodes(1)).total,
    },
  ],
  [
    'artists',
    {
      name: () => 'Followed artists',
      contains: 'artists',
      paging: 'cursor',
      open: ({ spotify }) => readByCursor((at) => spotify.followedArtistsToExport(at)),
      count: async ({ spotify }) => (await spotify.followedArtists(null)).total,
    },
  ],
  [
    'recent',
    {
      name: () => 'Recently played',
      contains: 'items',
      paging: 'none',
      open:
        ({ spotify }) =>
        async () =>
          wholeList(await spotify.historyToExport()),
      count: async () => tracksPerPage,
    },
  ],
  [
    'top',
    {
      name: (range) => `Top tracks, ${rangeNames[range]}`,
      contains: 'items',
      paging: 'none',
      open:
        ({ spotify }, range) =>
        async () =>
          wholeList(await spotify.topTracksToExport(range)),
      count: async () => tracksPerPage,
    },
  ],
  [
    'top-artists',
    {
      name: (range) => `Top artists, ${rangeNames[range]}`,
      contains: 'artists',
      paging: 'none',
      open:
        ({ spotify }, range) =>
        async () =>
          wholeList((await spotify.topArtistsToExport(range)).map(exportedArtist)),
      count: async () => tracksPerPage,
    },
  ],
]);

export function isListName(name: string): boolean {
  return lists.has(name);
}

/** Returns what a list contains. Throws {@link NoSuchPage} for an unknown one. */
export function contentsOf(name: string): Contents {
  return listNamed(name).contains;
}

/** Returns the name of the file of a list. Throws {@link NoSuchPage} for an unknown one. */
export function nameOfList({ list, range }: ListName): string {
  return listNamed(list).name(range);
}

/** Returns whether there is such a list that takes more than one call, so that it can be exported in the background. */
export function isLongList(name: string): boolean {
  return lists.has(name) && listNamed(name).paging !== 'none';
}

export function hasRange(name: unknown): boolean {
  return name === 'top' || name === 'top-artists';
}

/** Parses the range in a query. Throws {@link NoSuchPage} for an unknown one. */
export function rangeIn(value: unknown): TimeRange {
  const range = timeRanges.find((one) => one === (value ?? 'medium_term'));
  if (!range) throw new NoSuchPage('No such time range');
  return range;
}

/** Returns the name of a list, how many rows it has (at most, with `isUpTo`), and what its file costs; one call to Spotify for saved tracks. */
export async function sizeOfList(
  listener: CallingListener,
  { list, range }: ListName,
): Promise<{ name: string; rows: number | null; isUpTo: boolean; estimate: CallEstimate | null }> {
  const { name, count, paging } = listNamed(list);
  const rows = await count(listener);
  // For a list that comes at once, only the most rows that Spotify sends are known.
  const isUpTo = paging === 'none';
  return { name: name(range), rows, isUpTo, estimate: rows === null ? null : estimateForList(rows) };
}

/** Returns about how many calls the file of a list with this many rows takes. */
function estimateForList(rows: number): CallEstimate {
  return { lists: callsForRows(rows), entries: 0 };
}

/**
 * Reads the first page of a list of the library, and returns what `openSource` needs to read all of it, and what it costs from a row on. Such a list
 * has no snapshot, so its first page stands in for one: whatever is added goes to its start, and what is removed moves the rest up. Throws what
 * `run.read` throws.
 */
export async function readList(
  listener: CallingListener,
  { list, range }: ListName,
  run: Pick<Run, 'read'>,
): Promise<{
  list: List;
  estimateFrom: (from: number) => CallEstimate | null;
  load: Load;
  currentSnapshot: () => Promise<string>;
  isSequential: boolean;
}> {
  const { name, contains, paging, open } = listNamed(list);
  const read = open(listener, range);
  const first = await run.read(() => read(0, null));
  const { total } = first;
  const snapshotId = snapshotOf(first);
  /** Whether more than the first page was read from Spotify: the rest may be cached from another format. */
  let hasRead = paging === 'cursor';
  let unused: Page<ExportedEntry> | null = first;
  return {
    list: {
      id: null,
      name: name(range),
      contains,
      link: null,
      count: total,
      snapshotId,
    },
    estimateFrom(from) {
      if (total === null) return null;
      // The pages before a cursor have to be read again.
      return estimateForList(paging === 'cursor' ? total : Math.max(0, total - from));
    },
    async load(from, onResponse) {
      // safeguard: rest-of-whole-list
      if (paging === 'none') return { items: first.items.slice(from), total };
      const page = from === 0 ? unused : null;
      // If it lacks rows, it is read again.
      unused = null;
      const respond = async () => {
        hasRead = true;
        await onResponse?.();
      };
      return page ?? read(from, snapshotId, respond);
    },
    // A list that comes entirely from the cache can't have changed while it was read.
    // safeguard: compare-list-if-read
    currentSnapshot: async () =>
      hasRead && paging !== 'none' ? snapshotOf(await open(listener, range)(0, null)) : snapshotId,
    isSequential: paging === 'cursor',
  };
}

/** Reads a list of artists, in which each page names the next one. Remembers what it has read, so that a read can be retried. */
function readByCursor(
  load: (at: { after: string | null; snapshotId: string | null }) => Promise<FollowedArtists>,
): Read {
  const read: ExportedEntry[] = [];
  let after: string | null = null;
  let total: number | null = null;
  let isAtEnd = false;
  return async (from, snapshotId) => {
    while (!isAtEnd && read.length < from + savedPerPage) {
      const page = await load({ after, snapshotId });
      read.push(...page.items.map(exportedArtist));
      // Without this, a page that names itself as the next one would be requested forever. The missing rows are counted.
      // safeguard: end-of-stuck-cursor
      isAtEnd = page.next === null || page.next === after || page.items.length === 0;
      ({ total, next: after } = page);
    }
    return { items: read.slice(from, from + savedPerPage), total };
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
