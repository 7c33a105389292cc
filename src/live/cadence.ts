import type { Budget } from '../access/quota-gate.ts';
import type { Playback } from '../spotify/parse.ts';
import { endOf, leftOf, lengthOf, type Seen } from './observation.ts';

type Circumstances = {
  now: number;
  /** Null where nothing is known yet. */
  seen: Seen | null;
  budget: Budget;
  /** How many listeners are being watched, this one included. */
  watched: number;
};

/** When to look next, and until about when looks are much rarer than usual because few calls are left; null where they are not. */
export type NextLook = { at: number; sparingUntil: number | null };

/** How far apart the looks at one listener are to be, in milliseconds. */
type Pace = {
  /** In between, where only skips and pauses are to be found. */
  between: number;
  /** Ends of tracks: how long they usually are, or several of them where not every end can be looked at. */
  ends: number;
  /** How many times as long as usual to wait, in whatever case: more than once when hardly any calls are left. */
  stretch: number;
};

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** The parts of a day's calls between which spending goes over from plenty to what lasts for a day, for one listener. */
const plentyUntil = 0.29;
const pacedFrom = 0.37;
/** The part of a day's calls that is left to pages and buttons, and the one before it for each listener, in which all looks get rarer and rarer. */
const pagesPart = 0.06;
const lastPart = 0.055;
/** The calls that one listener takes in an hour while they are plenty. */
const plentyPerHour = 81;
/** The least time between looks in between, and the most unless hardly any calls are left. */
const betweenMs = { least: 57 * second, most: 10 * minute };
/** Ends of tracks this far apart are looked at even where the calls would not last for a day: few listen for a whole day. */
const endsMs = 230 * second;
/** However few calls are left, somebody is looked at this often. */
const rarestMs = 30 * minute;
/** That something may go unseen for longer than this because calls are few is worth telling. */
const sparingMs = 6 * minute;
/** What tracks are taken to last where nothing is known. */
const songMs = 3.5 * minute;
/** The time to the next look at something that stands still; twice as long after each such look. */
const stillMs = 2 * second;
/** The least and the most time between looks at something that was paused lately. */
const pausedMs = { least: 30 * second, most: 3 * minute };
const lately = 10 * minute;
/** How often to look at something paused or at nothing, by how long it has been so. */
const quiet = [
  { for: 30 * minute, every: 4 * minute },
  { for: 2 * hour, every: 8 * minute },
];
const quietestMs = 15 * minute;

/**
 * When to look at Spotify next, for a listener somebody watches.
 *
 * A look just after the predicted end of a track is worth most: it finds the change that is sure to come. The looks in between only
 * find skips and pauses. Spotify's quota is one for all listeners and a whole day, and nobody knows how long they will watch. So
 * everything follows from how far the day's calls have been used:
 *
 * - Plenty: a look a minute, which is all that a listener of a few hours ever needs.
 * - Then, bit by bit, the pace at which the rest lasts for a day. Ends come first, as many as there are where tracks are as long as
 *   those that played here; what they leave over is for looks in between. So songs get few or none, and an episode of an hour many.
 *   Where tracks are too short for the pace, several ends share one look.
 * - The last part: every wait is stretched, the more the less is left, and never to the point where nobody is looked at. The rest
 *   belongs to pages and buttons. Where that, or the pace, makes looks much rarer than usual, a person is to be told, and until when.
 *
 * What does not play, or says that it plays and stands still, is looked at ever more seldom, whatever is left.
 */
export function nextLook({ now, seen, budget, watched }: Circumstances): NextLook {
  if (seen === null) return { at: now, sparingUntil: null };
  const usualMs = Math.max(second, seen.usualMs ?? songMs);
  const pace = paceOf(budget, watched, usualMs);
  const sparingUntil = isSparing(pace) ? now + sparingFor(budget, watched, usualMs) : null;
  return { at: seen.at + waitFor(seen, now, pace, usualMs), sparingUntil };
}

/** The time from the last look to the next. */
function waitFor(seen: Seen, now: number, pace: Pace, usualMs: number): number {
  const { playback, at, stillLooks, lateMs } = seen;
  const sinceMs = now - seen.since;
  if (playback.state !== 'playing') return pausedFor(playback, sinceMs, pace);
  const end = endOf(seen);
  if (end === null) return endlessFor(sinceMs, pace);
  if (stillLooks > 0 || end <= at) return pace.stretch * stillFor(stillLooks);
  // The ends that are left out are those of the next tracks, taken to be as long as this one.
  const leftOutMs = (pace.ends / usualMs - 1) * (lengthOf(playback) ?? usualMs);
  const way = end - at + leftOutMs + lateMs;
  // The last two looks before an end share the way; one that would come shortly before the end is not worth its call.
  return way <= 1.1 * pace.between ? way : Math.min(pace.between, way / 2);
}

function stillFor(stillLooks: number): number {
  return Math.min(quietestMs, stillMs * 2 ** Math.max(0, stillLooks - 1));
}

/**
 * The time to the next look at what does not play. Who goes on with a track will hear its end after what is left of it: a look
 * before that finds them playing, and the end is seen when it comes. That is worth more looks than usual only while calls are plenty.
 */
function pausedFor(playback: Playback, sinceMs: number, { between, stretch }: Pace): number {
  if (sinceMs >= lately) return stretch * quietFor(sinceMs);
  const left = leftOf(playback) ?? Number.POSITIVE_INFINITY;
  const least = Math.max(pausedMs.least, between - pausedMs.least);
  return stretch * Math.min(pausedMs.most, between, Math.max(least, 0.95 * left));
}

function quietFor(sinceMs: number): number {
  return quiet.find((one) => sinceMs < one.for)?.every ?? quietestMs;
}

/** The time to the next look at something whose end cannot be told: an advertisement is over soon, a stream never. */
function endlessFor(sinceMs: number, { between, stretch }: Pace): number {
  if (sinceMs < lately) return stretch * Math.min(between, 2 * betweenMs.least);
  return Math.max(between, stretch * quietFor(sinceMs));
}

/** How far apart looks are to be for a listener whose tracks usually last so long. */
function paceOf(budget: Budget, watched: number, usualMs: number): Pace {
  const { perDay, used } = budget;
  // The more share what there is plenty of, the sooner it ends.
  const share = (used / perDay) * Math.sqrt(watched);
  const plenty = Math.min(1, Math.max(0, (pacedFrom - share) / (pacedFrom - plentyUntil)));
  const lasting = Math.min(plentyPerHour, lastingPerHour(budget) / watched);
  const perHour = plenty * plentyPerHour + (1 - plenty) * lasting;
  // safeguard: stretching-waits-while-last-calls-go
  const stretch = stretchOf(budget, watched);

  const allowed = stretch * Math.min(endsMs, hour / perHour);
  // safeguard: leaving-out-ends-when-calls-few
  const ends = usualMs * Math.max(1, Math.round(allowed / usualMs));
  // Looks in between for each end. Where that is not one, only tracks that are longer than usual get it.
  // safeguard: setting-ends-aside
  const each = (perHour * ends) / hour - 1;
  const between = each >= 1 ? ends / each : ends * (1.5 - 0.5 * Math.max(0, each));
  const most = Math.max(betweenMs.most, (4 / 3) * allowed);
  return { between: Math.min(most, Math.max(betweenMs.least, between)), ends, stretch };
}

/** The more listeners are watched, the sooner the last part would be gone: so it begins sooner. */
function stretchOf({ perDay, used }: Budget, watched: number): number {
  const left = Math.max(0, perDay * (1 - pagesPart) - used);
  const stretch = (perDay * lastPart * watched) / left;
  return Math.min(Math.max(1, stretch), (rarestMs * watched) / endsMs);
}

/** How many calls an hour last for a day, for all listeners: at no time in the next 24 hours may more be used than has come free by then. */
function lastingPerHour({ perDay, used, frees }: Budget): number {
  let free = perDay * (1 - pagesPart - lastPart) - used;
  let perHour = Number.POSITIVE_INFINITY;
  for (const { inMs, calls } of [...frees, { inMs: 24 * hour, calls: 0 }]) {
    perHour = Math.min(perHour, free / (Math.max(inMs, minute) / hour));
    free += calls;
  }
  return Math.max(0, perHour);
}

function isSparing({ between, ends }: Pace): boolean {
  return Math.min(between, ends) > sparingMs;
}

/** In how many milliseconds enough calls have come free to look as usual again. */
function sparingFor({ perDay, used, frees }: Budget, watched: number, usualMs: number): number {
  let left = used;
  for (const [index, { inMs, calls }] of frees.entries()) {
    left -= calls;
    const later = frees.slice(index + 1).map((one) => ({ ...one, inMs: one.inMs - inMs }));
    // safeguard: telling-until-when-enough-has-come-free
    if (!isSparing(paceOf({ perDay, used: left, frees: later }, watched, usualMs))) return inMs;
  }
  return frees.at(-1)?.inMs ?? 0;
}
