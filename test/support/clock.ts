import { currentItem, musicAt } from '../../simulator/playback.ts';

export type Clock = ReturnType<typeof createClock>;

/** A clock that moves only when told to; or with time as well, for what happens by itself. */
export function createClock(start = Date.now(), { ticking = false } = {}) {
  let now = start;
  const began = performance.now();
  return {
    now: () => (ticking ? now + Math.round(performance.now() - began) : now),
    advance({
      hours = 0,
      minutes = 0,
      seconds = 0,
      days = 0,
    }: Partial<Record<'days' | 'hours' | 'minutes' | 'seconds', number>>) {
      now += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
    },
  };
}

/**
 * When the track that the simulator's music has reached began. Tests start there: at any other time a track could end in the few
 * seconds that a test takes, now and then.
 */
export function beginningOfTrack(now = Date.now()): number {
  const { progressMs } = currentItem(musicAt(now, now), now);
  return now - (progressMs ?? 0);
}
