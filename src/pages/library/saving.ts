import { partsOf } from '../../spotify/uri.ts';
import type { NoticeName } from '../../web/notices.ts';

/** The notices for saving a kind of thing, and for taking that back. */
const notices = {
  artist: ['artist-followed', 'artist-unfollowed'],
  playlist: ['playlist-followed', 'playlist-unfollowed'],
  other: ['track-saved', 'track-removed'],
} as const satisfies Record<string, readonly [NoticeName, NoticeName]>;

export const savingNotices = Object.values(notices).flat();

/** Returns the notice after this was saved or followed, or after that was undone. */
export function noticeFor(uri: string, isSaving: boolean): (typeof savingNotices)[number] {
  const { kind } = partsOf(uri);
  return notices[kind === 'artist' || kind === 'playlist' ? kind : 'other'][isSaving ? 0 : 1];
}
