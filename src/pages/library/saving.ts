import type { Hub } from '../../live/hub.ts';
import { isUri, partsOf } from '../../spotify/uri.ts';
import type { NoticeName } from '../../web/notices.ts';

/** The notices for saving a kind of thing, and for taking that back. */
const notices = {
  artist: ['artist-followed', 'artist-unfollowed'],
  playlist: ['playlist-followed', 'playlist-unfollowed'],
  other: ['track-saved', 'track-removed'],
} as const satisfies Record<string, readonly [NoticeName, NoticeName]>;

export const savingNotices = Object.values(notices).flat();

/** Returns the notice after these were saved or followed, or after that was undone. */
export function noticeFor(uris: readonly string[], isSaving: boolean): (typeof savingNotices)[number] {
  const [uri = ''] = uris;
  const kind = uris.length === 1 ? partsOf(uri).kind : 'track';
  return notices[kind === 'artist' || kind === 'playlist' ? kind : 'other'][isSaving ? 0 : 1];
}

/** Tells live updates that these were saved or removed. Only tracks and episodes can be what is playing. */
export async function recordAllSaved(
  hub: Hub,
  accountId: string,
  uris: readonly string[],
  isSaved: boolean,
): Promise<void> {
  await Promise.all(uris.filter(isUri).map((uri) => hub.recordSaved(accountId, uri, isSaved)));
}
