import type { Request, RequestHandler } from 'express';

type Notice = {
  text: string;
  /** Whether it says that something wasn't done. */
  isError?: boolean;
};

/** Messages shown after an action. The redirect to the page names one of them as `?notice=`. */
const notices = {
  'signed-out': { text: 'You’re signed out.' },
  'signed-out-everywhere': { text: 'You’re signed out everywhere.' },
  'playlist-created': { text: 'Playlist created.' },
  'playlist-saved': { text: 'Changes saved.' },
  'item-added': { text: 'Added to this playlist.' },
  'item-removed': { text: 'Removed from this playlist.' },
  'playlist-changed': {
    text: 'Nothing was removed, because the playlist has changed. Here’s how it looks now.',
    isError: true,
  },
  'track-saved': { text: 'Saved to your library.' },
  'track-removed': { text: 'Removed from your library.' },
  'library-changed': {
    text: 'Nothing was removed, because your library has changed. Here’s how it looks now.',
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
  'not-possible-now': {
    text: 'The player can’t do that right now. It may have stopped or moved on, or the device can’t be controlled from here.',
    isError: true,
  },
} as const satisfies Record<string, Notice>;

export type NoticeName = keyof typeof notices;

/** The path with a notice for the page to show. */
export function withNotice(path: string, notice: NoticeName): string {
  const url = new URL(path, 'http://unused');
  url.searchParams.set('notice', notice);
  return url.pathname + url.search;
}

/** The notice that a request names; null if it names none of ours. */
export function noticeIn(req: Request): NoticeName | null {
  const { notice } = req.query;
  // safeguard: notices-by-own-key
  return typeof notice === 'string' && Object.hasOwn(notices, notice) ? (notice as NoticeName) : null;
}

/** Lets the page show the notice that the request names. */
export const showNotice: RequestHandler = (req, res, next) => {
  const name = noticeIn(req);
  if (name !== null) res.locals.notice = notices[name];
  next();
};
