import { type Timing, timing } from '../../src/access/timing.ts';

/**
 * Deadlines and intervals of a server under test. Deadlines are long, because a busy machine can take seconds for something that usually
 * takes a millisecond; tests of a deadline set their own. The hub ticks more often, so that tests wait less.
 */
export const testTiming: Timing = {
  ...timing,
  accountsDeadlineMs: 20_000,
  leaseMs: 25_000,
  lockWaitMs: 60_000,
  apiDeadlineMs: 20_000,
  redisDeadlineMs: 20_000,
  exportTickMs: 200,
  live: { ...timing.live, tickMs: 10 },
};

/** For tests of what happens when the deadline of Redis passes. */
export const usualRedisDeadline: Partial<Timing> = { redisDeadlineMs: timing.redisDeadlineMs };
