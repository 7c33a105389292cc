import { createRandom, type Random } from '../simulator/random.ts';
import { liveBudget } from '../src/access/quota-budget.ts';
import type { QuotaFamily } from '../src/access/quota-families.ts';
import type { Ledger } from '../src/access/quota-fields.ts';
import { hourOf } from '../src/access/usage.ts';
import { type Interest, isRelaxed, nextPoll } from '../src/live/cadence.ts';
import { durationOf, type Observation, observe, remainingOf } from '../src/live/observation.ts';
import { unknownState } from '../src/live/state.ts';
import { cardOf } from '../src/pages/now-playing/card.ts';
import type { Playback } from '../src/spotify/parse.ts';

/*
 * Simulated days of music, and how soon each way of polling shows the changes in them. No real time passes.
 */

type Change = { at: number; kind: 'natural' | 'skip' | 'pause' | 'resume' };

/** The playback at any moment of a day, and when it changes. Times are milliseconds from the start of the day. */
export type Day = { from: number; to: number; changes: Change[]; at(time: number): Playback };

/** The kind of music. Two numbers are bounds, with every value between them equally likely. */
export type World = {
  trackMs: readonly [number, number];
  pausesPerHour: number;
  pauseMs: readonly [number, number];
  /** The longest time that Spotify takes to report a change. */
  reportingLagMs: number;
};

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
const trackMs = 3.5 * minute;

/** Tracks of 3.5 minutes and four pauses of three minutes an hour; Spotify reports each change up to a second late. */
export const usualWorld: World = {
  trackMs: [trackMs, trackMs],
  pausesPerHour: 4,
  pauseMs: [3 * minute, 3 * minute],
  reportingLagMs: second,
};

/** A stretch of time in which one track plays or is paused. */
type Piece = { from: number; track: number; lengthMs: number; progressMs: number; playing: boolean };

/** Music between `from` and `to`. One track in twenty is skipped. The same seed makes the same day. */
export function dayOfMusic(from: number, to: number, seed: string, world: World = usualWorld): Day {
  const source: Random = createRandom(seed);
  const random = () => source.between(0, 1e9) / 1e9;
  const randomIn = ([least, most]: readonly [number, number]) => least + (most - least) * random();
  const pauses: number[] = [];
  const apart = hour / world.pausesPerHour;
  for (let begins = from; begins < to; begins += apart) pauses.push(begins + (0.1 + 0.6 * random()) * apart);
  const pieces: Piece[] = [];
  const changes: Change[] = [];
  let time = from;
  let track = 0;
  let lengthMs = randomIn(world.trackMs);
  let progressMs = lengthMs * random();
  let skipAt = random() < 0.05 ? lengthMs * random() : Number.POSITIVE_INFINITY;
  pieces.push({ from: time, track, lengthMs, progressMs, playing: true });

  while (time < to) {
    const untilEnd = lengthMs - progressMs;
    const untilSkip = skipAt > progressMs ? skipAt - progressMs : Number.POSITIVE_INFINITY;
    const untilPause = (pauses[0] ?? Number.POSITIVE_INFINITY) - time;
    const step = Math.min(untilEnd, untilSkip, Math.max(0, untilPause));
    time += step;
    progressMs += step;
    const lagMs = () => random() * world.reportingLagMs;
    if (step === untilPause || untilPause < 0) {
      pauses.shift();
      changes.push({ at: time + lagMs(), kind: 'pause' });
      pieces.push({ from: time, track, lengthMs, progressMs, playing: false });
      time += randomIn(world.pauseMs);
      changes.push({ at: time + lagMs(), kind: 'resume' });
      pieces.push({ from: time, track, lengthMs, progressMs, playing: true });
    } else {
      // Players leave a short gap between tracks.
      const gap = step === untilEnd ? random() * 0.4 * second : 0;
      time += gap;
      track += 1;
      lengthMs = randomIn(world.trackMs);
      progressMs = 0;
      skipAt = random() < 0.05 ? lengthMs * random() : Number.POSITIVE_INFINITY;
      changes.push({ at: time + lagMs(), kind: step === untilEnd ? 'natural' : 'skip' });
      pieces.push({ from: time, track, lengthMs, progressMs, playing: true });
    }
  }
  // Spotify reports a piece once it knows of the change that began it.
  const known = pieces.map((piece, index) => ({
    ...piece,
    knownAt: index === 0 ? from : (changes[index - 1]?.at ?? 0),
  }));
  return {
    from,
    to,
    changes: changes.filter(({ at }) => at < to),
    at: (moment) => playbackIn(known, moment),
  };
}

/** A day of a stuck player: it reports that it is playing, but stays this long before the end of a track. */
export function dayOfStuckPlayer(to: number, remainingMs: number): Day {
  const piece = { from: 0, track: 1, lengthMs: trackMs, progressMs: trackMs - remainingMs, playing: true };
  return { from: 0, to, changes: [], at: () => playbackIn([{ ...piece, knownAt: 0 }], 0) };
}

function playbackIn(pieces: readonly (Piece & { knownAt: number })[], moment: number): Playback {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pieces[middle]?.knownAt ?? 0) <= moment) low = middle;
    else high = middle - 1;
  }
  const piece = pieces[low];
  if (!piece) return { state: 'nothing' };
  const since = piece.playing ? Math.max(0, moment - piece.from) : 0;
  const name = `track ${piece.track}`;
  return {
    state: piece.playing ? 'playing' : 'paused',
    kind: 'track',
    progressMs: Math.min(piece.lengthMs, piece.progressMs + since),
    device: null,
    disallows: [],
    shuffle: false,
    repeat: 'off',
    context: null,
    item: {
      kind: 'track',
      uri: `spotify:track:${piece.track}`,
      name,
      link: null,
      artists: [],
      album: null,
      covers: [],
      durationMs: piece.lengthMs,
      explicit: false,
      local: false,
      restriction: null,
    },
  };
}

/** A day, and when it was polled. `observations`: what each poll of the app found. */
export type PolledDay = {
  day: Day;
  polls: number[];
  observations?: Observation[];
  /** Calls that aren't polls, of all days together. */
  otherCalls?: number;
};

/** Calls that aren't polls: when they begin, and how many of which family. */
export type OtherCalls = {
  at: number;
  family: QuotaFamily;
  calls: number;
  /** Whether they are made only while polling is relaxed. */
  isOptional?: boolean;
};

/** How often the app checks whether a poll is due, how long Spotify takes to answer, and how long the result takes to be shown. */
const tickMs = 200;
const responseMs = 100;
const renderMs = 150;

/**
 * Polls these days with the app's cadence and tick, all within one budget. Each day has a subscriber of this interest from its start to its end. No
 * tab is hidden. Of pages, buttons and exports, only these calls are made.
 */
export function pollLikeTheApp(
  days: readonly Day[],
  perDay: number,
  others: readonly OtherCalls[] = [],
  interest: Interest = 'everything',
): PolledDay[] {
  const counts = new Map<QuotaFamily, Map<number, number>>();
  const count = (family: QuotaFamily, at: number, calls: number) => {
    const hours = counts.get(family) ?? new Map<number, number>();
    counts.set(family, hours);
    hours.set(hourOf(at), (hours.get(hourOf(at)) ?? 0) + calls);
  };
  const waiting = [...others].sort((one, other) => one.at - other.at);
  const ledger: Ledger = {
    closures: new Map(),
    limitHits: new Map(),
    good: new Map(),
    shared: new Map(),
    reserved: new Map(),
    counts,
  };
  const listeners = days.map((day) => ({
    day,
    polls: [] as number[],
    observations: [] as Observation[],
    nextPollAt: day.from,
  }));
  let otherCalls = 0;
  for (;;) {
    const due = listeners
      .filter(({ day, nextPollAt }) => nextPollAt < day.to)
      .sort((a, b) => a.nextPollAt - b.nextPollAt)[0];
    if (!due) break;
    const askedAt = due.nextPollAt;
    const now = askedAt + responseMs;
    due.polls.push(askedAt);
    for (let next = waiting[0]; next && next.at <= askedAt; next = waiting[0]) {
      waiting.shift();
      if (next.isOptional && !isRelaxed(liveBudget(ledger, perDay, now), days.length)) continue;
      count(next.family, next.at, next.calls);
      otherCalls += next.calls;
    }
    count('player-read', askedAt, 1);
    const before = due.observations.at(-1) ?? null;
    const observation = observe(due.day.at(askedAt), { askedAt, answeredAt: now }, before);
    due.observations.push(observation);
    const { at } = nextPoll({
      now,
      observation,
      budget: liveBudget(ledger, perDay, now),
      interest,
      listeners: listeners.filter(({ day }) => day.from <= askedAt && askedAt < day.to).length,
    });
    due.nextPollAt = Math.ceil(Math.max(at, askedAt + 1_500) / tickMs) * tickMs;
  }
  return listeners.map(({ day, polls, observations }) => ({ day, polls, observations, otherCalls }));
}

/** Polls at a fixed interval; with `alsoAtEnds`, also just after the expected end of a track. */
export function pollEvery(day: Day, everyMs: number, alsoAtEnds = false): PolledDay {
  const polls: number[] = [];
  for (let now = day.from; now < day.to; ) {
    polls.push(now);
    const playback = day.at(now);
    const remaining = playback.state === 'playing' ? remainingOf(playback) : null;
    const untilEndMs = (remaining ?? Number.POSITIVE_INFINITY) + 1_000;
    now += alsoAtEnds && untilEndMs < everyMs ? untilEndMs : everyMs;
  }
  return { day, polls };
}

/**
 * A fixed plan of `count` polls made with knowledge of all ends: one 1.5 seconds after each end, the rest wherever they halve the longest
 * gaps. A comparison, not a bound: polling again soon after finding a pause can do better.
 */
export function pollKnowingEnds(day: Day, count: number): PolledDay {
  const ends = day.changes.filter(({ kind }) => kind === 'natural').map(({ at }) => at + 1_500);
  const atEnds = [day.from, ...ends].sort((a, b) => a - b);
  const gaps = [...atEnds, day.to]
    .map((at, index, all) => ({ from: all[index - 1] ?? day.from, to: at, parts: 1 }))
    .slice(1);
  for (let spare = count - atEnds.length; spare > 0; spare -= 1) {
    const widest = gaps.reduce((a, b) => ((a.to - a.from) / a.parts >= (b.to - b.from) / b.parts ? a : b));
    widest.parts += 1;
  }
  const between = gaps.flatMap(({ from, to, parts }) =>
    Array.from({ length: parts - 1 }, (_, index) => from + ((to - from) * (index + 1)) / parts),
  );
  return { day, polls: [...atEnds, ...between].sort((a, b) => a - b) };
}

/**
 * How long after each change it was shown, in milliseconds: natural ends of tracks, and other changes. A change that no poll found counts
 * until the poll that found what came after it, or until the end of the day.
 */
export function delays({ day, polls }: PolledDay): { natural: number[]; others: number[] } {
  const natural: number[] = [];
  const others: number[] = [];
  let index = 0;
  for (const { at, kind } of [...day.changes].sort((a, b) => a.at - b.at)) {
    while (index < polls.length && (polls[index] ?? 0) < at) index += 1;
    (kind === 'natural' ? natural : others).push((polls[index] ?? day.to) - at + renderMs);
  }
  return { natural, others };
}

/** The longest time for which cards said "Playing" beside a full bar without a break, in milliseconds. */
export function longestFullBar({ day, polls, observations = [] }: PolledDay): number {
  let longest = 0;
  let fullSince: number | null = null;
  for (const [index, observation] of observations.entries()) {
    const replacedAt = (polls[index + 1] ?? day.to) + responseMs + renderMs;
    for (let at = observation.answeredAt + renderMs; at < replacedAt; at += 200) {
      const { playback, progressMs, isOverdue } = cardOf(observation, unknownState, null, at);
      const isFull = playback.state === 'playing' && progressMs === durationOf(playback) && !isOverdue;
      fullSince = isFull ? (fullSince ?? at) : null;
      if (fullSince !== null) longest = Math.max(longest, at - fullSince);
    }
  }
  return longest;
}
