import type { SignedInListener } from './signed-in.ts';

/** Whether pages offer to play things: the listener permits it, and hasn't been found to have no Premium. */
export function canPlay(listener: SignedInListener): boolean {
  // safeguard: play-with-premium-only
  return listener.hasScopesFor('play') && !listener.isWithoutPremium();
}
