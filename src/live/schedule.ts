import type { NextPoll } from './cadence.ts';
import type { ListenerState } from './state.ts';

/*
 * When the next poll of a listener is due. The cadence proposes a time; requests, commands and cooldowns can move it. All functions here are
 * pure, as in state.ts: those that take a state return the next one. Times are milliseconds since 1970.
 */

/** While polls are throttled, a requested poll is worth a call only if the last one is older than this. */
const throttledFreshMs = 60_000;
/** Spotify may take this long to show the whole effect of a command, so it is polled once more then. */
const commandEffectMs = 2_000;
/** A poll planned further ahead than this dates from before the clock jumped. */
const maxIntervalMs = 49 * 60 * 60 * 1000;
/** Differences of `throttledUntil` up to this are not worth showing. */
const throttledUntilToleranceMs = 10 * 60_000;

/** A subscriber wants an answer to a request made after `since`: plans a poll as soon as one is allowed, unless there is such an answer. */
export function requestPoll(state: ListenerState, since: number, now: number): ListenerState {
  const requested = { ...state, pollRequestedAt: Math.max(state.pollRequestedAt, since) };
  if (!isPollWanted(requested, now)) return requested;
  const soonest = Math.max(now, requested.pollRequestedAt, state.earliestPollAt);
  return { ...requested, nextPollAt: Math.min(state.nextPollAt, soonest) };
}

/** Plans the next poll, by the cadence, by what was requested and by what a command needs. */
export function schedulePoll(state: ListenerState, cadence: NextPoll, now: number): ListenerState {
  const next = requestPollAfterCommand(withThrottling(state, cadence.throttledUntil));
  const { live, pollRequestedAt, earliestPollAt } = next;
  // safeguard: poll-for-returning-listener
  const requestedAt = isPollWanted(next, now) ? Math.max(now, pollRequestedAt) : Number.POSITIVE_INFINITY;
  const cooledDownAt = live.cooldown === null ? Number.POSITIVE_INFINITY : earliestPollAt;
  // safeguard: poll-after-cooldown
  const nextPollAt = Math.max(Math.min(cadence.at, requestedAt, cooledDownAt), earliestPollAt);
  return { ...next, nextPollAt };
}

/** Plans the next poll in a minute: the cadence is unknown, because Redis is down. */
export function postponePoll(state: ListenerState, now: number): ListenerState {
  return { ...state, nextPollAt: now + 60_000 };
}

export function isPollDue({ nextPollAt }: ListenerState, now: number): boolean {
  return now >= nextPollAt || nextPollAt - now > maxIntervalMs;
}

function withThrottling(state: ListenerState, throttledUntil: number | null): ListenerState {
  const before = state.live.throttledUntil;
  const isClose =
    throttledUntil === null || before === null
      ? throttledUntil === before
      : Math.abs(throttledUntil - before) <= throttledUntilToleranceMs;
  return isClose ? state : { ...state, live: { ...state.live, throttledUntil } };
}

/**
 * Requests one more poll after the first answer to a command, which may show nothing of it yet, or only the effect of an earlier one. Commands in
 * quick succession share it.
 */
function requestPollAfterCommand(state: ListenerState): ListenerState {
  const { live, isFollowUpDue, commandAt, pollRequestedAt } = state;
  const isAnswered = live.observation !== null && live.observation.askedAt > commandAt;
  if (!isFollowUpDue || !isAnswered) return state;
  // safeguard: repoll-after-command
  const requestedAt = Math.max(pollRequestedAt, commandAt + commandEffectMs);
  return { ...state, isFollowUpDue: false, pollRequestedAt: requestedAt };
}

/** Whether a requested poll still has to be made. */
function isPollWanted(
  { live, pollRequestedAt, commandAt, isFollowUpDue }: ListenerState,
  now: number,
): boolean {
  if (live.cooldown !== null && live.cooldown.until > now) return false;
  // Someone who just pressed a button should see its effect, even while polling is throttled.
  // safeguard: poll-after-command-when-throttled
  const isAfterCommand = isFollowUpDue || pollRequestedAt === commandAt + commandEffectMs;
  const isThrottled = live.throttledUntil !== null && !isAfterCommand;
  const since = isThrottled ? Math.min(pollRequestedAt, now - throttledFreshMs) : pollRequestedAt;
  return pollRequestedAt > 0 && (live.observation === null || live.observation.askedAt <= since);
}
