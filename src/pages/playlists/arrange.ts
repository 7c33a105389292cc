import type { Request } from 'express';
import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist } from '../../spotify/types.ts';
import { NoSuchPage } from '../../web/errors.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { filterIn, playlistsOfGroup, searchable } from './lists.ts';

const sortings = ['spotify', 'name', 'size'] as const;

/** Which playlists to show, and in which order: Spotify's own, by name, or those with most items first. */
export type Arrangement = { q: string; sort: (typeof sortings)[number]; yours: boolean };

/** Pages of Spotify's list that are filtered and sorted together. */
const listsPerPage = 10;
export const arrangedPerPage = listsPerPage * playlistsPerPage;

/** Reads what a visitor wants to see from the query; null for everything as Spotify sends it. Throws {@link NoSuchPage} for an unknown order. */
export function arrangementIn({ query }: Request): Arrangement | null {
  const q = filterIn(query.q);
  const yours = query.yours === 'yes';
  const sort = sortings.find((one) => one === (query.sort ?? 'spotify'));
  if (sort === undefined) throw new NoSuchPage('Not an order of playlists');
  return q === '' && sort === 'spotify' && !yours ? null : { q, sort, yours };
}

/**
 * Returns the playlists of a page of 500 that match, in the wanted order, and how many there are in all. Up to ten calls, none for the pages of
 * fifty that are cached.
 */
export async function arrangedPlaylists(
  listener: SignedInListener,
  { q, sort, yours }: Arrangement,
  page: number,
): Promise<{ playlists: Playlist[]; total: number }> {
  const { playlists, total } = await playlistsOfGroup(listener, { page, lists: listsPerPage });
  const wanted = searchable(q);
  const matches = playlists.filter(
    ({ name, ownerId }) => searchable(name ?? '').includes(wanted) && (!yours || ownerId === listener.id),
  );
  const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  // safeguard: playlists-in-chosen-order
  if (sort === 'name') matches.sort((a, b) => byName.compare(a.name ?? '', b.name ?? ''));
  else if (sort === 'size') matches.sort((a, b) => (b.count ?? -1) - (a.count ?? -1));
  return { playlists: matches, total };
}
