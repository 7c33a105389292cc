import { createHash } from 'node:crypto';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist, PlaylistPage } from '../../spotify/types.ts';
import { beginning, type ExportCursor } from './cursor.ts';
import type { Summary } from './format.ts';
import { listChanged, type Manifest, type Run, readFullPage, type Source } from './source.ts';
import { reasonOf, stopFor } from './stop.ts';

/** Playlists that Spotify announced and sent as null, or did not send at all. */
type Absent = { sentAsNull: number; notSent: number };

type Options = {
  cursor: ExportCursor;
  /** The page of the list that the cursor is on. */
  first: PlaylistPage;
  /** Counted up while the playlists are read; correct once they have all been read. */
  summary: Summary;
  run: Run;
  readPage: (page: number) => Promise<PlaylistPage>;
  /** `absent`: how many playlists were missing before the page of the list that this one is on. */
  open: (playlist: Playlist, at: ExportCursor, absent: Absent) => Promise<Source>;
  /** Whether the contents of a playlist should be readable to the listener in every API version. */
  isOwnOrShared: (playlist: Playlist) => boolean;
  /** The URL of a file that continues from this cursor. */
  resume: (at: ExportCursor) => string;
};

/** How many playlists are opened before they are needed. Many are short, so one after the other would make one call at a time. */
const maxOpenedAhead = 8;

type Listed = { playlist: Playlist; at: ExportCursor; absent: Absent };
type Opening = Listed & { source: Promise<Source> };

/**
 * Opens the listener's playlists from a cursor on, and yields each as a source, in order. An error that ends a whole file is thrown; one that ends a
 * part is noted in the summary.
 */
export async function* openAllPlaylists(options: Options): AsyncGenerator<Source> {
  const { cursor, first, summary, run, readPage, open, isOwnOrShared, resume } = options;
  const last = Math.ceil(summary.announced / playlistsPerPage);
  /** The cursor from which the list must still be the same at the end. The address of a part vouches for the playlists before it. */
  const verifiedFrom = cursor.before === undefined ? cursor : beginning;
  let at: ExportCursor = { ...cursor, before: cursor.before ?? '' };
  /** The cursor that is listed next. */
  let upcoming = at;
  const openings: Opening[] = [];
  const listed = listWithCursors();
  try {
    for (;;) {
      // A part may be full at any time, so nothing is read ahead for it.
      while (openings.length < (run.isPart ? 1 : maxOpenedAhead)) {
        if (run.isFull()) break;
        const next = await listed.next().catch((error: unknown) => {
          at = upcoming;
          throw error;
        });
        if (next.done) break;
        openings.push({
          ...next.value,
          source: handled(open(next.value.playlist, next.value.at, next.value.absent)),
        });
      }
      const current = openings.shift();
      if (!current) break;
      at = current.at;
      const source = await current.source;
      yield source;
      countPlaylist(source.manifest, isOwnOrShared(current.playlist), summary);
      if (summary.stopped) return;
      at = after(current);
    }
    const unread = run.isFull() ? await listed.next() : null;
    if (unread?.value) {
      summary.stopped = { reason: 'part-full', until: null, resume: resume(unread.value.at) };
      return;
    }
    // A single page is always consistent.
    // safeguard: detect-changed-list
    if (last > verifiedFrom.page || verifiedFrom === beginning) {
      if ((await hashOfList(readPage, verifiedFrom, last)) !== at.before) throw startOver();
    }
    const { sentAsNull, notSent, incomplete } = summary;
    // safeguard: complete-needs-every-playlist
    summary.complete = sentAsNull === 0 && notSent === 0 && incomplete === 0;
  } catch (error) {
    if (!run.isPart) throw error;
    const isChanged = reasonOf(error) === 'changed-during-export';
    summary.stopped = stopFor(error, resume(isChanged ? { ...at, from: 0 } : at));
  } finally {
    // No call outlives a file that ends early.
    await Promise.allSettled(openings.map(({ source }) => source));
  }

  async function* listWithCursors(): AsyncGenerator<Listed, undefined> {
    for (let page = first; ; page = await readPage(upcoming.page)) {
      if (page.total !== first.total) throw startOver();
      const absent = { sentAsNull: summary.sentAsNull, notSent: summary.notSent };
      countAbsent(page, upcoming.page, summary, run);
      for (const playlist of page.items.slice(upcoming.skip)) {
        const listed = { playlist, at: upcoming, absent };
        upcoming = after(listed);
        yield listed;
      }
      upcoming = { page: upcoming.page + 1, skip: 0, from: 0, before: upcoming.before ?? '' };
      if (upcoming.page > last) return;
    }
  }

  /** Playlists may be missing from the file, or from earlier parts, or be in them twice: it takes a new file to have them all. */
  function startOver(): Error {
    at = beginning;
    upcoming = beginning;
    return listChanged(run);
  }
}

/** Returns the promise. Node would report its error as unhandled if it came before it is awaited. */
function handled<T>(promise: Promise<T>): Promise<T> {
  // Its error goes to the code that awaits it.
  promise.catch(() => undefined);
  return promise;
}

export function after({ playlist, at }: Pick<Listed, 'playlist' | 'at'>): ExportCursor {
  return { page: at.page, skip: at.skip + 1, from: 0, before: hashWith(at.before ?? '', playlist) };
}

/** The hash of the playlists from a cursor to the end of this page, as they are now. */
async function hashOfList(
  readPage: Options['readPage'],
  { page: from, skip }: ExportCursor,
  last: number,
): Promise<string> {
  let hash = '';
  for (let page = from; page <= last; page += 1) {
    const { items } = await readPage(page);
    for (const playlist of page === from ? items.slice(skip) : items) hash = hashWith(hash, playlist);
  }
  return hash;
}

/** The hash of a sequence of playlists, from that of the ones before the last. */
function hashWith(before: string, { id, name }: Playlist): string {
  return createHash('sha256')
    .update(`${before} ${id ?? name}`)
    .digest('base64url')
    .slice(0, 22);
}

/**
 * Reads a page of the listener's playlists, from page 1, and reads it again if it is shorter than Spotify announced. Returns the page as it came
 * if it still is. Throws what `run.read` throws, and {@link SpotifyUnavailable} if the page has no total.
 */
export function readPlaylistPage(
  load: (page: number) => Promise<PlaylistPage>,
  page: number,
  run: Pick<Run, 'read'>,
): Promise<PlaylistPage> {
  return readFullPage(
    run,
    () => load(page),
    (list) => countNotSent(list, page),
  );
}

/** How many playlists a page lacks by Spotify's own total. Throws {@link SpotifyUnavailable} if the total says nothing. */
function countNotSent({ items, nullCount, total }: PlaylistPage, page: number): number {
  if (total === null) throw new SpotifyUnavailable('There are more playlists than Spotify announced');
  const announced = Math.min(playlistsPerPage, total - (page - 1) * playlistsPerPage);
  return Math.max(0, announced - items.length - nullCount);
}

/** Counts the playlists that a page lacks. Throws {@link SpotifyUnavailable} if the file's name can't mention them anymore. */
function countAbsent(list: PlaylistPage, page: number, summary: Summary, run: Run): void {
  const notSent = countNotSent(list, page);
  // safeguard: no-missing-playlists-after-name
  if (notSent > 0 && !run.allowsGaps())
    throw new SpotifyUnavailable('There are fewer playlists than Spotify announced');
  // safeguard: count-unsent-playlists
  summary.notSent += notSent;
  // These are lasting gaps in the listener's account, so they never end an export, even one whose name is already sent.
  // safeguard: count-null-playlists
  summary.sentAsNull += list.nullCount;
}

export function countPlaylist(manifest: Manifest, isOwnOrShared: boolean, summary: Summary): void {
  summary.playlists += 1;
  // safeguard: sum-missing-rows
  summary.missing += manifest.missing;
  // safeguard: distinguish-unreadable-playlists
  if (!manifest.readable && !isOwnOrShared) summary.unreadable += 1;
  // safeguard: complete-needs-complete-manifests
  else if (!manifest.complete) summary.incomplete += 1;
  summary.stopped = manifest.stopped;
}
