import type { SignedInListener } from './signed-in.ts';

/** The most tracks that one press adds to the queue: each takes a call to Spotify. */
export const maxQueued = 10;

/** Whether pages offer to play things: the listener permits it, and hasn't been found to have no Premium. */
export function canPlay(listener: SignedInListener): boolean {
  return listener.canPlay();
}
