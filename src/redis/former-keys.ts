import { Command, type Redis } from 'ioredis';
import { redisCall, replyCode } from './errors.ts';

type Deps = {
  redis: Redis;
  /** The prefix of keys before version 0.2.0, in place of the one that this connection puts before each key. */
  formerPrefix: string;
};

const renameIfMissing = `
  if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('RENAME', KEYS[1], KEYS[2])
  return 1`;

/**
 * Moves a value from the key it had before version 0.2.0 to the one it has now, with its TTL, unless there is one already. Returns
 * whether there is one under the new key then. If the value is there and Redis refuses to move it, throws RedisUnavailable: a grant that
 * was read but not moved could be refreshed and then not saved.
 */
export async function moveFormerKey({ redis, formerPrefix }: Deps, former: string, key: string) {
  const { keyPrefix = '' } = redis.options;
  // Not redis.eval(), which would put the new prefix before the former key.
  const args = [renameIfMissing, 2, formerPrefix + former, keyPrefix + key];
  const command = new Command('eval', args, { replyEncoding: 'utf8' });
  try {
    return (await redis.sendCommand(command)) === 1;
  } catch (error) {
    // The two keys may be in different slots of a cluster, which no earlier version could use, or the user may be restricted to the new prefix.
    if (['CROSSSLOT', 'NOPERM'].includes(replyCode(error) ?? '')) return false;
    return redisCall(Promise.reject(error));
  }
}

/** Removes what is left under a former key. Throws RedisUnavailable. */
export async function removeFormerKey({ redis, formerPrefix }: Deps, former: string): Promise<void> {
  const command = new Command('unlink', [formerPrefix + former], { replyEncoding: 'utf8' });
  try {
    await redis.sendCommand(command);
  } catch (error) {
    if (replyCode(error) !== 'NOPERM') await redisCall(Promise.reject(error));
  }
}
