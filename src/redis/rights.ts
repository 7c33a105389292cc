import { randomUUID } from 'node:crypto';
import type { RedisClient } from './client.ts';
import { replyCode } from './errors.ts';
import { keys } from './keys.ts';

/**
 * The commands that pages and scripts use, with arguments that do no harm to a key that holds a text or nothing. `test/redis/rights.test.ts`
 * finds commands in the source that are missing here, and compares the list with the one in docs/deploy.md.
 */
const commands: Readonly<Record<string, readonly string[]>> = {
  get: [],
  set: ['x', 'PX', '10000'],
  incrby: ['0'],
  exists: [],
  type: [],
  expire: ['10'],
  pexpire: ['10000'],
  pttl: [],
  hget: ['x'],
  hmget: ['x'],
  hgetall: [],
  hexists: ['x'],
  hset: ['x', 'x'],
  hincrby: ['x', '0'],
  hdel: ['x'],
  zadd: ['0', 'x'],
  zcard: [],
  zcount: ['0', '0'],
  zrangebyscore: ['0', '0'],
  zscore: ['x'],
  zrem: ['x'],
  zremrangebyscore: ['0', '0'],
  unlink: [],
  del: [],
};

/** Commands without a key, or that the check of the connection and of the channel try. */
const otherCommands = [
  'rename',
  'time',
  'eval',
  'evalsha',
  'publish',
  'subscribe',
  'ping',
  'hello',
  'select',
];
/** Commands that only a cluster needs. */
const clusterCommands = ['cluster|slots', 'readonly', 'asking', 'client|setname'];
/** Commands used only by the checks and startup warnings, which otherwise say that they can't tell. */
const checkCommands = ['info', 'config|get'];

/** Returns the line that creates a Redis user with the least rights that everything works with. */
export function minimalRights(prefix: string): string {
  const all = [...Object.keys(commands), ...otherCommands, ...clusterCommands, ...checkCommands];
  const allowed = all.map((name) => `+${name}`).join(' ');
  return `ACL SETUSER turntable on >PASSWORD resetkeys ~${prefix}* resetchannels &${prefix}* -@all ${allowed}`;
}

/** Returns the commands that this Redis user may not run on our keys. Throws ioredis's errors. */
export async function missingRights(redis: RedisClient): Promise<string[]> {
  const key = keys.check(randomUUID());
  const tried = Object.entries(commands).map(async ([name, args]) => {
    try {
      // The reply doesn't matter: the right is checked before the type of the value.
      await redis.call(name, key, ...args);
    } catch (error) {
      const code = replyCode(error);
      if (code === 'NOPERM') return [name];
      if (code === undefined) throw error;
    }
    return [];
  });
  return (await Promise.all(tried)).flat();
}
