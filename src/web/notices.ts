import type { Request, RequestHandler } from 'express';
import { isUndoPath, routes } from '../routes.ts';

type Notice = {
  text: string;
  /** Whether it says that something wasn't done. */
  isError?: boolean;
};

/** Messages shown after an action. The redirect to the page names one of them as `?notice=`. */
const notices = {
  'signed-out': { text: 'You’re signed out.' },
  'signed-out-everywhere': { text: 'You’re signed out everywhere.' },
  'access-ended': { text: 'Access ended. They’re signed out everywhere, and can’t sign in again.' },
  'access-allowed': { text: 'They can sign in again.' },
  'preferences-saved': { text: 'Preferences saved.' },
  'app-connected': { text: 'Your Spotify app is connected. Now you can sign in.' },
  'playlist-created': { text: 'Playlist created.' },
  'playlist-saved': { text: 'Changes saved.' },
  'undo-expired': {
    text: 'This can’t be undone anymore: it has been undone already, or was too long ago.',
    isError: true,
  },
  'undo-too-long': {
    text: 'This can’t be undone here: the playlist is too long, or contains too many copies of what you added. You can remove it on the playlist’s page.',
    isError: true,
  },
  'addition-undone': { text: 'Undone. What you added has been removed again.' },
  'addition-undone-dates': {
    text: 'Undone. The playlist had other copies of it already: they’re still there, but count as added today.',
  },
  'removal-undone': { text: 'Undone. It’s back in its place, but counts as added today.' },
  'copies-missing': {
    text: 'Spotify stopped responding before everything was put back. Press Undo to put back the rest.',
    isError: true,
  },
  'undo-unfinished': {
    text: 'Spotify didn’t finish undoing this. Press Undo to try again.',
    isError: true,
  },
  'undo-nothing-left': {
    text: 'Nothing was removed: what you added isn’t in the playlist anymore.',
    isError: true,
  },
  'undo-partly': {
    text: 'Undone in some of the playlists. In others, what you added isn’t there anymore, or they’re too long: check their pages.',
    isError: true,
  },
  'change-unknown': {
    text: 'Spotify didn’t respond, so this may or may not have been done. Check the playlist before you try again.',
    isError: true,
  },
  'change-unknown-with-undo': {
    text: 'Spotify didn’t respond, so this may or may not have been done. Undo puts back what’s missing.',
    isError: true,
  },
  'items-added': { text: 'Added to the playlists you chose.' },
  'created-without-items': {
    text: 'The playlist was created, but Spotify didn’t add anything to it. Try adding it again.',
    isError: true,
  },
  'created-items-unknown': {
    text: 'The playlist was created, but Spotify didn’t say whether anything was added to it. Check what’s in it before you add anything again.',
    isError: true,
  },
  'item-added': { text: 'Added to this playlist.' },
  'item-removed': { text: 'Removed from this playlist.' },
  'removed-with-undo': {
    text: 'Removed from this playlist. Undo puts it back in its place, but it will count as added today.',
  },
  'one-left': {
    text: 'One copy is left, and counts as added today. Undo puts the others back, but they’ll count as added today as well.',
  },
  'change-refused': {
    text: 'Spotify didn’t accept this change, so nothing was changed.',
    isError: true,
  },
  'cover-changed': { text: 'Cover uploaded. Spotify may take a few minutes to show it.' },
  'item-moved': { text: 'Moved.' },
  'track-saved': { text: 'Saved to your library.' },
  'track-removed': { text: 'Removed from your library.' },
  'artist-followed': { text: 'You’re now following this artist.' },
  'artist-unfollowed': { text: 'You’re no longer following this artist.' },
  'unsave-undone': { text: 'Undone. It’s in your library again, but counts as saved today.' },
  'playlist-followed': { text: 'Added to your playlists.' },
  'playlist-unfollowed': { text: 'Removed from your playlists.' },
  'library-changed': {
    text: 'Nothing was removed, because your library has changed. Here’s how it looks now.',
    isError: true,
  },
  'playback-started': { text: 'Playback started.' },
  'playback-paused': { text: 'Paused.' },
  skipped: { text: 'Skipped.' },
  'skipped-back': { text: 'Skipped back.' },
  'added-to-queue': { text: 'Added to the queue.' },
  'partly-queued': {
    text: 'Only the first of these were added to the queue, then Spotify refused or didn’t respond. Check Up next before you add the rest.',
    isError: true,
  },
  'queue-unknown': {
    text: 'Spotify didn’t respond, so this may or may not have been added. Check Up next before you add it again.',
    isError: true,
  },
  'command-unknown': {
    text: 'Spotify didn’t respond, so this may or may not have happened. Check what’s playing before you try again.',
    isError: true,
  },
  'premium-required': {
    text: 'Spotify lets only Premium members control playback from other apps.',
    isError: true,
  },
  'no-active-device': {
    text: 'Spotify doesn’t see anything playing on your devices. Open Spotify on one of them and start playing.',
    isError: true,
  },
  'nothing-active': { text: 'Spotify doesn’t see anything playing on your devices.', isError: true },
  'device-gone': {
    text: 'That device isn’t available anymore. Idle devices disappear after a while. Open Spotify on it, then try again.',
    isError: true,
  },
  'no-previous-track': { text: 'There’s no track before this one.', isError: true },
  'no-next-track': { text: 'There’s no track after this one.', isError: true },
  'not-in-list': {
    text: 'That track is no longer in this list. Reload the page to see the current list.',
    isError: true,
  },
  'nothing-playable': { text: 'Spotify can’t play any of these.', isError: true },
  'played-in-order': {
    text: 'It’s playing, but Spotify didn’t turn on shuffle. Try the Shuffle button.',
    isError: true,
  },
  'already-paused': { text: 'Playback is already paused.', isError: true },
  'already-playing': { text: 'It’s already playing.', isError: true },
  'playing-elsewhere': { text: 'Playback has moved to another device.', isError: true },
  'no-track-playing': { text: 'No track is playing. Play something first.', isError: true },
  'no-list-playing': {
    text: 'This works only while an album, an artist, or a playlist is playing.',
    isError: true,
  },
  'endless-list': { text: 'This isn’t available for endless mixes, such as radio.', isError: true },
  'list-disallows': { text: 'Spotify doesn’t allow this for the list that’s playing.', isError: true },
  'too-many-commands': {
    text: 'Too many commands at once. Wait a few seconds, then try again.',
    isError: true,
  },
  'device-uncontrollable': {
    text: 'This device can’t be controlled from here. Use its own buttons, or move playback to another one.',
    isError: true,
  },
  'volume-uncontrollable': {
    text: 'The volume of this device can’t be changed from here. Use its own buttons.',
    isError: true,
  },
  'cannot-play': {
    text: 'Spotify can’t play this right now. It may be playing already, or an ad may be on.',
    isError: true,
  },
  'cannot-pause': {
    text: 'Spotify can’t pause right now. Playback may have stopped already.',
    isError: true,
  },
  'cannot-next': {
    text: 'Spotify doesn’t allow skipping right now. That happens during ads, and after many skips.',
    isError: true,
  },
  'cannot-previous': {
    text: 'Spotify doesn’t allow going back right now. That happens during ads.',
    isError: true,
  },
  'cannot-seek': {
    text: 'Spotify doesn’t allow seeking right now. That happens during ads.',
    isError: true,
  },
  'cannot-volume': { text: 'The volume can’t be changed from here right now.', isError: true },
  'cannot-shuffle': {
    text: 'Shuffle can’t be changed for what’s playing. Radio, the DJ, and autoplay don’t allow it.',
    isError: true,
  },
  'cannot-repeat': {
    text: 'Repeat can’t be changed for what’s playing. Radio, the DJ, and autoplay don’t allow it.',
    isError: true,
  },
  'cannot-queue': {
    text: 'Nothing was added. Spotify doesn’t allow adding to the queue right now.',
    isError: true,
  },
  'cannot-device': { text: 'Playback can’t be moved to this device right now.', isError: true },
} as const satisfies Record<string, Notice>;

export type NoticeName = keyof typeof notices;

export function isNoticeName(name: unknown): name is NoticeName {
  // safeguard: notices-by-own-key
  return typeof name === 'string' && Object.hasOwn(notices, name);
}

/** Whether a notice says that a command has changed what is playing. */
export function showsCommand(name: NoticeName | null): boolean {
  return name !== null && commandNotices.includes(name);
}

const commandNotices: readonly NoticeName[] = [
  'playback-started',
  'playback-paused',
  'skipped',
  'skipped-back',
];

export function textOfNotice(name: NoticeName): string {
  return notices[name].text;
}

export function isErrorNotice(name: NoticeName): boolean {
  const notice: Notice = notices[name];
  return notice.isError === true;
}

type Extras = {
  /** The control that the notice belongs to. */
  at?: string | null;
  /** The address to which a POST undoes the action: see undo.ts. */
  undo?: string | null;
  /** The URI of the one thing that was changed. */
  about?: string | null;
};

export function withNotice(
  path: string,
  notice: NoticeName,
  { at = null, undo = null, about = null }: Extras = {},
): string {
  const url = new URL(path, 'http://unused');
  url.searchParams.set('notice', notice);
  if (at !== null) url.searchParams.set('at', at);
  if (undo !== null) url.searchParams.set('undo', undo);
  if (about !== null) url.searchParams.set('about', about);
  return url.pathname + url.search;
}

/** The path with the notice of this request, if the page is shown somewhere else. */
export function moveNotice(req: Request, path: string): string {
  const notice = noticeIn(req);
  const { undo } = req.query;
  return notice === null ? path : withNotice(path, notice, { undo: isUndoPath(undo) ? undo : null });
}

/** The notice that a request names; null if it names none of ours. */
export function noticeIn(req: Request): NoticeName | null {
  const { notice } = req.query;
  return isNoticeName(notice) ? notice : null;
}

/** Lets the page show the notice that the request names, and offer what it names to undo. */
export const showNotice: RequestHandler = (req, res, next) => {
  const name = noticeIn(req);
  const { at, undo } = req.query;
  if (name !== null)
    res.locals.notice = {
      ...notices[name],
      at: typeof at === 'string' ? at : null,
      // safeguard: undo-within-site
      undo: isUndoPath(undo) ? undo : null,
      here: pathWithoutNotice(req.originalUrl),
    };
  next();
};

/** The same page without its notice. */
export function pathWithoutNotice(path: string): string {
  // An address such as // is none.
  const url = URL.parse(path, 'http://unused');
  if (url === null) return routes.home();
  for (const name of ['notice', 'at', 'undo', 'about']) url.searchParams.delete(name);
  return url.pathname + url.search;
}
