import { playlistsPerPage } from '../../spotify/limits.ts';
import type { Playlist } from '../../spotify/types.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { playlistsOfGroup, searchable } from './lists.ts';

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
  listener: SignedInListener,
  { uris, query, page, recentIds }: Wanted,
): Promise<{ choices: Choice[]; total: number }> {
  const { spotify, id: listenerId } = listener;
  const { playlists, total } = await playlistsOfGroup(listener, { page, lists: listsPerPage });
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
