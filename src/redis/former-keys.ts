import { Command } from 'ioredis';
import type { RedisClient } from './client.ts';
import { redisCall, replyCode } from './errors.ts';
import { resendIfMoved } from './resend.ts';

/*
 * The upgrade from version 0.1.0, whose keys had no prefix and no hash tags. To be removed in 0.3.0.
 */

type Deps = {
  redis: RedisClient;
  /** The prefix of keys before version 0.2.0, used instead of the one that this connection adds to each key. */
  formerPrefix: string;
};

const renameIfMissing = `
  if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('RENAME', KEYS[1], KEYS[2])
  return 1`;

/**
 * Renames a key of version 0.1.0 to its present name unless that exists already; the TTL stays. Returns whether the present key exists
 * afterward. Throws RedisUnavailable, even if Redis only refuses to rename: a grant that was read but not renamed could be refreshed and then
 * not saved.
 */
export async function moveFormerKey({ redis, formerPrefix }: Deps, former: string, key: string) {
  const { keyPrefix = '' } = redis.options;
  // redis.eval() would add the new prefix to the former key.
  const args = [renameIfMissing, 2, formerPrefix + former, keyPrefix + key];
  const send = async () => redis.sendCommand(new Command('eval', args, { replyEncoding: 'utf8' }));
  try {
    return (await resendIfMoved(redis, send)) === 1;
  } catch (error) {
    // In a cluster, which 0.1.0 couldn't use, the two keys may be in different slots. A user's permissions may end at the new prefix.
    if (['CROSSSLOT', 'NOPERM'].includes(replyCode(error) ?? '')) return false;
    return redisCall(Promise.reject(error));
  }
}

/** Removes a key of version 0.1.0. Throws RedisUnavailable. */
export async function removeFormerKey({ redis, formerPrefix }: Deps, former: string): Promise<void> {
  const send = async () =>
    redis.sendCommand(new Command('unlink', [formerPrefix + former], { replyEncoding: 'utf8' }));
  try {
    await resendIfMoved(redis, send);
  } catch (error) {
    if (replyCode(error) !== 'NOPERM') await redisCall(Promise.reject(error));
  }
}
