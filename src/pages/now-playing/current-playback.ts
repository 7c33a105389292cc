import { Cooldown } from '../../access/errors.ts';
import type { Hub } from '../../live/hub.ts';
import type { Observation } from '../../live/observation.ts';
import { unknownState } from '../../live/state.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import type { Card } from './card.ts';

/** The current playback, and what keeps it from being up to date. */
export type CurrentPlayback = { observation: Observation; live: Card['live'] };

/** The minimum time before a page without JavaScript reloads itself. */
const minRefreshMs = 20_000;

/**
 * Returns the current playback or, during a cooldown, the latest observation; throws Cooldown if there is none. Takes one call, or none if the latest
 * observation is fresh.
 */
export async function currentPlayback(hub: Hub, listener: SignedInListener): Promise<CurrentPlayback> {
  const { accountId } = listener;
  try {
    // Another browser of this listener may have more scopes than this one.
    // safeguard: hide-player-without-scope
    const known = listener.hasScopesFor('player') ? hub.freshObservation(accountId) : null;
    const observation =
      known ??
      (await listener.spotify.player(({ playback, askedAt }) => hub.record(accountId, playback, askedAt)));
    return { observation, live: unknownState };
  } catch (error) {
    const observation = error instanceof Cooldown ? await hub.latestObservation(accountId) : null;
    if (observation === null || !(error instanceof Cooldown)) throw error;
    await hub.recordCooldown(accountId, error);
    const { until, quota } = error;
    return { observation, live: { ...unknownState, cooldown: { until, quota } } };
  }
}

export function playbackJson({ observation, live }: CurrentPlayback) {
  return {
    ...observation.playback,
    saved: observation.saved,
    seenAt: new Date(observation.answeredAt).toISOString(),
    waitingUntil: live.cooldown && new Date(live.cooldown.until).toISOString(),
  };
}

/** Returns in how many seconds a page without JavaScript reloads itself: at the next poll, or after a cooldown. */
export function refreshAfter(pollAt: number, cooldown: Card['live']['cooldown'], now: number): number {
  // Spread out, so that pages don't all reload at once after a cooldown.
  const at = cooldown === null ? pollAt : cooldown.until + 1_000 + Math.random() * 30_000;
  return Math.ceil(Math.max(minRefreshMs, at - now) / 1000);
}
