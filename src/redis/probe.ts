import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisFault, redisFault } from './errors.ts';
import { ownerCodec } from './lock.ts';
import { createRecords } from './records.ts';

/** What keeps Redis from serving pages; null if nothing does. Tries what they do: a write, and a read and a write in a script. */
export async function findFault(redis: Redis): Promise<RedisFault | null> {
  const records = createRecords({ redis, onDamaged: () => undefined });
  const locks = records.of({ name: 'lock', codec: ownerCodec, ttlMs: () => 10_000 });
  const owner = randomUUID();
  try {
    await locks.claim(`check:${owner}`, owner);
    // safeguard: trying-script-before-saying-pages-can-be
    await locks.removeIf(`check:${owner}`, owner);
    return null;
  } catch (error) {
    return redisFault(error);
  }
}
