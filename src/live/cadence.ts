import type { Budget } from '../access/door.ts';
import type { Playback } from '../spotify/answers.ts';
import { endOf, leftOf, type Seen } from './seen.ts';

type Circumstances = {
  now: number;
  /** Null where nothing is known yet. */
  seen: Seen | null;
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
export function nextLook({ now, seen, overdueLooks, budget, watched }: Circumstances): NextLook {
  if (seen === null) return { at: now, sparing: false };
  const { playback, at } = seen;
  const unchangedMs = now - seen.since;
  const left = budget.perDay * (1 - pagesPart) - budget.used;
  if (left <= 0) return { at: at + rarely(budget, watched, unchangedMs), sparing: true };

  const plenty = budget.used < budget.perDay * generousPart;
  const between = plenty ? generousMs : pacedMs(left, budget, watched);
  if (playback.state !== 'playing')
    return { at: at + pausedMs(playback, unchangedMs, plenty), sparing: false };

  const end = endOf(seen);
  if (overdueLooks > 0 || end === null || end <= at) {
    const soon = end === null ? undefined : overdueMs[Math.max(0, overdueLooks - 1)];
    return { at: at + (soon ?? endlessMs(between, unchangedMs, plenty)), sparing: false };
  }
  // A look in between that comes shortly before the one at the end is not worth its call.
  const next = at + between < end - generousMs / 2 ? at + between : end + afterEndMs;
  return { at: next, sparing: false };
}

/**
 * The time to the next look at what does not play. Who goes on with a track will hear its end after what is left of it: a look
 * before that finds them playing, and the end is seen when it comes.
 */
function pausedMs(playback: Playback, sinceMs: number, plenty: boolean): number {
  if (sinceMs >= lately) return quietMs(sinceMs);
  const [least, most] = plenty ? pausedLately.plenty : pausedLately.paced;
  const left = leftOf(playback);
  return left === null ? most : Math.min(most, Math.max(least, 0.95 * left));
}

function quietMs(sinceMs: number): number {
  return quiet.find((one) => sinceMs < one.for)?.every ?? sparingMs;
}

/** The time to the next look at something whose end cannot be told: an advertisement is over soon, a stream never. */
function endlessMs(between: number, sinceMs: number, plenty: boolean): number {
  if (sinceMs < lately) return plenty ? generousMs : 2 * generousMs;
  return Math.max(quietMs(sinceMs), Math.min(between, 15 * minute));
}

/** The time to the next look when all that is left is for pages: rarely, and not at all once half of that is gone. */
function rarely({ perDay, used, frees }: Budget, watched: number, unchangedMs: number): number {
  const none = used >= perDay * (1 - pagesPart / 2);
  return Math.max(sparingMs * watched, quietMs(unchangedMs), none ? (frees[0]?.inMs ?? 0) : 0);
}

/**
 * The time between looks of one listener that what is left allows, once the ends of everybody's tracks are set aside: at no time in the next
 * 24 hours may more be used than has come free by then.
 */
function pacedMs(left: number, { frees }: Budget, watched: number): number {
  let freed = left;
  let perHour = Number.POSITIVE_INFINITY;
  for (const { inMs, calls } of [...frees, { inMs: 24 * hour, calls: 0 }]) {
    const hours = Math.max(inMs, minute) / hour;
    perHour = Math.min(perHour, freed / hours - leastPerHour * watched);
    freed += calls;
  }
  return perHour > 0 ? Math.max(generousMs, (hour * watched) / perHour) : Number.POSITIVE_INFINITY;
}
