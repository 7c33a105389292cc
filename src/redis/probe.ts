import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisFault, redisFault } from './errors.ts';
import { releaseIfOwner } from './lock.ts';

const probeMs = 10_000;

/** What keeps Redis from serving pages; null if nothing does. Tries what they do: a write, and a read and a write in a script. */
export async function findFault(redis: Redis): Promise<RedisFault | null> {
  const owner = randomUUID();
  const key = `lock:check:${owner}`;
  try {
    await redis.set(key, owner, 'PX', probeMs, 'NX');
    await redis.eval(releaseIfOwner, 1, key, owner);
    return null;
  } catch (error) {
    return redisFault(error);
  }
}
