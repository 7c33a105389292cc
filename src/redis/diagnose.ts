import { randomUUID } from 'node:crypto';
import { isCluster, type RedisClient } from './client.ts';
import { clusterFault, type RedisFault, redisFault } from './errors.ts';
import { keys } from './keys.ts';
import { ownerCodec } from './lock.ts';
import { createRecords } from './records.ts';

/** A check of a cluster uses this many random keys. If one of three nodes is missing, one check in 17,000 doesn't notice. */
const keysInCluster = 24;

/**
 * Does what pages do: a write, and a script that reads and writes; in a cluster, with keys on every node. Returns what prevents it, or null if
 * it works. Never throws.
 */
export async function diagnose(redis: RedisClient): Promise<RedisFault | null> {
  const records = createRecords({ redis, formerPrefix: '', onDamaged: () => undefined });
  const checks = records.of({ kind: 'check', key: keys.check, codec: ownerCodec, ttlMs: () => 10_000 });
  async function checkOne(): Promise<void> {
    const owner = randomUUID();
    await checks.claim(owner, owner);
    // safeguard: readiness-tries-script
    await checks.removeIf(owner, owner);
  }
  try {
    // safeguard: check-every-node
    const count = isCluster(redis) ? keysInCluster : 1;
    await Promise.all(Array.from({ length: count }, checkOne));
    return null;
  } catch (error) {
    return isCluster(redis) && redis.status === 'ready' ? clusterFault(error) : redisFault(error);
  }
}
