import type { Budget } from '../access/usage.ts';
import type { Playback } from '../spotify/parse.ts';
import { durationOf, expectedEndOf, type Observation, remainingOf } from './observation.ts';

type Circumstances = {
  now: number;
  /** Null if nothing is known yet. */
  observation: Observation | null;
  budget: Budget;
  /** How many listeners are being polled, including this one. */
  listeners: number;
};

/**
 * When to poll next, in milliseconds since 1970. `throttledUntil`: while polls are much rarer than usual because few calls are left, roughly
 * until when; otherwise null.
 */
export type NextPoll = { at: number; throttledUntil: number | null };

/** How far apart the polls for one listener should be. */
type Pace = {
  /** Between polls in the middle of a track, which can only find skips and pauses. */
  midTrackMs: number;
  /** Between polls at ends of tracks: a typical track, or several of them if not every end can be polled. */
  endsMs: number;
  /** Factor for every wait; above 1 only when hardly any calls are left. */
  stretch: number;
};

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/**
 * Fractions of the daily budget. Below the first, one listener is polled as often as is useful; above the second, at a rate that lasts all
 * day; in between, the rate moves gradually from one to the other.
 */
const plentyUntil = 0.29;
const pacedFrom = 0.37;
/**
 * The fraction of the daily budget reserved for pages and buttons, and the fraction before it, for each listener, in which polls get rarer
 * and rarer.
 */
const pagesPart = 0.06;
const lastPart = 0.055;
/** Calls per hour for one listener while plenty are left. */
const plentyPerHour = 81;
/** Bounds on the time between mid-track polls. The upper one is raised when hardly any calls are left. */
const midTrackLimitsMs = { min: 57 * second, max: 10 * minute };
/** If track ends are at least this far apart, each is polled, even at a pace that wouldn't last all day: few people listen all day. */
const affordableEndsMs = 230 * second;
/** Upper bound on the polling interval of a single listener, however little budget remains. */
const longestIntervalMs = 30 * minute;
/** Listeners are told about throttling if a change may go unnoticed for longer than this. */
const mentionedDelayMs = 6 * minute;
/** Assumed track length if none is known. */
const defaultTrackMs = 3.5 * minute;
/** The first wait after finding a player stuck; it doubles with each further poll. */
const stuckMs = 2 * second;
/** Bounds on the time between polls of a player that was paused recently. */
const pausedLimitsMs = { min: 30 * second, max: 3 * minute };
const recentMs = 10 * minute;
/** Time between polls of a player that has been idle for long: paused, or with nothing playing. */
const idleIntervals = [
  { untilMs: 30 * minute, everyMs: 4 * minute },
  { untilMs: 2 * hour, everyMs: 8 * minute },
];
const longestIdleMs = 15 * minute;

/**
 * Decides when to poll Spotify next for a listener with subscribers.
 *
 * The most useful poll is the one just after the expected end of a track: it finds a change that is sure to come. Mid-track polls only
 * find skips and pauses. Spotify's quota covers all listeners for a whole day, and how long each will listen is unknown, so the pace
 * depends on how much of the day's calls has been used:
 *
 * - Plenty left: a poll per minute, which is all that a listener of a few hours ever needs.
 * - After that, gradually, the pace at which the remaining calls last for a day. Ends of tracks come first, as many as there are at the
 *   typical track length of this listener; what they leave goes to mid-track polls. So songs get few of those or none, and an hour-long
 *   episode gets many. If tracks are too short for the pace, several ends share one poll.
 * - The last part of the budget: every wait is stretched, more and more, but never without bound. The rest is reserved for pages and
 *   buttons. When polls get much rarer than usual, for whatever reason, the listener is told until when.
 *
 * A player that is idle or stuck is polled less and less often, whatever the budget.
 */
export function nextPoll({ now, observation, budget, listeners }: Circumstances): NextPoll {
  if (observation === null) return { at: now, throttledUntil: null };
  const typicalTrackMs = Math.max(second, observation.typicalTrackMs ?? defaultTrackMs);
  const pace = paceOf(budget, listeners, typicalTrackMs);
  return {
    at: observation.answeredAt + waitFor(observation, now, pace, typicalTrackMs),
    throttledUntil: isThrottled(pace) ? now + throttledFor(budget, listeners, typicalTrackMs) : null,
  };
}

/** The time from the last poll to the next. */
function waitFor(observation: Observation, now: number, pace: Pace, typicalTrackMs: number): number {
  const { playback, answeredAt, stuckPolls, reportingLagMs } = observation;
  const idleMs = now - observation.since;
  if (playback.state !== 'playing') return waitWhileIdle(playback, idleMs, pace);
  const end = expectedEndOf(observation);
  if (end === null) return waitWithoutEnd(idleMs, pace);
  if (stuckPolls > 0 || end <= answeredAt) return pace.stretch * waitWhileStuck(stuckPolls);
  // Ends that are skipped are those of the next tracks, assumed to be as long as this one.
  const skippedMs = (pace.endsMs / typicalTrackMs - 1) * (durationOf(playback) ?? typicalTrackMs);
  const untilEndMs = end - answeredAt + skippedMs + reportingLagMs;
  // The last two polls before an end split the time evenly; one shortly before the end would not be worth its call.
  return untilEndMs <= 1.1 * pace.midTrackMs ? untilEndMs : Math.min(pace.midTrackMs, untilEndMs / 2);
}

function waitWhileStuck(stuckPolls: number): number {
  return Math.min(longestIdleMs, stuckMs * 2 ** Math.max(0, stuckPolls - 1));
}

/**
 * If a paused track is resumed, it ends after its remaining time. A poll before then finds it playing, and its end is seen when it
 * comes. That is worth extra polls only while there are plenty of calls.
 */
function waitWhileIdle(playback: Playback, idleMs: number, { midTrackMs, stretch }: Pace): number {
  if (idleMs >= recentMs) return stretch * idleInterval(idleMs);
  const remainingMs = remainingOf(playback) ?? Number.POSITIVE_INFINITY;
  const minMs = Math.max(pausedLimitsMs.min, midTrackMs - pausedLimitsMs.min);
  return stretch * Math.min(pausedLimitsMs.max, midTrackMs, Math.max(minMs, 0.95 * remainingMs));
}

function idleInterval(idleMs: number): number {
  return idleIntervals.find(({ untilMs }) => idleMs < untilMs)?.everyMs ?? longestIdleMs;
}

/** For something whose end is unknown: an ad is over soon, a stream never ends. */
function waitWithoutEnd(playingMs: number, { midTrackMs, stretch }: Pace): number {
  if (playingMs < recentMs) return stretch * Math.min(midTrackMs, 2 * midTrackLimitsMs.min);
  return Math.max(midTrackMs, stretch * idleInterval(playingMs));
}

function paceOf(budget: Budget, listeners: number, typicalTrackMs: number): Pace {
  const { perDay, used } = budget;
  // With several listeners, plenty ends sooner.
  const spent = (used / perDay) * Math.sqrt(listeners);
  const plenty = Math.min(1, Math.max(0, (pacedFrom - spent) / (pacedFrom - plentyUntil)));
  const sustainable = Math.min(plentyPerHour, sustainablePerHour(budget) / listeners);
  const perHour = plenty * plentyPerHour + (1 - plenty) * sustainable;
  // safeguard: slow-polling-near-budget
  const stretch = stretchOf(budget, listeners);

  const allowedMs = stretch * Math.min(affordableEndsMs, hour / perHour);
  // safeguard: skip-track-end-polls
  const endsMs = typicalTrackMs * Math.max(1, Math.round(allowedMs / typicalTrackMs));
  // Mid-track polls for each end. If there is less than one, only tracks longer than usual get it.
  // safeguard: reserve-track-end-polls
  const perEnd = (perHour * endsMs) / hour - 1;
  const midTrackMs = perEnd >= 1 ? endsMs / perEnd : endsMs * (1.5 - 0.5 * Math.max(0, perEnd));
  const maxMs = Math.max(midTrackLimitsMs.max, (4 / 3) * allowedMs);
  return { midTrackMs: Math.min(maxMs, Math.max(midTrackLimitsMs.min, midTrackMs)), endsMs, stretch };
}

/** With more listeners the last part of the budget would be used up sooner, so stretching starts sooner. */
function stretchOf({ perDay, used }: Budget, listeners: number): number {
  const left = Math.max(0, perDay * (1 - pagesPart) - used);
  const stretch = (perDay * lastPart * listeners) / left;
  return Math.min(Math.max(1, stretch), (longestIntervalMs * listeners) / affordableEndsMs);
}

/**
 * The calls per hour, for all listeners together, that can be sustained for a day: at no time in the next 24 hours do they use more than is
 * available by then.
 */
function sustainablePerHour({ perDay, used, expiries }: Budget): number {
  let free = perDay * (1 - pagesPart - lastPart) - used;
  let perHour = Number.POSITIVE_INFINITY;
  for (const { inMs, calls } of [...expiries, { inMs: 24 * hour, calls: 0 }]) {
    perHour = Math.min(perHour, free / (Math.max(inMs, minute) / hour));
    free += calls;
  }
  return Math.max(0, perHour);
}

function isThrottled({ midTrackMs, endsMs }: Pace): boolean {
  return Math.min(midTrackMs, endsMs) > mentionedDelayMs;
}

/** How long until enough calls have stopped counting to poll at the usual pace again, in milliseconds. */
function throttledFor({ perDay, used, expiries }: Budget, listeners: number, typicalTrackMs: number): number {
  let left = used;
  for (const [index, { inMs, calls }] of expiries.entries()) {
    left -= calls;
    const later = expiries.slice(index + 1).map((one) => ({ ...one, inMs: one.inMs - inMs }));
    // safeguard: throttled-until
    if (!isThrottled(paceOf({ perDay, used: left, expiries: later }, listeners, typicalTrackMs))) return inMs;
  }
  return expiries.at(-1)?.inMs ?? 0;
}
