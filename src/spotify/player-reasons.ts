/** Why the player can't do something. Spotify's reference listed these once; they are still sent (GitHub: spotify/web-api#1433). */
export const playerReasons = [
  'NO_PREV_TRACK',
  'NO_NEXT_TRACK',
  'NO_SPECIFIC_TRACK',
  'ALREADY_PAUSED',
  'NOT_PAUSED',
  'NOT_PLAYING_LOCALLY',
  'NOT_PLAYING_TRACK',
  'NOT_PLAYING_CONTEXT',
  'ENDLESS_CONTEXT',
  'CONTEXT_DISALLOW',
  'ALREADY_PLAYING',
  'RATE_LIMITED',
  'REMOTE_CONTROL_DISALLOW',
  'DEVICE_NOT_CONTROLLABLE',
  'VOLUME_CONTROL_DISALLOW',
] as const;

export type PlayerReason = (typeof playerReasons)[number];
