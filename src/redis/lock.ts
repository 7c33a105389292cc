import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import { textCodec } from './codec.ts';
import { keys } from './keys.ts';
import type { Records } from './records.ts';

export type Lock = ReturnType<typeof createLock>;

type Deps = {
  records: Records;
  /** Milliseconds after which the lock of a process that died is free again. Must outlast the work it guards. */
  leaseMs: number;
  /** Milliseconds a waiter waits. Must outlast the lease. */
  lockWaitMs: number;
};

const retryMs = 50;

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Who holds a lock or a lease: a random UUID. */
// safeguard: check-lock-owner
export const ownerCodec = textCodec(v.string().assert((text) => uuid.test(text)));

/**
 * A lock that holds across processes. It only saves work: a holder that is paused beyond its lease wakes up
 * beside another, so whatever is written under it must be written by compare.
 */
export function createLock({ records, leaseMs, lockWaitMs }: Deps) {
  // safeguard: refresh-lock-lease
  const locks = records.of({ kind: 'lock', key: keys.lock, codec: ownerCodec, ttlMs: () => leaseMs });

  /**
   * Runs `work` while no other process runs work on the same key, and gives its result.
   * `isHeld` says whether the lease is still its own: a process that was paused may have slept through it.
   * Gives null, without having run it, when the lock did not come free in time; at once where the caller can do without.
   */
  return async function withLock<T>(
    key: string,
    work: (isHeld: () => boolean) => Promise<T>,
    { wait }: { wait: boolean },
  ): Promise<T | null> {
    const owner = randomUUID();
    const giveUpAt = performance.now() + lockWaitMs;
    let takenAt = performance.now();

    while (!(await locks.claim(key, owner)).claimed) {
      if (!wait || performance.now() > giveUpAt) return null;
      await sleep(retryMs);
      takenAt = performance.now();
    }
    try {
      return await work(() => performance.now() - takenAt < leaseMs);
    } finally {
      // If this fails the lease ends it; the work is done either way.
      // safeguard: release-own-lock-only
      await locks.removeIf(key, owner).catch(() => undefined);
    }
  };
}
