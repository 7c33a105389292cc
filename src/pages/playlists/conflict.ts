import type { Request, Response } from 'express';
import type { ShownEntry } from '../../access/relinking.ts';
import { routes } from '../../routes.ts';
import { entriesPerPage } from '../../spotify/limits.ts';
import type { Entry, Page } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';

/** The change that wasn't made: its form, and the rows that it is about. */
type Action = {
  path: string;
  button: string;
  entries: readonly ShownEntry[];
  fields?: Readonly<Record<string, string>>;
};

type Options = {
  id: string;
  /** The page of the playlist that the person saw; null if it isn't known anymore. */
  seen: Page<Entry> | null;
  action: Action;
};

/** The number of the page of this playlist that a form was on. */
export function pageInReturn({ form: { returnTo } }: Request, id: string): number {
  const { pathname, searchParams } = new URL(returnTo, 'http://unused');
  const isPlaylist = [routes.playlist(id), routes.playlistOrder(id)].includes(pathname);
  const page = Number(searchParams.get('page') ?? 1);
  return isPlaylist && Number.isSafeInteger(page) && page > 0 ? page : 1;
}

/**
 * Shows what has changed on the page of the playlist since it was shown, and offers the change again for the playlist as it is now. Two calls to
 * Spotify.
 */
export async function showConflict(
  req: Request,
  res: Response,
  listener: SignedInListener,
  { id, seen, action }: Options,
): Promise<void> {
  const page = pageInReturn(req, id);
  const playlist = await listener.spotify.playlist(id);
  const now = await listener.spotify.playlistEntries(id, playlist.snapshotId, page);
  const rows = now.items.map(({ item }, index) => ({
    uri: item?.uri ?? null,
    position: (page - 1) * entriesPerPage + index,
  }));
  const found = action.entries.map((entry) => nearest(rows, entry));
  const isThere = found.every((position) => position !== null);
  res.status(409).set('Cache-Control', 'private, no-store');
  res.render('playlists/changed', {
    playlist,
    page,
    action,
    entries: isThere ? action.entries.map(({ uri }, index) => `${found[index]} ${uri}`) : null,
    names: action.entries.map(({ uri }) => nameOf([...now.items, ...(seen?.items ?? [])], uri)),
    known: seen !== null,
    appeared: seen === null ? [] : missingIn(now.items, seen.items),
    gone: seen === null ? [] : missingIn(seen.items, now.items),
    before: seen?.total ?? null,
    total: now.total,
    returnTo: routes.playlist(id, { page }),
  });
}

/** The position of this item that is closest to where it was; null if it isn't on the page. */
function nearest(
  rows: readonly { uri: string | null; position: number }[],
  { uri, position }: ShownEntry,
): number | null {
  const positions = rows.filter((row) => row.uri === uri).map((row) => row.position);
  const distance = (one: number) => Math.abs(one - (position ?? 0));
  return positions.sort((a, b) => distance(a) - distance(b))[0] ?? null;
}

function nameOf(entries: readonly Entry[], uri: string): string | null {
  return entries.find(({ item }) => item?.uri === uri)?.item?.name ?? null;
}

/** The items of `these` that `those` don't contain, copies counted. */
function missingIn(these: readonly Entry[], those: readonly Entry[]) {
  const left = those.map(({ item }) => item?.uri ?? null);
  return these.flatMap(({ item }) => {
    const index = left.indexOf(item?.uri ?? null);
    if (index >= 0) left.splice(index, 1);
    return index >= 0 ? [] : [item];
  });
}
