import type { Budget } from '../access/quota-budget.ts';
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

/** When to poll next. `throttledUntil`: until about when polls are much rarer than usual because few calls are left; null if they are not. */
export type NextPoll = { at: number; throttledUntil: number | null };

/** How far apart the polls for one listener should be. */
type Pace = {
  hasPlenty: boolean;
  /** Between polls in the middle of a long track. */
  midTrackMs: number;
  /** Between polls at ends of tracks: a typical track, or several of them if not every end can be polled. */
  endsMs: number;
  /** Factor for every wait that isn't for an end; above 1 only when hardly any calls are left. */
  stretch: number;
};

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Every number that the cadence depends on. Parts are fractions of the day's calls. "Measured": by `npm run bench -- live --only=day`. */
export const policy = {
  /** Until this part is used, there is plenty: three hours of music take 30 % of 700 calls (measured). */
  plentyPart: 0.3,
  /** Pages and buttons make a few dozen calls a day; polls leave them this part. */
  pagesPart: 0.03,
  /** Before that part, polls become rarer within this one, for each listener: the smallest with which no other claim fails (measured). */
  lastPart: 0.08,
  /** While there is plenty. Someone who is looking notices a pause by themselves within a minute, at the latest. */
  midTrackMs: 57 * second,
  /** A poll in the middle is left to the one at the end if that comes at most this much later: a tenth is hardly noticed. */
  joinedWithEnd: 1.1,
  /** Once plenty is used, only tracks longer than this are polled before their end: few songs are. */
  longTrackMs: 6 * minute,
  /** That often: a skipped episode shows within 200 seconds (measured). */
  longTrackPollMs: 200 * second,
  /** If track ends are at least this far apart, each is polled, even at a pace that wouldn't last all day: few people listen all day. */
  affordableEndsMs: 230 * second,
  /** Upper bound on the polling interval of a single listener, however little budget remains: an open page is never given up. */
  longestIntervalMs: 30 * minute,
  /** Listeners are told about throttling if a change may go unnoticed for longer than this: longer than almost every song. */
  mentionedDelayMs: 6 * minute,
  /** Assumed track length if none is known: about the mean of popular songs. */
  defaultTrackMs: 3.5 * minute,
  /** The first wait after finding a player stuck; it doubles with each further poll. Most have recovered by then. */
  stuckMs: 2 * second,
  /** A paused player is polled again as late as this for some minutes, and a little before its track would end if it was resumed at once. */
  pausedMs: { least: 30 * second, most: 3 * minute, recent: 10 * minute, beforeEnd: 0.95 },
  /** A player that has been idle for long is polled after another eighth of that time, within these bounds: few return after hours. */
  idle: { part: 1 / 8, leastMs: 3 * minute, mostMs: 15 * minute },
} as const;

/**
 * Decides when to poll Spotify next for a listener with subscribers.
 *
 * The most useful poll is the one just after the expected end of a track: it finds a change that is sure to come, and is made as long as any
 * calls are left. Polls in the middle of a track only find skips and pauses. Spotify's quota covers all listeners for a whole day, and how long
 * each will listen is unknown, so there is a simple rule:
 *
 * - While plenty is left: ends of tracks, and in between a poll per minute. That is all that a listener of a few hours ever needs.
 * - After that: ends of tracks only, and a few polls in what is longer than a song. If tracks are so short that their ends alone would use up
 *   the day, several ends share one poll.
 * - The last part of the day's calls is for ends. Several listeners share it: theirs become rarer, more and more, but never without bound. When
 *   polls get much rarer than usual, for whichever reason, the listener is told until when.
 *
 * A player that is idle or stuck is polled less and less often, however much is left.
 */
export function nextPoll({ now, observation, budget, listeners }: Circumstances): NextPoll {
  if (observation === null) return { at: now, throttledUntil: null };
  const typicalTrackMs = Math.max(second, observation.typicalTrackMs ?? policy.defaultTrackMs);
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
  if (playback.state !== 'playing') return pace.stretch * waitWhileIdle(playback, idleMs, pace);
  const end = expectedEndOf(observation);
  if (end === null) return pace.stretch * waitWithoutEnd(idleMs);
  if (stuckPolls > 0 || end <= answeredAt) return pace.stretch * waitWhileStuck(stuckPolls);
  const durationMs = durationOf(playback) ?? typicalTrackMs;
  // Ends that are skipped are those of the next tracks, assumed to be as long as this one.
  const skippedMs = (pace.endsMs / typicalTrackMs - 1) * durationMs;
  const untilEndMs = end - answeredAt + skippedMs + reportingLagMs;
  const midTrackMs = midTrackInterval(pace, durationMs);
  // The last two polls before an end split the time evenly; one shortly before the end would not be worth its call.
  return untilEndMs <= policy.joinedWithEnd * midTrackMs ? untilEndMs : Math.min(midTrackMs, untilEndMs / 2);
}

function midTrackInterval({ hasPlenty, midTrackMs }: Pace, durationMs: number): number {
  return hasPlenty || durationMs > policy.longTrackMs ? midTrackMs : Number.POSITIVE_INFINITY;
}

function waitWhileStuck(stuckPolls: number): number {
  return Math.min(policy.idle.mostMs, policy.stuckMs * 2 ** Math.max(0, stuckPolls - 1));
}

/**
 * If a paused track is resumed, it ends after its remaining time. A poll before then finds it playing, and its end is seen when it
 * comes. That is worth extra polls only while there are plenty of calls.
 */
function waitWhileIdle(playback: Playback, idleMs: number, { hasPlenty }: Pace): number {
  const { least, most, recent, beforeEnd } = policy.pausedMs;
  if (idleMs >= recent) return idleInterval(idleMs);
  if (!hasPlenty) return most;
  const remainingMs = remainingOf(playback) ?? Number.POSITIVE_INFINITY;
  return Math.min(policy.midTrackMs, Math.max(least, beforeEnd * remainingMs));
}

/** For something whose end is unknown: an ad is over soon, a stream never ends. */
function waitWithoutEnd(playingMs: number): number {
  return playingMs < policy.pausedMs.recent ? policy.midTrackMs : idleInterval(playingMs);
}

function idleInterval(idleMs: number): number {
  const { part, leastMs, mostMs } = policy.idle;
  return Math.min(mostMs, Math.max(leastMs, part * idleMs));
}

function paceOf(budget: Budget, listeners: number, typicalTrackMs: number): Pace {
  const { perDay, used } = budget;
  // With several listeners, plenty ends sooner.
  if ((used / perDay) * Math.sqrt(listeners) < policy.plentyPart)
    return { hasPlenty: true, midTrackMs: policy.midTrackMs, endsMs: typicalTrackMs, stretch: 1 };

  // safeguard: slow-polling-near-budget
  const stretch = stretchOf(budget, listeners, listeners);
  // A single listener has the whole last part for ends of tracks, and more: as long as Spotify has refused nothing, it may allow them.
  // safeguard: reserve-track-end-polls
  const endsStretch = budget.isGuess && listeners === 1 ? 1 : stretchOf(budget, listeners, listeners - 1);
  const sustainableMs = (hour * listeners) / sustainablePerHour(budget);
  const allowedMs = endsStretch * Math.min(policy.affordableEndsMs, sustainableMs);
  // safeguard: skip-track-end-polls
  const endsMs = typicalTrackMs * Math.max(1, Math.round(allowedMs / typicalTrackMs));
  return { hasPlenty: false, midTrackMs: policy.longTrackPollMs * listeners * stretch, endsMs, stretch };
}

/** How much longer than usual waits are in the last part of the budget. With `shares`, it begins as many times sooner. */
function stretchOf({ perDay, used }: Budget, listeners: number, shares: number): number {
  const left = perDay * (1 - policy.pagesPart) - used;
  const longest = (policy.longestIntervalMs * listeners) / policy.affordableEndsMs;
  return left <= 0 ? longest : Math.min(longest, Math.max(1, (perDay * policy.lastPart * shares) / left));
}

/**
 * The calls per hour, for all listeners together, that can be sustained for a day: at no time in the next 24 hours do they use more than is
 * available by then.
 */
function sustainablePerHour({ perDay, used, expiries }: Budget): number {
  let free = perDay * (1 - policy.pagesPart - policy.lastPart) - used;
  let perHour = Number.POSITIVE_INFINITY;
  for (const { inMs, calls } of [...expiries, { inMs: 24 * hour, calls: 0 }]) {
    perHour = Math.min(perHour, free / (Math.max(inMs, minute) / hour));
    free += calls;
  }
  return Math.max(0, perHour);
}

function isThrottled({ hasPlenty, midTrackMs, endsMs }: Pace): boolean {
  return !hasPlenty && Math.min(midTrackMs, endsMs) > policy.mentionedDelayMs;
}

/** How long until enough calls have stopped counting to poll at the usual pace again, in milliseconds. */
function throttledFor(budget: Budget, listeners: number, typicalTrackMs: number): number {
  const { expiries } = budget;
  let left = budget.used;
  for (const [index, { inMs, calls }] of expiries.entries()) {
    left -= calls;
    const later = expiries.slice(index + 1).map((one) => ({ ...one, inMs: one.inMs - inMs }));
    // safeguard: throttled-until
    const then = { ...budget, used: left, expiries: later };
    if (!isThrottled(paceOf(then, listeners, typicalTrackMs))) return inMs;
  }
  return expiries.at(-1)?.inMs ?? 0;
}
