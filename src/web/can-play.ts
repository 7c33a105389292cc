import type { SignedInListener } from './signed-in.ts';

/** The most tracks that one press adds to the queue: each takes a call to Spotify. */
export const maxQueued = 10;

/** Whether pages offer to play things: see `playAccess` in listener-api.ts. */
export function canPlay(listener: SignedInListener): boolean {
  return listener.playAccess() === 'granted';
}
