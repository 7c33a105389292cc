import { createRandom, type Random } from '../simulator/random.ts';
import { binOf, budgetIn } from '../src/access/quota-gate.ts';
import { nextLook } from '../src/live/cadence.ts';
import { leftOf, type Seen, seenNow } from '../src/live/observation.ts';
import type { Playback } from '../src/spotify/parse.ts';

/*
 * A day of somebody's music with a clock of its own, and what those who look at it see of it.
 */

export type Change = { at: number; kind: 'natural' | 'skip' | 'pause' | 'resume' };

/** What is playing at any moment of a day, and when it changes; all in milliseconds from the start of the day. */
export type Day = { from: number; to: number; changes: Change[]; at(time: number): Playback };

/** What somebody's music is like. Times are in milliseconds; where there are two, anything between them may come. */
export type World = {
  trackMs: readonly [number, number];
  pausesPerHour: number;
  pauseMs: readonly [number, number];
  /** How late at most Spotify knows of a change. */
  lateMs: number;
};

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
const trackMs = 3.5 * minute;

/** Tracks of 3.5 minutes and four pauses of three minutes an hour; Spotify knows of each change up to a second late. */
export const usualWorld: World = {
  trackMs: [trackMs, trackMs],
  pausesPerHour: 4,
  pauseMs: [3 * minute, 3 * minute],
  lateMs: second,
};

type Piece = { from: number; track: number; lengthMs: number; progressMs: number; playing: boolean };

/** Music between `from` and `to`, one track in twenty skipped somewhere in it. The same seed makes the same day. */
export function dayOfMusic(from: number, to: number, seed: string, world: World = usualWorld): Day {
  const chances: Random = createRandom(seed);
  const chance = () => chances.between(0, 1e9) / 1e9;
  const any = ([least, most]: readonly [number, number]) => least + (most - least) * chance();
  const pauses: number[] = [];
  const apart = hour / world.pausesPerHour;
  for (let begins = from; begins < to; begins += apart) pauses.push(begins + (0.1 + 0.6 * chance()) * apart);
  const pieces: Piece[] = [];
  const changes: Change[] = [];
  let time = from;
  let track = 0;
  let lengthMs = any(world.trackMs);
  let progressMs = lengthMs * chance();
  let skipAt = chance() < 0.05 ? lengthMs * chance() : Number.POSITIVE_INFINITY;
  pieces.push({ from: time, track, lengthMs, progressMs, playing: true });

  while (time < to) {
    const untilEnd = lengthMs - progressMs;
    const untilSkip = skipAt > progressMs ? skipAt - progressMs : Number.POSITIVE_INFINITY;
    const untilPause = (pauses[0] ?? Number.POSITIVE_INFINITY) - time;
    const step = Math.min(untilEnd, untilSkip, Math.max(0, untilPause));
    time += step;
    progressMs += step;
    const late = () => chance() * world.lateMs;
    if (step === untilPause || untilPause < 0) {
      pauses.shift();
      changes.push({ at: time + late(), kind: 'pause' });
      pieces.push({ from: time, track, lengthMs, progressMs, playing: false });
      time += any(world.pauseMs);
      changes.push({ at: time + late(), kind: 'resume' });
      pieces.push({ from: time, track, lengthMs, progressMs, playing: true });
    } else {
      // Players leave a moment between tracks.
      const gap = step === untilEnd ? chance() * 0.4 * second : 0;
      time += gap;
      track += 1;
      lengthMs = any(world.trackMs);
      progressMs = 0;
      skipAt = chance() < 0.05 ? lengthMs * chance() : Number.POSITIVE_INFINITY;
      changes.push({ at: time + late(), kind: step === untilEnd ? 'natural' : 'skip' });
      pieces.push({ from: time, track, lengthMs, progressMs, playing: true });
    }
  }
  // Spotify tells of a piece only when it knows of the change that began it.
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

/** A day of a player that says it plays, and stands still so long before the end of a track. */
export function dayOfStandstill(to: number, leftMs: number): Day {
  const piece = { from: 0, track: 1, lengthMs: trackMs, progressMs: trackMs - leftMs, playing: true };
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

/** The looks that were made of one day. */
export type Watched = { day: Day; looks: number[] };

/** How often the app sees whether a look is due, how long Spotify takes to answer, and what a look takes to be shown. */
const tickMs = 200;
const answerMs = 100;
const shownMs = 150;

/**
 * Looks at these days as the app does, within one budget; each day is watched from its start to its end. It is the app's cadence in a
 * plain loop, with the app's tick: no pages or buttons take calls beside it, and no tab is hidden and shown again.
 */
export function watchAsWeDo(days: readonly Day[], perDay: number): Watched[] {
  const bins: Record<string, number> = {};
  const watchers = days.map((day) => ({
    day,
    looks: [] as number[],
    seen: null as Seen | null,
    next: day.from,
  }));
  for (;;) {
    const due = watchers.filter(({ day, next }) => next < day.to).sort((a, b) => a.next - b.next)[0];
    if (!due) break;
    const asked = due.next;
    const now = asked + answerMs;
    due.looks.push(asked);
    bins[binOf(asked)] = (bins[binOf(asked)] ?? 0) + 1;
    due.seen = seenNow(due.day.at(asked), now, asked, due.seen);
    const { at } = nextLook({
      now,
      seen: due.seen,
      budget: budgetIn(bins, now, perDay),
      watched: watchers.filter(({ day }) => day.from <= asked && asked < day.to).length,
    });
    due.next = Math.ceil(Math.max(at, asked + 1_500) / tickMs) * tickMs;
  }
  return watchers.map(({ day, looks }) => ({ day, looks }));
}

/** Looks every so many milliseconds; with `tighten`, just after a predicted end as well, where that comes sooner. */
export function watchEvery(day: Day, everyMs: number, tighten = false): Watched {
  const looks: number[] = [];
  for (let now = day.from; now < day.to; ) {
    looks.push(now);
    const playback = day.at(now);
    const left = (playback.state === 'playing' ? leftOf(playback) : null) ?? Number.POSITIVE_INFINITY;
    now += tighten && left + 1_000 < everyMs ? left + 1_000 : everyMs;
  }
  return { day, looks };
}

/**
 * What so many looks do that are laid down beforehand by one who knows when tracks end: one within a second and a half of each end, and
 * the rest where they halve the longest gaps. A comparison and no bound: who looks again sooner after seeing a pause can do better.
 */
export function watchKnowingEnds(day: Day, count: number): Watched {
  const ends = day.changes.filter(({ kind }) => kind === 'natural').map(({ at }) => at + 1_500);
  const looks = [day.from, ...ends].sort((a, b) => a - b);
  const gaps = [...looks, day.to]
    .map((at, index, all) => ({ from: all[index - 1] ?? day.from, to: at, parts: 1 }))
    .slice(1);
  for (let spare = count - looks.length; spare > 0; spare -= 1) {
    const widest = gaps.reduce((a, b) => ((a.to - a.from) / a.parts >= (b.to - b.from) / b.parts ? a : b));
    widest.parts += 1;
  }
  const between = gaps.flatMap(({ from, to, parts }) =>
    Array.from({ length: parts - 1 }, (_, index) => from + ((to - from) * (index + 1)) / parts),
  );
  return { day, looks: [...looks, ...between].sort((a, b) => a - b) };
}

/**
 * How long after each change it was shown, in milliseconds: those of tracks that ended, and the others. What was never shown counts
 * until the look that showed what came after it, or until the end of the day.
 */
export function delays({ day, looks }: Watched): { natural: number[]; others: number[] } {
  const natural: number[] = [];
  const others: number[] = [];
  let index = 0;
  for (const { at, kind } of [...day.changes].sort((a, b) => a.at - b.at)) {
    while (index < looks.length && (looks[index] ?? 0) < at) index += 1;
    (kind === 'natural' ? natural : others).push((looks[index] ?? day.to) - at + shownMs);
  }
  return { natural, others };
}
