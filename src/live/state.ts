import type { Playback } from '../spotify/parse.ts';
import { hasPlaybackChanged, type Observation, observe, type RequestTimes, uriOf } from './observation.ts';

/*
 * How the live state of a listener changes. All functions here are pure: they return the next state, or the same object if nothing changes.
 * Times are milliseconds since 1970.
 */

/** The state that subscribers see. */
export type LiveState = Readonly<{
  observation: Observation | null;
  /** Spotify asked not to be called. `quota`: the day's calls are used up, rather than too many made at once. */
  cooldown: Readonly<{ until: number; quota: boolean }> | null;
  /** Spotify has failed to answer several times in a row. */
  spotifyDown: boolean;
  /** While polls are rare because few calls are left: roughly until when. Otherwise null. */
  throttledUntil: number | null;
  /** No process can poll, because Redis does not answer or takes no writes. */
  redisDown: boolean;
}>;

/** Live state as another process or a page knows it. A page does not poll, so it leaves `throttledUntil` undefined. */
export type Update = Omit<LiveState, 'throttledUntil'> & {
  readonly throttledUntil?: number | null | undefined;
};

/** A process's state of one listener who has subscribers there. */
export type ListenerState = Readonly<{
  live: LiveState;
  /** When the listener last pressed one of our buttons. Answers to earlier requests are out of date. */
  commandAt: number;
  /** Whether the second poll after that is still to be planned. */
  isFollowUpDue: boolean;
  /** When a poll was requested: the answer to a request made at or after this time satisfies it. 0 if none is wanted. */
  pollRequestedAt: number;
  nextPollAt: number;
  /** No poll before this, requested or not: the last one was a moment ago, failed, or met a cooldown. */
  earliestPollAt: number;
  /** Polls in a row that have failed. */
  failures: number;
}>;

/** Why a poll failed. `ours`: Redis is down or this process is stopping. `refused`: Spotify will not answer until something is changed. */
export type Failure =
  | { kind: 'cooldown'; until: number; quota: boolean }
  | { kind: 'ours' | 'spotify-down' | 'refused' };

/** Now, and a random number from 0 to 1 that spreads polls after a cooldown. */
export type Instant = { now: number; jitter: number };

/** A page accepts an observation this recent instead of asking Spotify. */
const freshMs = 2_000;
/** Clocks of processes differ by less than this. A time further ahead was written by one whose clock was wrong. */
const clockSkewMs = 5_000;
/** The shortest time between two polls. */
const minIntervalMs = 1_500;
/** How long to wait after each of the first consecutive failures, and after every later one. */
const failureWaitMs = [5_000, 15_000, 60_000, 120_000, 300_000];
const maxFailureWaitMs = 600_000;

/** The live state of a listener about whom nothing is known yet. */
export const unknownState: LiveState = {
  observation: null,
  cooldown: null,
  spotifyDown: false,
  throttledUntil: null,
  redisDown: false,
};

export const initialState: ListenerState = {
  live: unknownState,
  commandAt: 0,
  isFollowUpDue: false,
  pollRequestedAt: 0,
  nextPollAt: 0,
  earliestPollAt: 0,
  failures: 0,
};

/** Whether subscribers who were sent `before` have to be sent `after`. Progress alone is no change: they work it out themselves. */
export function hasChanged(before: LiveState, after: LiveState): boolean {
  if (before === after) return false;
  if (conditionKeyOf(before) !== conditionKeyOf(after)) return true;
  if (before.observation?.saved !== after.observation?.saved) return true;
  if (after.observation === null) return false;
  // While polls are rare, subscribers are shown when the last one was.
  // safeguard: tell-when-polls-are-rare
  if (after.throttledUntil !== null && before.observation?.answeredAt !== after.observation.answeredAt)
    return true;
  return before.observation === null || hasPlaybackChanged(before.observation, after.observation);
}

/** Everything that keeps the observation from being current, as one string to compare. */
export function conditionKeyOf(live: Omit<LiveState, 'observation'>): string {
  const { cooldown, spotifyDown, throttledUntil, redisDown } = live;
  return JSON.stringify([cooldown?.until, cooldown?.quota, spotifyDown, throttledUntil, redisDown]);
}

/** Whether this observation was made by a process whose clock is ahead of ours. */
export function isFromTheFuture({ askedAt }: Observation, now: number): boolean {
  return askedAt > now + clockSkewMs;
}

export function isClockSetBack(now: number, before: number): boolean {
  return now < before - clockSkewMs;
}

/** The observation, if it is recent enough to be shown instead of asking Spotify. */
export function freshObservation({ live, commandAt }: ListenerState, now: number): Observation | null {
  const { observation } = live;
  if (observation === null || observation.askedAt <= commandAt) return null;
  const ageMs = now - observation.answeredAt;
  return ageMs >= 0 && ageMs < freshMs ? observation : null;
}

export function startPoll(state: ListenerState, now: number): ListenerState {
  return { ...state, earliestPollAt: now + minIntervalMs };
}

/** Spotify has answered a poll. `live` stays the same if the answer is out of date. */
export function applyAnswer(state: ListenerState, playback: Playback, times: RequestTimes): ListenerState {
  const { askedAt } = times;
  const before = state.live.observation;
  // While this poll was in flight, a page has asked later or the listener has pressed a button.
  // safeguard: ignore-outdated-polls
  if (askedAt < state.commandAt || (before !== null && askedAt < before.askedAt)) {
    return { ...state, failures: 0 };
  }
  return {
    ...state,
    live: {
      ...unknownState,
      observation: observe(playback, times, before),
      throttledUntil: state.live.throttledUntil,
    },
    pollRequestedAt: askedAt >= state.pollRequestedAt ? 0 : state.pollRequestedAt,
    failures: 0,
  };
}

/** The listener has no grant left that allows polling. */
export function applyNoGrant(state: ListenerState, now: number): ListenerState {
  return { ...state, failures: 0, nextPollAt: now + 10_000 };
}

/** A poll has failed. */
export function applyFailure(state: ListenerState, failure: Failure, instant: Instant): ListenerState {
  const { live } = state;
  if (failure.kind === 'cooldown') {
    const { until, quota } = failure;
    const resumesAt = afterCooldown(until, instant);
    return {
      ...state,
      live: { ...live, cooldown: { until, quota } },
      nextPollAt: resumesAt,
      earliestPollAt: resumesAt,
    };
  }
  // safeguard: back-off-after-failures
  const nextPollAt = instant.now + (failureWaitMs[state.failures] ?? maxFailureWaitMs);
  const failures = state.failures + 1;
  if (failure.kind === 'ours') return { ...state, nextPollAt, failures };
  // A single failure is not worth mentioning.
  const isDown = failure.kind === 'spotify-down' && failures > 1;
  return {
    ...state,
    live: isDown ? { ...live, spotifyDown: true } : live,
    nextPollAt,
    earliestPollAt: nextPollAt,
    failures,
  };
}

/** Another process, a page or the stored state has an update. Ignored if it is older than the live state here. */
export function applyUpdate(state: ListenerState, update: Update, instant: Instant): ListenerState {
  const { live, commandAt } = state;
  const { observation, throttledUntil = live.throttledUntil } = update;
  // Messages may overtake each other, and a poll may take longer than a command.
  if (observation && live.observation && observation.askedAt < live.observation.askedAt) return state;
  if (observation && (observation.askedAt < commandAt || isFromTheFuture(observation, instant.now)))
    return state;

  const isAnswered = observation !== null && observation.askedAt >= state.pollRequestedAt;
  const next = {
    ...state,
    live: {
      ...update,
      // A page that met a cooldown may know of no observation.
      // safeguard: keep-last-observation
      observation: observation ?? live.observation,
      throttledUntil,
    },
    pollRequestedAt: isAnswered ? 0 : state.pollRequestedAt,
  };
  if (update.cooldown) return { ...next, earliestPollAt: afterCooldown(update.cooldown.until, instant) };
  if (update.spotifyDown) return next;
  // Spotify has answered, so there is no reason to wait any longer.
  const earliestPollAt = Math.min(state.earliestPollAt, instant.now + minIntervalMs);
  return { ...next, earliestPollAt, failures: 0 };
}

/** The stored observation and the current cooldown as an update; null if they add nothing to the live state. */
export function updateFromStored(
  live: LiveState,
  stored: Observation | null,
  cooldown: LiveState['cooldown'],
): Update | null {
  const isNewer = stored !== null && (live.observation === null || stored.askedAt > live.observation.askedAt);
  const isCooldownNew = cooldown !== null && cooldown.until !== live.cooldown?.until;
  if (!isNewer && !isCooldownNew) return null;
  const observation = isNewer ? stored : live.observation;
  // safeguard: show-cooldown-in-new-tabs
  return { ...live, observation, cooldown, spotifyDown: false, redisDown: false };
}

/** The listener has pressed one of our buttons. */
export function applyCommand(state: ListenerState, at: number): ListenerState {
  return {
    ...state,
    commandAt: Math.max(state.commandAt, at),
    isFollowUpDue: true,
  };
}

/** A track has been saved to the listener's library, or removed from it: shown if it is the current one. */
export function applySaved(state: ListenerState, uri: string, saved: boolean): ListenerState {
  const { live } = state;
  const { observation } = live;
  if (observation === null || uriOf(observation) !== uri) return state;
  return { ...state, live: { ...live, observation: { ...observation, saved } } };
}

/** Redis has stopped taking the lease, or takes it again. */
export function applyRedisDown(state: ListenerState, redisDown: boolean): ListenerState {
  return state.live.redisDown === redisDown ? state : { ...state, live: { ...state.live, redisDown } };
}

/** The clock was set back, so everything known and planned now lies in the future. */
export function resetClock(state: ListenerState): ListenerState {
  return {
    ...initialState,
    live: { ...unknownState, redisDown: state.live.redisDown },
    failures: state.failures,
  };
}

/** A moment after a cooldown ends, not the same one for all listeners. */
function afterCooldown(until: number, { jitter }: Instant): number {
  return until + 1_000 + jitter * 4_000;
}
