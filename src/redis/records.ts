import type { Codec, Decoded } from './codec.ts';
import { redisCall } from './errors.ts';
import { moveFormerKey, removeFormerKey } from './former-keys.ts';
import { resendIfMoved } from './resend.ts';
import { createScript, type KeyType, type ScriptDeps, withType } from './scripts.ts';

export type { KeyType } from './scripts.ts';

/** One kind of record: each is a text with a TTL under its own key. */
export type RecordKind<T> = {
  /** Its name in the log when a record is damaged. */
  kind: string;
  key: (id: string) => string;
  /** The key before version 0.2.0, from which a record is moved when it is first used. */
  formerKey?: (id: string) => string;
  codec: Codec<T>;
  ttlMs: (value: T) => number;
};

/** The result of claiming a key. `holder` is the record that has it, or null if this version can't read that. */
type Claim<T> = { claimed: true } | { claimed: false; holder: T | null };

export type Records = ReturnType<typeof createRecords>;
export type RecordStore<T> = ReturnType<typeof createStore<T>>;

type Deps = ScriptDeps & {
  /** The prefix of keys before version 0.2.0. */
  formerPrefix: string;
};

/**
 * All access to records in Redis goes through here. Redis may contain anything: a key of another program, a record of another version of
 * Turntable, half of a restored backup. A record is only used if its Redis type and each of its fields are valid, and is otherwise treated
 * as absent:
 *
 * - A damaged record is removed and reported.
 * - A record of another shape was written by an older or newer version, which still needs it. It is left alone.
 * - A sealed record that doesn't open may open in another process, or again once a secret is restored. It is reported, and expires by its
 *   TTL.
 */
export function createRecords(deps: Deps) {
  const { onDamaged } = deps;

  return {
    of: <T>(kind: RecordKind<T>) => createStore(deps, kind),

    script: (keys: readonly KeyType[], body: string) => createScript(deps, keys, body),

    withType: <T>(type: KeyType, key: string, command: () => Promise<T>) =>
      withType(deps, type, key, command),

    /** {@link moveFormerKey} on this Redis. */
    moveFormerKey: (former: string, key: string) => moveFormerKey(deps, former, key),

    /** Reports that a part of a record, or a message, is damaged. */
    report: onDamaged,

    /** Reports that fields of a hash are damaged, if there are any, and removes them. Never throws. */
    async removeDamagedFields(
      type: KeyType,
      key: string,
      fields: readonly string[],
      why: string,
    ): Promise<void> {
      if (fields.length === 0) return;
      onDamaged(type.kind, why);
      // A Redis that refuses writes keeps them for now.
      await withType(deps, type, key, () => deps.redis.hdel(key, ...fields)).catch(() => undefined);
    },

    /** Returns the value of a message; null if it is of another shape, or damaged, which is reported. */
    decodeMessage<T>(kind: string, codec: Codec<T>, text: string): T | null {
      const decoded = codec.decode(text, kind);
      // safeguard: check-messages
      if (decoded.state === 'intact') return decoded.value;
      // Processes of another version send it, as long as they run beside this one.
      // safeguard: ignore-messages-of-other-versions
      if (decoded.state !== 'other shape') onDamaged(kind, decoded.why);
      return null;
    },
  };
}

/** Redis rounds TTLs. */
const ttlToleranceMs = 1_000;

const removeIfUnchanged = `
  -- safeguard: compare-before-removing-damage
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

const extendIfUnchanged = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

const readWithTtl = `
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`;

function createStore<T>(deps: Deps, { kind, key, formerKey, codec, ttlMs }: RecordKind<T>) {
  const { redis, onDamaged } = deps;
  const type: KeyType = { kind, type: 'string' };
  const removeText = createScript(deps, [type], removeIfUnchanged);
  const extendText = createScript(deps, [type], extendIfUnchanged);
  const readClaim = createScript(deps, [type], readWithTtl);
  const encode = (id: string, value: T) => codec.encode(value, id);
  const roundedTtlMs = (value: T) => Math.max(1, Math.ceil(ttlMs(value)));

  /** Returns the value of a text that was read for this id; null if it can't be used. A damaged one is removed and reported. Never throws. */
  async function decodeStored(id: string, text: string): Promise<T | null> {
    const decoded: Decoded<T> = codec.decode(text, id);
    if (decoded.state === 'intact') return decoded.value;
    if (decoded.state !== 'other shape') onDamaged(kind, decoded.why);
    // Compared first, because another process may have written an intact one. A Redis that accepts no writes keeps it, which is no error.
    // safeguard: remove-damaged-records
    if (decoded.state === 'damaged') await removeText([key(id)], text).catch(() => undefined);
    return null;
  }

  /**
   * Returns the value of the claim on this id, or null if it is gone by now. Claims are always written with a TTL, which is never longer
   * than the value's own. Any other claim isn't ours and would block everyone, so it is removed.
   */
  async function holderOf(id: string, claimed: T): Promise<T | null> {
    const [text, leftMs] = (await readClaim([key(id)])) as [string | null, number];
    if (text === null) return null;
    const holder = await decodeStored(id, text);
    const maxMs = roundedTtlMs(holder ?? claimed) + ttlToleranceMs;
    // safeguard: claim-ttl
    // safeguard: longest-claim-ttl
    if (leftMs >= 0 && leftMs <= maxMs) return holder;
    // A damaged one has been removed and reported already.
    if ((await removeText([key(id)], text)) === 1) onDamaged(kind, 'a wrong TTL');
    return null;
  }

  const getText = (id: string) => withType(deps, type, key(id), () => redis.get(key(id)));

  /** Returns the text that is stored for this id, or null. Throws RedisUnavailable. */
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
    decodeStored,
    ttlMs: roundedTtlMs,

    /** Returns the record with this id, or null if there is none that this version can read. Throws RedisUnavailable. */
    async read(id: string): Promise<T | null> {
      const text = await readText(id);
      return text === null ? null : decodeStored(id, text);
    },

    /** Returns the record and removes it: of several concurrent calls, one gets it and the others null. Throws RedisUnavailable. */
    async take(id: string): Promise<T | null> {
      const text = await readText(id);
      if (text === null) return null;
      const value = await decodeStored(id, text);
      // safeguard: take-once
      return value !== null && (await removeText([key(id)], text)) === 1 ? value : null;
    },

    /** Writes a record, replacing any other. Throws RedisUnavailable. */
    async write(id: string, value: T): Promise<void> {
      const set = () => redis.set(key(id), encode(id, value), 'PX', roundedTtlMs(value));
      await redisCall(resendIfMoved(redis, set));
    },

    /** Writes a record unless there is one already; of several concurrent claims, one succeeds. Throws RedisUnavailable. */
    async claim(id: string, value: T): Promise<Claim<T>> {
      for (let tries = 1; ; tries += 1) {
        // safeguard: refresh-lock
        const set = () => redis.set(key(id), encode(id, value), 'PX', roundedTtlMs(value), 'NX');
        if ((await redisCall(resendIfMoved(redis, set))) === 'OK') return { claimed: true };
        const holder = await holderOf(id, value);
        // If the holder was not a valid claim, it has just been removed, so the second attempt succeeds.
        if (holder !== null || tries === 2) return { claimed: false, holder };
      }
    },

    /** Gives a record its whole TTL again if it still has this value, and returns whether it does. Throws RedisUnavailable. */
    async extendIf(id: string, value: T): Promise<boolean> {
      return (await extendText([key(id)], encode(id, value), roundedTtlMs(value))) === 1;
    },

    /** Removes a record if it still has this value. Throws RedisUnavailable. */
    async removeIf(id: string, value: T): Promise<void> {
      await removeText([key(id)], encode(id, value));
    },

    /** Removes the records with these ids. Throws RedisUnavailable. */
    async remove(...ids: readonly string[]): Promise<void> {
      // The former key goes first: then a record that another process is moving is removed under one key or the other.
      // safeguard: remove-former-records
      const removed = ids.flatMap((id) => (formerKey ? removeFormerKey(deps, formerKey(id)) : []));
      const remove = (id: string) => redisCall(resendIfMoved(redis, () => redis.del(key(id))));
      await Promise.all([...removed, ...ids.map(remove)]);
    },
  };
}
