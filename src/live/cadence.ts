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
  interest: Interest;
};

/** The changes that subscribers see soon: all of them, or only those at the end of a track, which cost fewest calls. */
export type Interest = 'everything' | 'track-ends';

/** When to poll next. `throttledUntil`: until about when polls come much later than usual because few calls are left; null if the next one doesn't. */
export type NextPoll = { at: number; throttledUntil: number | null };

/** How far apart the polls for one listener should be. */
type Pace = {
  /** Whether so much of the budget is left that skips and pauses are worth polling for. */
  isRelaxed: boolean;
  /** Between polls in the middle of a long track. */
  midTrackMs: number;
  /** Every end of a longer track is polled. */
  shortTrackMs: number;
  /** Between polls at ends of shorter tracks, at least: several share one. */
  sharedEndsMs: number;
  /** Multiplies the waits for a player that is idle or stuck; above 1 only when hardly any calls are left. */
  stretch: number;
};

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Every number that the cadence depends on. Parts are fractions of the day's calls. "Measured": by `npm run bench -- live --only=day`. */
const policy = {
  /** Polling is relaxed until this part is used: three hours of music take 30 % of 700 calls (measured). */
  relaxedUntilUsed: 0.3,
  /** Pages and buttons make a few dozen calls a day; polls leave them this part. */
  pagesPart: 0.03,
  /** Before that part, polls become rarer within this one, for each listener: the smallest with which no other claim fails (measured). */
  lastPart: 0.08,
  /** While polling is relaxed. Someone who is looking notices a pause by themselves within a minute, at the latest. */
  midTrackMs: 57 * second,
  /** The mid-track poll is skipped if the end-of-track poll is at most 10 % later. */
  joinedWithEnd: 1.1,
  /** While polling isn't relaxed, only tracks longer than this are polled before their end. Few songs are longer. */
  longTrackMs: 6 * minute,
  /** The polling interval in those tracks: a skipped episode shows within 200 seconds (measured). */
  longTrackPollMs: 200 * second,
  /** Once the part `manyUsedPart` is used, tracks of two and a half minutes also count as short: a day has more of them than calls (measured). */
  shortTrackMs: { usual: 115 * second, manyUsed: 152 * second },
  manyUsedPart: 0.74,
  /** Short tracks share polls about this far apart, even if that pace wouldn't last all day: few people listen all day. */
  sharedEndsMs: 265 * second,
  /** Up to this many listeners always get the polls at ends, about 17 calls an hour each. The real limit is Spotify's 429. */
  fewListeners: 5,
  /** Upper bound on the polling interval, however little budget remains: an open page is never given up. */
  maxIntervalMs: 30 * minute,
  /** Pages mention throttling if it delays the next poll by more than this: a poll that tracks share is delayed by at least one track. */
  mentionedDelayMs: 30 * second,
  /** The first wait after finding a player stuck; it doubles with each further poll. Most have recovered by then. */
  stuckMs: 2 * second,
  /** A paused player is polled at most this much later for the first minutes, and a little before its track would end if resumed at once. */
  pausedMs: { min: 30 * second, max: 3 * minute, recent: 10 * minute, beforeEnd: 0.95 },
  /** A player that has been idle for long is polled after another eighth of that time, within these bounds: few return after hours. */
  idle: { part: 1 / 8, minMs: 3 * minute, maxMs: 15 * minute },
} as const;

/** The pace between 30 % used and the last 8 %. */
const usualPace: Pace = {
  isRelaxed: false,
  midTrackMs: policy.longTrackPollMs,
  shortTrackMs: 0,
  sharedEndsMs: 0,
  stretch: 1,
};

/** For listeners who are interested in ends of tracks only: nothing else is worth a call, however much is left. */
// safeguard: only-ends-for-bars
const endsOnly: Partial<Pace> = { isRelaxed: false, midTrackMs: Number.POSITIVE_INFINITY };

/**
 * Decides when to poll Spotify next for a listener with subscribers.
 *
 * The most useful poll is the one just after the expected end of a track: it finds a change that is sure to come, and is made however few calls
 * are left. Polls in the middle of a track only find skips and pauses. Spotify's quota covers all listeners for a whole day, and how long
 * each will listen is unknown, so there is a simple rule:
 *
 * - While polling is relaxed: ends of tracks, and in between a poll per minute. That is all that a listener of a few hours ever needs.
 * - After that: ends of tracks only, and a few polls in what is longer than a song. If tracks are so short that their ends alone would use up
 *   the day, several ends share one poll.
 * - The last part of the day's calls is for ends: all other polls become steadily rarer, down to a fixed minimum. Only if there are more than a
 *   few listeners, so do those at ends. When a poll comes much later than usual, for any of these reasons, pages show until when.
 *
 * A player that is idle or stuck is polled less and less often, however much is left. If only bars show what is playing, nothing but ends of tracks
 * is polled.
 */
export function nextPoll(circumstances: Circumstances): NextPoll {
  const { now, observation } = circumstances;
  if (observation === null) return { at: now, throttledUntil: null };
  const throttledMs = throttledFor(observation, circumstances);
  return {
    at: observation.answeredAt + waitFor(observation, now, paceOf(circumstances)),
    throttledUntil: throttledMs === null ? null : now + throttledMs,
  };
}

/** The time from the last poll to the next. */
function waitFor(observation: Observation, now: number, pace: Pace): number {
  // safeguard: longest-interval
  return Math.min(policy.maxIntervalMs, waitAtPace(observation, now, pace));
}

function waitAtPace(observation: Observation, now: number, pace: Pace): number {
  const { playback, answeredAt, stuckPolls, reportingLagMs } = observation;
  const idleMs = now - observation.since;
  if (playback.state !== 'playing') return pace.stretch * waitWhileIdle(playback, idleMs, pace);
  const [end, durationMs] = [expectedEndOf(observation), durationOf(playback)];
  if (end === null || durationMs === null) return pace.stretch * waitWithoutEnd(idleMs);
  if (stuckPolls > 0 || end <= answeredAt) return pace.stretch * waitWhileStuck(stuckPolls);
  // The tracks that share a poll are assumed to be as long as this one.
  const untilEndMs = end - answeredAt + (tracksPerPoll(pace, durationMs) - 1) * durationMs + reportingLagMs;
  const midTrackMs = midTrackInterval(pace, durationMs);
  // The last two polls before an end split the time evenly; one shortly before the end would not be worth its call.
  return untilEndMs <= policy.joinedWithEnd * midTrackMs ? untilEndMs : Math.min(midTrackMs, untilEndMs / 2);
}

/** How many tracks of this length share a poll at the end of the last of them. */
function tracksPerPoll({ shortTrackMs, sharedEndsMs }: Pace, durationMs: number): number {
  // safeguard: skip-track-end-polls
  return durationMs < shortTrackMs ? Math.max(1, Math.round(sharedEndsMs / durationMs)) : 1;
}

function midTrackInterval({ isRelaxed, midTrackMs }: Pace, durationMs: number): number {
  return isRelaxed || durationMs > policy.longTrackMs ? midTrackMs : Number.POSITIVE_INFINITY;
}

function waitWhileStuck(stuckPolls: number): number {
  return Math.min(policy.idle.maxMs, policy.stuckMs * 2 ** Math.max(0, stuckPolls - 1));
}

/**
 * If a paused track is resumed, it ends after its remaining time. A poll before then finds it playing, and its end is seen when it
 * comes. That is worth extra polls only while polling is relaxed.
 */
function waitWhileIdle(playback: Playback, idleMs: number, { isRelaxed }: Pace): number {
  const { min, max, recent, beforeEnd } = policy.pausedMs;
  if (idleMs >= recent) return idleInterval(idleMs);
  if (!isRelaxed) return max;
  const remainingMs = remainingOf(playback) ?? Number.POSITIVE_INFINITY;
  return Math.min(policy.midTrackMs, Math.max(min, beforeEnd * remainingMs));
}

/** For something whose end is unknown: an ad is over soon, a stream never ends. */
function waitWithoutEnd(playingMs: number): number {
  return playingMs < policy.pausedMs.recent ? policy.midTrackMs : idleInterval(playingMs);
}

function idleInterval(idleMs: number): number {
  const { part, minMs, maxMs } = policy.idle;
  return Math.min(maxMs, Math.max(minMs, part * idleMs));
}

function paceOf({ budget, listeners, interest }: Circumstances): Pace {
  const pace = paceForEverything(budget, listeners);
  return interest === 'everything' ? pace : { ...pace, ...endsOnly };
}

/** Whether so few calls are used that some may be spent on conveniences. */
export function isRelaxed({ perDay, used }: Budget, listeners: number): boolean {
  // With several listeners, this ends sooner.
  return (used / perDay) * Math.sqrt(listeners) < policy.relaxedUntilUsed;
}

function paceForEverything(budget: Budget, listeners: number): Pace {
  const { perDay, used } = budget;
  if (isRelaxed(budget, listeners)) return { ...usualPace, isRelaxed: true, midTrackMs: policy.midTrackMs };

  // safeguard: slow-polling-near-budget
  const stretch = stretchOf(budget, listeners);
  // safeguard: reserve-track-end-polls
  const endsStretch = stretchOf(budget, listeners - policy.fewListeners);
  const sustainableMs = (hour * listeners) / sustainablePerHour(budget);
  const { usual, manyUsed } = policy.shortTrackMs;
  return {
    isRelaxed: false,
    midTrackMs: policy.longTrackPollMs * listeners * stretch,
    shortTrackMs: endsStretch * (used / perDay < policy.manyUsedPart ? usual : manyUsed),
    sharedEndsMs: endsStretch * Math.min(policy.sharedEndsMs, sustainableMs),
    stretch,
  };
}

/** The factor by which waits grow in the last part of the budget; 1 before it. `times` enlarges that part. */
function stretchOf({ perDay, used }: Budget, times: number): number {
  if (times <= 0) return 1;
  const left = perDay * (1 - policy.pagesPart) - used;
  const max = policy.maxIntervalMs / policy.sharedEndsMs;
  return left <= 0 ? max : Math.min(max, Math.max(1, (perDay * policy.lastPart * times) / left));
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

/** Whether the next poll comes much later than usual. */
function isThrottled(observation: Observation, circumstances: Circumstances): boolean {
  const { now, interest } = circumstances;
  const usual = interest === 'everything' ? usualPace : { ...usualPace, ...endsOnly };
  const waitMs = waitFor(observation, now, paceOf(circumstances));
  // safeguard: mention-throttling
  return waitMs - waitFor(observation, now, usual) > policy.mentionedDelayMs;
}

/** How long until enough calls have stopped counting to poll at the usual pace again, in milliseconds; null if that is the pace now. */
function throttledFor(observation: Observation, circumstances: Circumstances): number | null {
  const { budget } = circumstances;
  const { expiries } = budget;
  if (!isThrottled(observation, circumstances)) return null;
  let left = budget.used;
  for (const [index, { inMs, calls }] of expiries.entries()) {
    left -= calls;
    const later = expiries.slice(index + 1).map((one) => ({ ...one, inMs: one.inMs - inMs }));
    const then = { ...circumstances, budget: { ...budget, used: left, expiries: later } };
    // safeguard: throttled-until
    if (!isThrottled(observation, then)) return inMs;
  }
  return expiries.at(-1)?.inMs ?? 0;
}
