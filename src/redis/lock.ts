import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import { textCodec } from './codec.ts';
import { keys } from './keys.ts';
import type { Records } from './records.ts';

export type Lock = ReturnType<typeof createLock>;

type Deps = {
  records: Records;
  /** Milliseconds until the lock of a process that died expires. Must be longer than the work it guards. */
  leaseMs: number;
  /** Milliseconds to wait for the lock. Must be longer than the lease. */
  lockWaitMs: number;
};

const retryMs = 50;

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** The owner of a lock or lease, as a random UUID. */
// safeguard: check-lock-owner
export const ownerCodec = textCodec(v.string().assert((text) => uuid.test(text)));

/**
 * A lock across processes. It only saves work: an owner that is suspended for longer than its lease resumes while another process holds
 * the lock, so everything that is written under the lock must be written by compare-and-set.
 */
export function createLock({ records, leaseMs, lockWaitMs }: Deps) {
  // safeguard: refresh-lock-lease
  const locks = records.of({ kind: 'lock', key: keys.lock, codec: ownerCodec, ttlMs: () => leaseMs });

  /**
   * Runs `work` while no other process runs work on the same key, and returns its result. `isHeld` returns whether this process still
   * has the lease; a suspended process may have lost it. Returns null without running the work if the lock was not free in time, or,
   * unless `wait` is set, at once. Throws what `work` throws, and RedisUnavailable.
   */
  return async function withLock<T>(
    key: string,
    work: (isHeld: () => boolean) => Promise<T>,
    { wait }: { wait: boolean },
  ): Promise<T | null> {
    const owner = randomUUID();
    const giveUpAt = performance.now() + lockWaitMs;
    let acquiredAt = performance.now();

    while (!(await locks.claim(key, owner)).claimed) {
      if (!wait || performance.now() > giveUpAt) return null;
      await sleep(retryMs);
      acquiredAt = performance.now();
    }
    try {
      return await work(() => performance.now() - acquiredAt < leaseMs);
    } finally {
      // If this fails, the lease expires by itself.
      // safeguard: release-own-lock-only
      await locks.removeIf(key, owner).catch(() => undefined);
    }
  };
}
