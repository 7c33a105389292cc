import type { Episode, Track } from '../spotify/types.ts';

/** What each kind of item is called on pages. */
export const kindNames: Readonly<Record<(Track | Episode)['kind'], string>> = {
  track: 'Track',
  episode: 'Podcast episode',
  chapter: 'Audiobook chapter',
  audiobook: 'Audiobook',
};

/** The name of an item, or words for one that has none. */
export function nameOf({ kind, name }: Track | Episode): string {
  return name ?? `Unnamed ${kindNames[kind].toLowerCase()}`;
}

const restrictions: Readonly<Record<string, string>> = {
  market: 'Not available in your country',
  product: 'Not available with your Spotify plan',
  explicit: 'Hidden by your explicit content filter',
  payment_required: 'Not bought yet',
};

/** Why an item cannot be played, in words. Spotify may add reasons: those are not told apart. */
export function restrictionText(reason: string): string {
  // safeguard: known-restriction-reasons-only
  return Object.hasOwn(restrictions, reason) ? String(restrictions[reason]) : 'Not available to you';
}
