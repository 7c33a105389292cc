export type Clock = ReturnType<typeof createClock>;

/** A clock that moves only when told to. */
export function createClock(start = Date.now()) {
  let now = start;
  return {
    now: () => now,
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
