import { createHash } from 'node:crypto';
import { awaitReply } from '../waiting.ts';
import type { RedisClient } from './client.ts';
import { redisCall, replyCode } from './errors.ts';
import { resendIfMoved } from './resend.ts';

/** The type that a key must have, by Redis's name for it. `kind` is what the log calls a record under such a key. */
export type KeyType = { kind: string; type: 'string' | 'hash' | 'zset' };

export type ScriptDeps = {
  redis: RedisClient;
  /** Called when a record is damaged, with its kind and the reason, and never with any of its content. */
  onDamaged: (kind: string, why: string) => void;
};

/** Runs a script on these keys. Throws RedisUnavailable. */
export type Script = (names: readonly string[], ...args: readonly (string | number)[]) => Promise<unknown>;

/**
 * Returns a function that runs a Lua script. Before the script runs, and in the same step, each key that holds a value of another type is removed
 * and reported as damaged, so the script finds the right type or nothing. The script must return a value.
 *
 * Called while the server is put together, before any command is sent: an automatic pipeline only has the scripts that were defined when it
 * began. ioredis sends the text to a connection once, and its hash from then on.
 */
export function createScript(
  { redis, onDamaged }: ScriptDeps,
  keys: readonly KeyType[],
  body: string,
): Script {
  const types = keys.map(({ type }) => `'${type}'`).join(', ');
  const script = `
  local others = {}
  for index, expected in ipairs({${types}}) do
    local found = redis.call('TYPE', KEYS[index]).ok
    -- safeguard: check-types-in-scripts
    if found ~= 'none' and found ~= expected then
      redis.pcall('DEL', KEYS[index])
      others[#others + 1] = index
    end
  end
  local function run() ${body}
  end
  return {run(), others}`;

  const name = `script:${createHash('sha256').update(script).digest('hex')}`;
  // With the number of keys, ioredis knows the keys, and so the node of a cluster.
  if (!(name in redis)) redis.defineCommand(name, { lua: script, numberOfKeys: keys.length });
  const defined = redis as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;

  return async (names, ...args) => {
    const reply = resendIfMoved(redis, async () => defined[name]?.(...names, ...args.map(String)));
    const [result, others] = (await redisCall(reply)) as [unknown, number[]];
    for (const index of others) onDamaged(keys[index - 1]?.kind ?? '', 'another type');
    return result;
  };
}

const removeOtherType = `
  local found = redis.call('TYPE', KEYS[1]).ok
  if found == 'none' or found == ARGV[1] then return 0 end
  redis.pcall('DEL', KEYS[1])
  return 1`;

/**
 * Runs a command on a key that must be of this type, and returns its reply. If the key holds a value of another type, that is removed and
 * reported as damaged, and the command runs again. Throws RedisUnavailable.
 */
export async function withType<T>(
  deps: ScriptDeps,
  type: KeyType,
  key: string,
  command: () => Promise<T>,
): Promise<T> {
  try {
    return await awaitReply('redis', resendIfMoved(deps.redis, command));
  } catch (error) {
    // safeguard: check-types-after-commands
    if (replyCode(error) !== 'WRONGTYPE') return redisCall(Promise.reject(error));
  }
  const removal = resendIfMoved(deps.redis, () => deps.redis.eval(removeOtherType, 1, key, type.type));
  if ((await redisCall(removal)) === 1) deps.onDamaged(type.kind, 'another type');
  return redisCall(command());
}
