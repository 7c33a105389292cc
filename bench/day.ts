import { binOf, budgetIn } from '../src/access/door.ts';
import { nextLook } from '../src/live/cadence.ts';
import { isOverdue, type Seen, seenNow } from '../src/live/seen.ts';
import { type Chance, chanceOf } from '../src/simulator/chance.ts';
import type { Playback } from '../src/spotify/answers.ts';

/*
 * A day of somebody's music with a clock of its own, and what those who look at it see of it.
 */

export type Change = { at: number; kind: 'natural' | 'skip' | 'pause' | 'resume' };

/** What is playing at any moment of a day, and when it changes; all in milliseconds from the start of the day. */
export type Day = { from: number; to: number; changes: Change[]; at(time: number): Playback };

const second = 1000;
const minute = 60 * second;
export const hour = 60 * minute;
export const trackMs = 3.5 * minute;

type Piece = { from: number; track: number; progressMs: number; playing: boolean };

/**
 * Music between `from` and `to`: tracks of 3.5 minutes, one in twenty skipped somewhere in it, four pauses of three minutes an
 * hour. Spotify knows of each change up to a second late. The same seed makes the same day.
 */
export function dayOfMusic(from: number, to: number, seed: string): Day {
  const chances: Chance = chanceOf(seed);
  const chance = () => chances.between(0, 1e9) / 1e9;
  const pauses: number[] = [];
  for (let begins = from; begins < to; begins += hour) {
    for (let quarter = 0; quarter < 4; quarter += 1)
      pauses.push(begins + (quarter + 0.1 + 0.6 * chance()) * 15 * minute);
  }
  const pieces: Piece[] = [];
  const changes: Change[] = [];
  let time = from;
  let track = 0;
  let progressMs = trackMs * chance();
  let skipAt = chance() < 0.05 ? trackMs * chance() : Number.POSITIVE_INFINITY;
  pieces.push({ from: time, track, progressMs, playing: true });

  while (time < to) {
    const untilEnd = trackMs - progressMs;
    const untilSkip = skipAt > progressMs ? skipAt - progressMs : Number.POSITIVE_INFINITY;
    const untilPause = (pauses[0] ?? Number.POSITIVE_INFINITY) - time;
    const step = Math.min(untilEnd, untilSkip, Math.max(0, untilPause));
    time += step;
    progressMs += step;
    const late = () => chance() * second;
    if (step === untilPause || untilPause < 0) {
      pauses.shift();
      changes.push({ at: time + late(), kind: 'pause' });
      pieces.push({ from: time, track, progressMs, playing: false });
      time += 3 * minute;
      changes.push({ at: time + late(), kind: 'resume' });
      pieces.push({ from: time, track, progressMs, playing: true });
    } else {
      // Players leave a moment between tracks.
      const gap = step === untilEnd ? chance() * 0.4 * second : 0;
      time += gap;
      track += 1;
      progressMs = 0;
      skipAt = chance() < 0.05 ? trackMs * chance() : Number.POSITIVE_INFINITY;
      changes.push({ at: time + late(), kind: step === untilEnd ? 'natural' : 'skip' });
      pieces.push({ from: time, track, progressMs, playing: true });
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
    progressMs: Math.min(trackMs, piece.progressMs + since),
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
      durationMs: trackMs,
      explicit: false,
      local: false,
    },
  };
}

/** The looks that were made of one day. */
export type Watched = { day: Day; looks: number[] };

/** Looks at these days as the app does, within one budget; each day is watched from its start to its end. */
export function watchAsWeDo(days: readonly Day[], perDay: number): Watched[] {
  const bins: Record<string, number> = {};
  const watchers = days.map((day) => ({
    day,
    looks: [] as number[],
    seen: null as Seen | null,
    overdueLooks: 0,
    next: day.from,
  }));
  for (;;) {
    const due = watchers.filter(({ day, next }) => next < day.to).sort((a, b) => a.next - b.next)[0];
    if (!due) break;
    const now = due.next;
    const before = due.seen;
    due.looks.push(now);
    bins[binOf(now)] = (bins[binOf(now)] ?? 0) + 1;
    due.seen = seenNow(due.day.at(now), now, now, before);
    due.overdueLooks = before && isOverdue(before, due.seen) ? due.overdueLooks + 1 : 0;
    const { at } = nextLook({
      now,
      seen: due.seen,
      overdueLooks: due.overdueLooks,
      budget: budgetIn(bins, now, perDay),
      watched: watchers.filter(({ day }) => day.from <= now && now < day.to).length,
    });
    due.next = Math.max(at, now + 1_500);
  }
  return watchers.map(({ day, looks }) => ({ day, looks }));
}

/** Looks every so many milliseconds; with `tighten`, just after a predicted end as well, where that comes sooner. */
export function watchEvery(day: Day, everyMs: number, tighten = false): Watched {
  const looks: number[] = [];
  for (let now = day.from; now < day.to; ) {
    looks.push(now);
    const playback = day.at(now);
    const left =
      playback.state === 'playing' ? trackMs - (playback.progressMs ?? 0) : Number.POSITIVE_INFINITY;
    now += tighten && left + 1_000 < everyMs ? left + 1_000 : everyMs;
  }
  return { day, looks };
}

/**
 * The best that so many looks can do who know beforehand when tracks end, and must see that within a second and a half: the rest of
 * them halves the longest gaps.
 */
export function watchAtBest(day: Day, count: number): Watched {
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

/** What a look takes to be shown. */
const shownMs = 150;

/** How long after each change it was shown, in milliseconds: those of tracks that ended, and the others. */
export function delays({ day, looks }: Watched): { natural: number[]; others: number[] } {
  const natural: number[] = [];
  const others: number[] = [];
  let index = 0;
  for (const { at, kind } of [...day.changes].sort((a, b) => a.at - b.at)) {
    while (index < looks.length && (looks[index] ?? 0) < at) index += 1;
    const look = looks[index];
    if (look === undefined) continue;
    (kind === 'natural' ? natural : others).push(look - at + shownMs);
  }
  return { natural, others };
}
