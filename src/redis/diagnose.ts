import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisFault, redisFault } from './errors.ts';
import { keys } from './keys.ts';
import { ownerCodec } from './lock.ts';
import { createRecords } from './records.ts';

/** Does what pages do: a write, and a script that reads and writes. Returns what prevents it, or null if it works. Never throws. */
export async function diagnose(redis: Redis): Promise<RedisFault | null> {
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
