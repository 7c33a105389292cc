import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';

/** A playlist to add items to. */
export type Choice = Playlist & {
  id: string;
  isRecent: boolean;
  /** How many of the items are known to be in it; the others may be in it as well. */
  knownCount: number;
};

type Wanted = { uris: readonly string[]; query: string; page: number; recentIds: readonly string[] };

/** Pages of Spotify's list that one page of choices reads. */
const listsPerPage = 4;
export const choicesPerPage = listsPerPage * playlistsPerPage;

/**
 * Returns a page of the playlists that the listener can add to: those used recently first, and only those whose names contain the query. One call
 * for each fifty playlists, up to four, none for those that are cached.
 */
export async function choicesOn(
  { spotify, id: listenerId }: SignedInListener,
  { uris, query, page, recentIds }: Wanted,
): Promise<{ choices: Choice[]; total: number }> {
  const first = (page - 1) * listsPerPage + 1;
  const playlists: Playlist[] = [];
  let total = 0;
  for (let list = first; list < first + listsPerPage; list += 1) {
    const found = await spotify.cachedPlaylists(list);
    playlists.push(...found.items);
    const read = found.items.length + found.nullCount;
    total = found.total ?? (list - 1) * playlistsPerPage + read + (read < playlistsPerPage ? 0 : 1);
    if (list * playlistsPerPage >= total) break;
  }
  const wanted = searchable(query);
  const choices = playlists.flatMap((playlist): Choice[] => {
    const { id, ownerId, collaborative, name } = playlist;
    const isEditable = id !== null && (ownerId === listenerId || collaborative);
    if (!isEditable || !searchable(name ?? '').includes(wanted)) return [];
    const isRecent = recentIds.includes(id);
    return [{ ...playlist, id, isRecent, knownCount: spotify.knownInPlaylist(playlist, uris).length }];
  });
  const rank = ({ id, isRecent }: Choice) => (isRecent ? recentIds.indexOf(id) : recentIds.length);
  // safeguard: recent-playlists-first
  choices.sort((a, b) => rank(a) - rank(b));
  return { choices, total };
}

/** A text without case and accents. */
function searchable(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();
}
