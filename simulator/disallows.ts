import { ApiError } from './api-error.ts';
import type { Device } from './devices.ts';
import type { Playback } from './playback.ts';

/** Actions that aren't possible in a state, by Spotify's names (Spotify: `DisallowsObject`). */
export type Disallowed =
  | 'interrupting_playback'
  | 'pausing'
  | 'resuming'
  | 'seeking'
  | 'skipping_next'
  | 'skipping_prev'
  | 'toggling_repeat_context'
  | 'toggling_repeat_track'
  | 'toggling_shuffle'
  | 'transferring_playback';

/** Ads can be paused but not skipped, as responses of the real player show. */
const disallowedInAds: readonly Disallowed[] = [
  'seeking',
  'skipping_next',
  'skipping_prev',
  'toggling_repeat_context',
  'toggling_repeat_track',
  'toggling_shuffle',
];

const disallowedOnRestricted: readonly Disallowed[] = [
  ...disallowedInAds,
  'interrupting_playback',
  'pausing',
  'resuming',
  'transferring_playback',
];

export function disallowedIn({
  kind,
  isPlaying,
  device,
}: {
  kind: string;
  isPlaying: boolean;
  device: Device;
}): readonly Disallowed[] {
  if (device.isRestricted) return disallowedOnRestricted;
  const current: Disallowed = isPlaying ? 'resuming' : 'pausing';
  return kind === 'ad' ? [current, ...disallowedInAds] : [current];
}

/** Spotify's response is the same for every restriction. */
export const restrictionViolated = () =>
  new ApiError(403, 'Player command failed: Restriction violated', 'UNKNOWN');

/** Throws {@link ApiError} if the action isn't possible at the moment. */
export function assertAllowed(action: Disallowed, playback: Playback, device: Device): void {
  if (disallowedIn({ ...playback, device }).includes(action)) throw restrictionViolated();
}
