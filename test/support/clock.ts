import { currentItem, musicAt } from '../../simulator/playback.ts';

export type Clock = ReturnType<typeof createClock>;

/** A clock that moves only by `advance`, and with real time as well if it is ticking. */
export function createClock(start = Date.now(), { ticking = false } = {}) {
  let now = start;
  const startedAt = performance.now();
  return {
    now: () => (ticking ? now + Math.round(performance.now() - startedAt) : now),
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
 * Returns when the simulator's current track began. Tests start at that time: at any other time the track could end within the few
 * seconds of a test.
 */
export function beginningOfTrack(now = Date.now()): number {
  const { progressMs } = currentItem(musicAt(now, now), now);
  return now - (progressMs ?? 0);
}
