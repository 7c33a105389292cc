import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisFault, redisFault } from './errors.ts';
import { ownerCodec } from './lock.ts';
import { createRecords } from './records.ts';

const probeMs = 10_000;

/**
 * What keeps Redis from serving pages; null if nothing does. Takes and frees a lock as pages do, by a write, and by a read and a
 * write in a script.
 */
export async function findFault(redis: Redis): Promise<RedisFault | null> {
  const records = createRecords({ redis, onDamaged: () => undefined });
  const locks = records.of({ name: 'lock', codec: ownerCodec, ttlMs: () => probeMs });
  const owner = randomUUID();
  const name = `check:${owner}`;
  try {
    await locks.claim(name, owner);
    await locks.removeIf(name, owner);
    return null;
  } catch (error) {
    return redisFault(error);
  }
}
