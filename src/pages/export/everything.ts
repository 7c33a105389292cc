import { createHash } from 'node:crypto';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist, PlaylistPage } from '../../spotify/types.ts';
import { beginning, type Place } from './about.ts';
import type { Summary } from './formats.ts';
import { hasChanged, type Manifest, type Run, readWhole, type Source } from './source.ts';
import { reasonOf, stopFor } from './stop.ts';

type Begin = {
  place: Place;
  /** The page of the list that this place is on. */
  first: PlaylistPage;
  /** Counted up while the playlists are read; correct once they have all been read. */
  summary: Summary;
  run: Run;
  readPage: (page: number) => Promise<PlaylistPage>;
  open: (playlist: Playlist, at: Place) => Promise<Source>;
  /** Whether the contents of a playlist should be readable to the listener, whatever the API version. */
  isOwn: (playlist: Playlist) => boolean;
  /** The URL of a file that continues from this place. */
  resume: (at: Place) => string;
};

/** Yields the playlists one at a time, starting at a place. In a whole file an error is thrown; in a part, it is noted in the summary. */
export async function* everything(begin: Begin): AsyncGenerator<Source> {
  const { place, first, summary, run, readPage, open, isOwn, resume } = begin;
  const last = Math.ceil(summary.announced / playlistsPerPage);
  /** From where on the list must be the same at the end. The address of a part vouches for the playlists before it. */
  const sameFrom = place.before === undefined ? place : beginning;
  /** The hash of the playlists before the one that is read. */
  let before = place.before ?? '';
  let at: Place = { ...place, before };
  try {
    for (let page = first; ; page = await readPage(at.page)) {
      if (page.total !== first.total) throw listHasChanged();
      countAbsent(page, at.page, summary, run);
      for (const playlist of page.items.slice(at.skip)) {
        if (run.isFull()) {
          summary.stopped = { reason: 'part-full', until: null, resume: resume(at) };
          return;
        }
        const source = await open(playlist, at);
        yield source;
        countPlaylist(source.manifest, isOwn(playlist), summary);
        if (summary.stopped) return;
        before = hashWith(before, playlist);
        at = { page: at.page, skip: at.skip + 1, from: 0, before };
      }
      at = { page: at.page + 1, skip: 0, from: 0, before };
      if (at.page > last) break;
    }
    // A single page is always consistent.
    // safeguard: detect-changed-list
    if (last > sameFrom.page || sameFrom === beginning) {
      if ((await hashOfList(readPage, sameFrom, last)) !== before) throw listHasChanged();
    }
    const { sentAsNull, notSent, incomplete } = summary;
    // safeguard: complete-needs-every-playlist
    summary.complete = sentAsNull === 0 && notSent === 0 && incomplete === 0;
  } catch (error) {
    if (!run.part) throw error;
    const isChanged = reasonOf(error) === 'changed-meanwhile';
    summary.stopped = stopFor(error, resume(isChanged ? { ...at, from: 0 } : at));
  }

  /** Playlists may be missing from the file, or from earlier parts, or be in them twice: it takes a new file to have them all. */
  function listHasChanged(): Error {
    at = beginning;
    return hasChanged();
  }
}

/** The hash of the playlists from a place to the end of this page, as they are now. */
async function hashOfList(
  readPage: Begin['readPage'],
  { page: from, skip }: Place,
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

/** Reads a page of the listener's playlists. Asks twice if it is shorter than Spotify announced, then takes what came. */
export function readPlaylists(
  load: (page: number) => Promise<PlaylistPage>,
  page: number,
  run: Pick<Run, 'read'>,
): Promise<PlaylistPage> {
  return readWhole(
    run,
    () => load(page),
    (list) => notSentOf(list, page),
  );
}

/** How many playlists a page lacks by Spotify's own total. Throws {@link SpotifyUnavailable} if the total says nothing. */
function notSentOf({ items, nullCount, total }: PlaylistPage, page: number): number {
  if (total === null) throw new SpotifyUnavailable('There are more playlists than Spotify announced');
  const announced = Math.min(playlistsPerPage, total - (page - 1) * playlistsPerPage);
  return Math.max(0, announced - items.length - nullCount);
}

/** Counts the playlists that a page lacks. Throws {@link SpotifyUnavailable} if the file's name can't mention them any more. */
function countAbsent(list: PlaylistPage, page: number, summary: Summary, run: Run): void {
  const notSent = notSentOf(list, page);
  // safeguard: no-missing-playlists-after-name
  if (notSent > 0 && !run.mayLack())
    throw new SpotifyUnavailable('There are fewer playlists than Spotify announced');
  // safeguard: count-unsent-playlists
  summary.notSent += notSent;
  // These are lasting gaps in the listener's account, so they never end an export, even one whose name is already sent.
  // safeguard: count-null-playlists
  summary.sentAsNull += list.nullCount;
}

function countPlaylist(manifest: Manifest, isOwn: boolean, summary: Summary): void {
  summary.playlists += 1;
  // safeguard: sum-missing-rows
  summary.missing += manifest.missing;
  // safeguard: distinguish-unreadable-playlists
  if (!manifest.readable && !isOwn) summary.unreadable += 1;
  // safeguard: complete-needs-complete-manifests
  else if (!manifest.complete) summary.incomplete += 1;
  summary.stopped = manifest.stopped;
}
