import type { Redis } from 'ioredis';
import type { Codec, Decoded } from './codec.ts';
import { redisCall, replyCode } from './errors.ts';
import { moveFormerKey, removeFormerKey } from './former-keys.ts';
import { sendAgain } from './send-again.ts';

/** What a key must hold, by the name that Redis has for the type. */
export type KeyType = { kind: string; type: 'string' | 'hash' | 'zset' };

/** One kind of record, kept as a text under a key for each id. */
export type RecordKind<T> = {
  kind: string;
  key: (id: string) => string;
  /** The key before version 0.2.0, from which a record is moved at its first use. */
  formerKey?: (id: string) => string;
  codec: Codec<T>;
  /** How long a record with this value is kept, in milliseconds. */
  ttlMs: (value: T) => number;
};

/** Whether a key was claimed; if not, the record that holds it, or null if another version of Turntable wrote that. */
export type Claim<T> = { claimed: true } | { claimed: false; holder: T | null };

export type Records = ReturnType<typeof createRecords>;
export type RecordStore<T> = ReturnType<typeof createStore<T>>;

type Deps = {
  redis: Redis;
  /** The prefix of keys before version 0.2.0. */
  formerPrefix: string;
  /** Called with the kind of a record that turned out to be damaged, and why; never with anything it holds. */
  onDamaged: (kind: string, why: string) => void;
};

/**
 * Everything that is kept in Redis is read and written through this. Redis may hold anything: another program's key, the record of
 * another version of Turntable, half a restored backup. So a record is believed only if its Redis type and each of its fields
 * are right, and is as good as none otherwise:
 *
 * - a damaged one is removed and counted;
 * - one of another shape was written by an older or newer version, which still needs it: it is left alone;
 * - a sealed one that does not open may open for another process, or again when a secret comes back: it is counted, and left to its TTL.
 */
export function createRecords(deps: Deps) {
  const { onDamaged } = deps;

  return {
    /** The records of this kind. */
    of: <T>(kind: RecordKind<T>) => createStore(deps, kind),

    /** {@link typedScript} on this Redis. */
    script: (keys: readonly KeyType[], body: string) => typedScript(deps, keys, body),

    /** {@link moveFormerKey} on this Redis. */
    moveFormerKey: (former: string, key: string) => moveFormerKey(deps, former, key),

    /** {@link onType} on this Redis. */
    onType: <T>(type: KeyType, key: string, command: () => Promise<T>) => onType(deps, type, key, command),

    /** Counts a part of a record, or a message, that is not as this version writes it. */
    report: onDamaged,

    /** The value of a message; null, and counted, if it is damaged or of another shape. */
    message<T>(kind: string, codec: Codec<T>, text: string): T | null {
      const decoded = codec.decode(text, kind);
      // safeguard: check-messages
      if (decoded.state === 'intact') return decoded.value;
      onDamaged(kind, decoded.state === 'other shape' ? decoded.state : decoded.why);
      return null;
    },
  };
}

/** Redis rounds TTLs, and a claim may be read a moment before its time is counted down. */
const clockSlackMs = 1_000;

const removeIfUnchanged = `
  -- safeguard: compare-before-removing-damage
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

const readWithTtl = `
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`;

function createStore<T>(deps: Deps, { kind, key, formerKey, codec, ttlMs }: RecordKind<T>) {
  const { redis, onDamaged } = deps;
  const type: KeyType = { kind, type: 'string' };
  const removeText = typedScript(deps, [type], removeIfUnchanged);
  const readClaim = typedScript(deps, [type], readWithTtl);
  const encode = (id: string, value: T) => codec.encode(value, id);
  const wholeTtlMs = (value: T) => Math.max(1, Math.ceil(ttlMs(value)));

  /** The value of a text that was read under this id, or null; removes and counts a damaged one. Throws nothing. */
  async function settle(id: string, text: string): Promise<T | null> {
    const decoded: Decoded<T> = codec.decode(text, id);
    if (decoded.state === 'intact') return decoded.value;
    if (decoded.state !== 'other shape') onDamaged(kind, decoded.why);
    // By comparing: another process may have written a good one since. A Redis that takes no writes keeps it, and that is no error.
    // safeguard: remove-damaged-records
    if (decoded.state === 'damaged') await removeText([key(id)], text).catch(() => undefined);
    return null;
  }

  /**
   * The value of the claim on this id; null if there is none any more. Only this program writes claims, never without a TTL and never
   * with a longer one than it has for that value: such a claim would block everyone, so it is removed.
   */
  async function holderOf(id: string, claimed: T): Promise<T | null> {
    const [text, leftMs] = (await readClaim([key(id)])) as [string | null, number];
    if (text === null) return null;
    const holder = await settle(id, text);
    const maxMs = wholeTtlMs(holder ?? claimed) + clockSlackMs;
    // safeguard: claim-ttl
    // safeguard: longest-claim-ttl
    if (leftMs >= 0 && leftMs <= maxMs) return holder;
    // A damaged one is counted and removed already.
    if ((await removeText([key(id)], text)) === 1) onDamaged(kind, 'a wrong TTL');
    return null;
  }

  const getText = (id: string) => onType(deps, type, key(id), () => redis.get(key(id)));

  async function readText(id: string): Promise<string | null> {
    const text = await getText(id);
    if (text !== null || !formerKey) return text;
    // safeguard: move-former-records
    return (await moveFormerKey(deps, formerKey(id), key(id))) ? getText(id) : null;
  }

  return {
    type,
    key,
    encode,
    readText,
    settle,
    ttlMs: wholeTtlMs,

    /** The record with this id; null if there is none that this version can read. Throws RedisUnavailable. */
    async read(id: string): Promise<T | null> {
      const text = await readText(id);
      return text === null ? null : settle(id, text);
    },

    /** Writes a record, over whatever is there. Throws RedisUnavailable. */
    async write(id: string, value: T): Promise<void> {
      const set = () => redis.set(key(id), encode(id, value), 'PX', wholeTtlMs(value));
      await redisCall(sendAgain(redis, set));
    },

    /** Writes a record unless there is one: of several that claim an id at once, one gets it. Throws RedisUnavailable. */
    async claim(id: string, value: T): Promise<Claim<T>> {
      for (let tries = 1; ; tries += 1) {
        // safeguard: refresh-lock
        const set = () => redis.set(key(id), encode(id, value), 'PX', wholeTtlMs(value), 'NX');
        if ((await redisCall(sendAgain(redis, set))) === 'OK') return { claimed: true };
        const holder = await holderOf(id, value);
        // What is no claim has been removed just now, so the second try succeeds.
        if (holder !== null || tries === 2) return { claimed: false, holder };
      }
    },

    /** Removes a record if it still holds this value. Throws RedisUnavailable. */
    async removeIf(id: string, value: T): Promise<void> {
      await removeText([key(id)], encode(id, value));
    },

    /** Throws RedisUnavailable. */
    async remove(...ids: readonly string[]): Promise<void> {
      // A record that another process moves at the same moment is removed under one key or the other, if the former key goes first.
      // safeguard: remove-former-records
      const removed = ids.flatMap((id) => (formerKey ? removeFormerKey(deps, formerKey(id)) : []));
      const remove = (id: string) => redisCall(sendAgain(redis, () => redis.del(key(id))));
      await Promise.all([...removed, ...ids.map(remove)]);
    },
  };
}

/**
 * A Lua script that finds under each of its keys a value of the right type or none: it removes any other one first, in the same
 * step, and counts it. The body must return something. The function it becomes takes the keys and the arguments, and throws RedisUnavailable.
 */
function typedScript({ redis, onDamaged }: Deps, keys: readonly KeyType[], body: string) {
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

  return async (names: readonly string[], ...args: readonly (string | number)[]): Promise<unknown> => {
    const reply = sendAgain(redis, () => redis.eval(script, names.length, ...names, ...args.map(String)));
    const [result, others] = (await redisCall(reply)) as [unknown, number[]];
    for (const index of others) onDamaged(keys[index - 1]?.kind ?? '', 'another type');
    return result;
  };
}

/** Runs a command on a key that must hold this type; if it holds another one, removes and counts that and runs the command again. */
async function onType<T>(deps: Deps, type: KeyType, key: string, command: () => Promise<T>): Promise<T> {
  try {
    return await sendAgain(deps.redis, command);
  } catch (error) {
    // safeguard: check-types-after-commands
    if (replyCode(error) !== 'WRONGTYPE') return redisCall(Promise.reject(error));
  }
  await typedScript(deps, [type], 'return 1')([key]);
  return redisCall(command());
}
