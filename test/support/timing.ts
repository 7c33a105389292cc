import { type Timing, timing } from '../../src/access/timing.ts';

/**
 * Deadlines and intervals of a server under test. A busy machine may take seconds for what usually takes a millisecond, so deadlines are
 * long: what happens when one passes is for tests that set it. Live updates look at the clock more often, so that tests wait less.
 */
export const testTiming: Timing = {
  ...timing,
  accountsDeadlineMs: 20_000,
  leaseMs: 25_000,
  lockWaitMs: 60_000,
  apiDeadlineMs: 20_000,
  redisDeadlineMs: 20_000,
  live: { ...timing.live, tickMs: 10 },
};

/** The usual deadline of Redis, for tests of what happens when it passes. */
export const promptly: Partial<Timing> = { redisDeadlineMs: timing.redisDeadlineMs };
