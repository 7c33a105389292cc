import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisFault, redisFault } from './errors.ts';
import { keys } from './keys.ts';
import { ownerCodec } from './lock.ts';
import { createRecords } from './records.ts';

/** What keeps Redis from serving pages; null if nothing does. Tries what they do: a write, and a read and a write in a script. */
export async function findFault(redis: Redis): Promise<RedisFault | null> {
  const records = createRecords({ redis, formerPrefix: '', onDamaged: () => undefined });
  const checks = records.of({ kind: 'check', key: keys.check, codec: ownerCodec, ttlMs: () => 10_000 });
  const owner = randomUUID();
  try {
    await checks.claim(owner, owner);
    // safeguard: readiness-tries-script
    await checks.removeIf(owner, owner);
    return null;
  } catch (error) {
    return redisFault(error);
  }
}
