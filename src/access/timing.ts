/**
 * Durations in milliseconds. The order matters: accounts deadline < lease < wait for the lock. A refresh must end before its lease does, or two
 * processes would refresh at once; and a process must wait longer than the lease of one that died.
 */
export type Timing = typeof timing;

export const timing = {
  /** A call to the accounts service, from the first to the last byte. */
  accountsDeadlineMs: 8_000,
  /** The lease of the lock around a refresh. */
  leaseMs: 10_000,
  /** How long a request waits for a refresh by another one. */
  lockWaitMs: 12_000,
  /** A call to the Web API, from the first to the last byte. */
  apiDeadlineMs: 5_000,
  /** How long Spotify's player takes to show the effect of a command. */
  afterCommandMs: 400,
  /** The longest time until the first byte of a file: less than the half minute after which some proxies give up. */
  firstByteMs: 25_000,
  /** Between two heartbeats in a stream or file: less than the minute after which proxies give up. */
  heartbeatMs: 15_000,
  /** How long Redis may take to reply to a command, before its connection counts as lost. */
  redisDeadlineMs: 750,
  /**
   * The lease on a form while its work runs, which is extended until it ends: a further press runs the work again only if the process of the first
   * one has died.
   */
  formLeaseMs: 40_000,
  /** How often each process checks for export jobs to continue. */
  exportTickMs: 5_000,
  /** The lease of the process that works on an export job: without an extension, another process continues after this long. */
  exportLeaseMs: 30_000,
  live: {
    /** How often each process checks what is due. */
    tickMs: 200,
    /** The lease of the process that polls: without an extension, another process takes over after this long. */
    leaseMs: 6_000,
    extendLeaseEveryMs: 2_000,
    /** Pub/sub is lossy, so processes without the lease re-read the stored state this often. */
    reloadEveryMs: 10_000,
    /** How long taking the lease may fail before pages show that Redis is down. */
    redisDownAfterMs: 10_000,
  },
};
