/**
 * Milliseconds. The order is what matters: accounts deadline < lease < patience. A renewal ends before its lock
 * does, or two would renew at once; and a waiter outlasts the lock of a process that died holding it.
 */
export type Timing = typeof timing;

export const timing = {
  /** A call to the accounts service, first to last byte. */
  accountsDeadlineMs: 8_000,
  /** The lock around a renewal. */
  leaseMs: 10_000,
  /** Waiting for somebody else's renewal. */
  lockWaitMs: 12_000,
  /** A call to the Web API, first to last byte. */
  apiDeadlineMs: 5_000,
  /** What Spotify's player takes to show what a command did. */
  afterCommandMs: 400,
  /** A file may take this long to its first byte: less than the half minute after which some proxies give up. */
  firstByteMs: 25_000,
  /** Between two signs of life in a stream or file: less than the minute after which proxies give up. */
  heartbeatMs: 15_000,
  /** Redis' answer to one command; past that its connection counts as gone. */
  redisDeadlineMs: 750,
  /** Live updates. */
  live: {
    /** How often each process checks what is due. */
    tickMs: 200,
    /** The lease of the process that polls: after this long without renewal, another process takes over. */
    leaseMs: 6_000,
    renewLeaseEveryMs: 2_000,
    /** Pub/sub is lossy, so processes without the lease re-read the stored state this often. */
    reloadEveryMs: 10_000,
    /** How long Redis may fail to take the lease before subscribers are told. */
    redisDownAfterMs: 10_000,
  },
};
