import type { RedisClient } from './client.ts';
import type { KeyType, Records } from './records.ts';

type Deps = { redis: RedisClient; records: Records; now: () => number };

const addScript = `
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4])
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

/**
 * A set whose members each expire at a time. The set itself expires `ttlMs` after the last addition, so no member should last longer. All methods
 * throw RedisUnavailable.
 */
export function createExpiringSet({ redis, records, now }: Deps, kind: string, key: string, ttlMs: number) {
  const type: KeyType = { kind, type: 'zset' };
  const add = records.script([type], addScript);

  return {
    /** Adds a member until a time, in milliseconds since 1970, or changes its time. Expired members are removed. */
    async add(member: string, expiresAt: number): Promise<void> {
      await add([key], now(), expiresAt, ttlMs, member);
    },

    async remove(...members: readonly string[]): Promise<void> {
      if (members.length === 0) return;
      await records.withType(type, key, () => redis.zrem(key, ...members));
    },

    count: (): Promise<number> => records.withType(type, key, () => redis.zcount(key, now(), '+inf')),
  };
}
