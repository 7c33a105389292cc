import type { Budget } from '../access/door.ts';
import type { Playback } from '../spotify/answers.ts';

/** What Spotify last said plays, and when it was heard, in milliseconds since 1970. */
export type Seen = { playback: Playback; at: number };

type Circumstances = {
  now: number;
  /** Null where nothing is known yet. */
  seen: Seen | null;
  /** Since when the same thing has been playing, paused or silent, in milliseconds since 1970. */
  unchangedSince: number;
  /** How many looks in a row have shown a track still at its end that should have been over. */
  overdueLooks: number;
  budget: Budget;
  /** How many listeners are being watched, this one included. */
  watched: number;
};

/** When to look next, and whether looks have become rare because few calls are left. */
export type NextLook = { at: number; sparing: boolean };

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** A look this long after the predicted end finds the next track: Spotify tells it a moment late. */
const afterEndMs = 1_450;
/** The time to the looks after that, while the old track still stands there. */
const overdueMs = [2_000, 4_000, 15_000];
/** How often to look in between while calls are plenty. */
const generousMs = 57 * second;
/** The part of a day's calls up to which they are plenty. */
const generousPart = 0.295;
/** The part of a day's calls that is left to pages and actions. */
const pagesPart = 0.079;
/** What a listener takes in an hour at the very least: the ends of tracks of about 3.5 minutes, and a few pauses. */
const leastPerHour = 19;
/** The least and the longest time between looks at something that was paused lately, while calls are plenty and while they are not. */
const pausedLately = { plenty: [30 * second, generousMs], paced: [90 * second, 170 * second] } as const;
const lately = 10 * minute;
/** How often to look at something paused or at nothing, by how long it has been so. */
const quiet = [
  { for: 30 * minute, every: 4 * minute },
  { for: 2 * hour, every: 8 * minute },
  { for: Number.POSITIVE_INFINITY, every: 15 * minute },
];
/** How often to look when a day's calls are used up but for those of pages. */
const sparingMs = 10 * minute;

/**
 * When to look at Spotify next, for a listener somebody watches.
 *
 * A look just after the predicted end of a track is worth most: it finds the change that is sure to come. The looks in between
 * only find skips and pauses, so they get what is left over. Spotify's quota is one for all listeners and a whole day, and nobody
 * knows how long they will watch. So the first part of a day's calls is spent generously, at one look a minute, which is all
 * that a listener of a few hours ever needs. After that each listener's ends of tracks are set aside for the rest of the day
 * first, and looks in between are spread over what remains. The last part belongs to pages and buttons: when only that is left,
 * looks become rare and the page says so. Paused or silent players are looked at ever more seldom.
 */
export function nextLook({
  now,
  seen,
  unchangedSince,
  overdueLooks,
  budget,
  watched,
}: Circumstances): NextLook {
  if (seen === null) return { at: now, sparing: false };
  const { playback, at } = seen;
  const forLive = budget.perDay * (1 - pagesPart);
  const left = forLive - budget.used;
  if (left <= 0) return { at: at + Math.max(sparingMs, quietMs(now - unchangedSince)), sparing: true };

  const plenty = budget.used < budget.perDay * generousPart;
  const between = plenty ? generousMs : pacedMs(left, budget, watched);
  if (playback.state !== 'playing')
    return { at: at + pausedMs(playback, now - unchangedSince, plenty), sparing: false };

  const end = endOf(seen);
  if (end === null) return { at: at + Math.min(between, generousMs), sparing: false };
  if (overdueLooks > 0 || end <= at) {
    return { at: at + (overdueMs[Math.max(0, overdueLooks - 1)] ?? generousMs), sparing: false };
  }
  // A look in between that comes shortly before the one at the end is not worth its call.
  const next = at + between < end - generousMs / 2 ? at + between : end + afterEndMs;
  return { at: next, sparing: false };
}

/** When what plays will be over, in milliseconds since 1970; null where that cannot be told. */
export function endOf({ playback, at }: Seen): number | null {
  if (playback.state !== 'playing' || !playback.item?.durationMs || playback.progressMs === null) return null;
  return at + playback.item.durationMs - playback.progressMs;
}

/**
 * The time to the next look at what does not play. Who goes on with a track will hear its end after what is left of it: a look
 * before that finds them playing, and the end is seen when it comes.
 */
function pausedMs(playback: Playback, sinceMs: number, plenty: boolean): number {
  if (sinceMs >= lately) return quietMs(sinceMs);
  const [least, most] = plenty ? pausedLately.plenty : pausedLately.paced;
  const left = playback.state === 'nothing' ? null : leftOf(playback);
  return left === null ? most : Math.min(most, Math.max(least, 0.95 * left));
}

function leftOf({ item, progressMs }: Extract<Playback, { item: unknown }>): number | null {
  return item?.durationMs && progressMs !== null ? item.durationMs - progressMs : null;
}

function quietMs(sinceMs: number): number {
  return quiet.find((one) => sinceMs < one.for)?.every ?? sparingMs;
}

/** The time between looks that what is left allows, once the ends of everybody's tracks are set aside until calls come free again. */
function pacedMs(left: number, { freesInMs }: Budget, watched: number): number {
  const setAside = (leastPerHour * watched * freesInMs) / hour;
  const spare = (left - setAside) / watched;
  return spare > 0 ? Math.max(generousMs, freesInMs / spare) : Number.POSITIVE_INFINITY;
}
