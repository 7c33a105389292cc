import type { Episode, Track } from '../spotify/types.ts';

/** Names on pages for things without one. */
export const fallbackNames = {
  playlist: 'Unnamed playlist',
  device: 'Unnamed device',
  browser: 'Unknown browser',
  other: 'Unnamed',
} as const;

/** Why calls to Spotify are paused, on every page that says so. */
export const pauseReason = 'Spotify limits how often this site may ask.';

/** The name of what an export contains, without its own name if it has none. */
export function nameOfExport({ exportId, name }: { exportId: string; name: string | null }): string {
  return exportId === 'all' ? 'all playlists' : (name ?? fallbackNames.playlist);
}

/** Why the file of an export has no rows, by the reason of its outcome. */
export const emptyFileReasons = {
  'contents-unavailable': 'The file has no rows: Spotify didn’t send this playlist’s contents.',
  'not-readable':
    'The file has no rows: Spotify lets this site read only playlists that you own or collaborate on.',
} as const;

/** The word for each kind of item on pages. */
export const kindNames: Readonly<Record<(Track | Episode)['kind'], string>> = {
  track: 'Track',
  episode: 'Podcast episode',
  chapter: 'Audiobook chapter',
  audiobook: 'Audiobook',
};

/** The word for each kind of album on pages. */
export const albumTypes: Readonly<Record<string, string>> = {
  album: 'Album',
  single: 'Single',
  compilation: 'Compilation',
};

/** The name of an item, or what to call one without a name. */
export function nameOf({ kind, name }: Track | Episode): string {
  return name || `Unnamed ${kindNames[kind].toLowerCase()}`;
}

const restrictions: Readonly<Record<string, string>> = {
  market: 'Not available in your country',
  product: 'Not available with your Spotify plan',
  explicit: 'Hidden by your explicit content filter',
  payment_required: 'Not purchased yet',
};

/** Why an item cannot be played. Spotify may add reasons, so there is a text for unknown ones. */
export function restrictionText(reason: string): string {
  // safeguard: known-restriction-reasons-only
  return Object.hasOwn(restrictions, reason) ? String(restrictions[reason]) : 'Not available to you';
}
