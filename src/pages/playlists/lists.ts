import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';

/**
 * Reads several pages of the listener's playlists as one: `lists` of Spotify's pages of fifty, starting with the one after `page - 1` such
 * groups. One call for each, none for those that are cached. Also returns how many playlists there are in all, at least.
 */
export async function playlistsOfGroup(
  { spotify }: Pick<SignedInListener, 'spotify'>,
  { page, lists }: { page: number; lists: number },
): Promise<{ playlists: Playlist[]; total: number }> {
  const first = (page - 1) * lists + 1;
  const playlists: Playlist[] = [];
  let total = 0;
  for (let list = first; list < first + lists; list += 1) {
    const found = await spotify.cachedPlaylists(list);
    playlists.push(...found.items);
    const read = found.items.length + found.nullCount;
    total = found.total ?? (list - 1) * playlistsPerPage + read + (read < playlistsPerPage ? 0 : 1);
    if (list * playlistsPerPage >= total) break;
  }
  return { playlists, total };
}

const maxFilterLength = 100;

/** Returns the part of a name that playlists are filtered by, from a query; empty if there is none. */
export function filterIn(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, maxFilterLength) : '';
}

/** A text without case and accents. */
export function searchable(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
