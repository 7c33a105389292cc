import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { redisCall } from './errors.ts';

export type Lock = ReturnType<typeof createLock>;

type Needs = {
  redis: Redis;
  /** Milliseconds after which the lock of a process that died is free again. Must outlast the work it guards. */
  leaseMs: number;
  /** Milliseconds a waiter waits. Must outlast the lease. */
  patienceMs: number;
};

const retryMs = 50;

/** Frees a lock that is still its owner's: the key, then the owner. */
export const releaseIfOwner = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

/**
 * A lock that holds across processes. It only saves work: a holder that is paused beyond its lease wakes up
 * beside another, so whatever is written under it must be written by compare.
 */
export function createLock({ redis, leaseMs, patienceMs }: Needs) {
  /**
   * Runs `work` while no other process runs work under the same name, and gives its result.
   * Gives null, without having run it, when the lock did not come free in time; at once where the caller can do without.
   */
  return async function withLock<T>(
    name: string,
    work: () => Promise<T>,
    { wait }: { wait: boolean },
  ): Promise<T | null> {
    const key = `lock:${name}`;
    const owner = randomUUID();
    const giveUpAt = performance.now() + patienceMs;

    while ((await redisCall(redis.set(key, owner, 'PX', leaseMs, 'NX'))) !== 'OK') {
      if (!wait || performance.now() > giveUpAt) return null;
      await sleep(retryMs);
    }
    try {
      return await work();
    } finally {
      // If this fails the lease ends it; the work is done either way.
      await redis.eval(releaseIfOwner, 1, key, owner).catch(() => undefined);
    }
  };
}
