import * as v from '@badrap/valita';
import type { RedisClient } from '../redis/client.ts';
import { jsonCodec, timestamp } from '../redis/codec.ts';
import { formerKeys, keys } from '../redis/keys.ts';
import type { KeyType, RecordStore, Records } from '../redis/records.ts';
import type { Grants } from './grants.ts';
import { idleTimeoutMs } from './lifetime.ts';

/** A browser in which a listener is signed in. Times are milliseconds since 1970. */
export type Browser = {
  sessionId: string;
  /** Such as "Firefox on Linux"; null if unknown. */
  name: string | null;
  startedAt: number;
  /** When it last requested a page, to the minute. */
  seenAt: number;
};

/** A sign-in is listed shortly before its grant is stored. If the grant is still missing after this long, the sign-in has ended. */
const signInGraceMs = 60_000;

export type Browsers = ReturnType<typeof createBrowsers>;

type Deps = { redis: RedisClient; records: Records; grants: Grants; now: () => number };

export const browsersType: KeyType = { kind: 'browsers', type: 'hash' };

/** The entry of each sign-in, stored under its session id. The time of the last visit has its own field, because it changes often. */
const entryCodec = jsonCodec<Pick<Browser, 'name' | 'startedAt'>>({
  shape: 1,
  unnumbered: true,
  bound: true,
  schema: v.object({ name: v.string().nullable(), startedAt: timestamp }),
});

// Atomic, because a crash between the two would leave a list without a TTL, which would never expire.
const addScript = `
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4])
  -- safeguard: browser-list-ttl
  return redis.call('PEXPIRE', KEYS[1], ARGV[5])`;

// A visit must not restore an entry that a sign-out has just removed.
const visitScript = `
  -- safeguard: note-visits-of-listed-browsers
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  return redis.call('PEXPIRE', KEYS[1], ARGV[4])`;

const writeScript = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return 1`;

/**
 * The browsers in which each listener is signed in. The list is separate from the sessions, so that sessions are written only at sign-in
 * and sign-out, and so that all sessions of a listener can be found and ended. All methods throw RedisUnavailable.
 */
export function createBrowsers({ redis, records, grants, now }: Deps) {
  const addBrowser = records.script([browsersType], addScript);
  const visit = records.script([browsersType], visitScript);

  return {
    /** Adds a browser that is about to be signed in. */
    async add(accountId: string, sessionId: string, name: string | null): Promise<void> {
      await list(accountId); // removes those that have ended
      const entry = entryCodec.encode({ name, startedAt: now() }, accountId);
      const key = keys.browsers(accountId);
      await addBrowser([key], sessionId, seenField(sessionId), entry, now(), idleTimeoutMs);
    },

    /** Records that a browser has just been active, if it is signed in. */
    async recordVisit(accountId: string, sessionId: string): Promise<void> {
      const key = keys.browsers(accountId);
      const record = () => visit([key], sessionId, seenField(sessionId), now(), idleTimeoutMs);
      if ((await record()) === 0 && (await moveFormerList(accountId))) await record();
    },

    list,

    /** Returns the session ids of a listener, including those that are being signed in. */
    async sessionsOf(accountId: string): Promise<string[]> {
      return (await readEntries(accountId)).map(({ sessionId }) => sessionId);
    },

    /** Returns a function that stores a record about a listener unless they have signed out everywhere. */
    createWriter<T>(store: RecordStore<T>) {
      const script = records.script([browsersType, store.type], writeScript);
      return async (accountId: string, value: T): Promise<void> => {
        const both = [keys.browsers(accountId), store.key(accountId)];
        const write = () => script(both, store.encode(accountId, value), store.ttlMs(value));
        if ((await write()) === 0 && (await moveFormerList(accountId))) await write();
      };
    },

    remove,
  };

  /** Returns the browsers that are signed in, the one seen last first, and removes those whose grant is gone. */
  async function list(accountId: string): Promise<Browser[]> {
    const all = (await readEntries(accountId)).flatMap(({ browser }) => browser ?? []);
    const active = await grants.findExisting(all.map(({ sessionId }) => sessionId));
    const ended = all.filter(
      ({ sessionId, startedAt }) => !active.has(sessionId) && startedAt < now() - signInGraceMs,
    );
    // safeguard: forget-expired-browsers
    await remove(accountId, ...ended.map(({ sessionId }) => sessionId));
    return all.filter(({ sessionId }) => active.has(sessionId)).sort((a, b) => b.seenAt - a.seenAt);
  }

  async function remove(accountId: string, ...sessionIds: readonly string[]): Promise<void> {
    if (sessionIds.length === 0) return;
    const fields = sessionIds.flatMap((sessionId) => [sessionId, seenField(sessionId)]);
    const key = keys.browsers(accountId);
    await records.withType(browsersType, key, () => redis.hdel(key, ...fields));
  }

  async function readFields(accountId: string): Promise<Record<string, string>> {
    const key = keys.browsers(accountId);
    const read = () => records.withType(browsersType, key, () => redis.hgetall(key));
    const fields = await read();
    return Object.keys(fields).length === 0 && (await moveFormerList(accountId)) ? read() : fields;
  }

  /** Moves the list from the key it had before version 0.2.0, and returns whether there was one. */
  function moveFormerList(accountId: string): Promise<boolean> {
    return records.moveFormerKey(formerKeys.browsers(accountId), keys.browsers(accountId));
  }

  /**
   * Returns all entries, and removes damaged ones. `browser` is null if another version of Turntable wrote the entry: it is left alone, but
   * still counts as a sign-in.
   */
  async function readEntries(accountId: string): Promise<{ sessionId: string; browser: Browser | null }[]> {
    const key = keys.browsers(accountId);
    const fields = await readFields(accountId);
    const isSeenField = (field: string) => field.endsWith(seenField(''));
    const all = Object.entries(fields).flatMap(([sessionId, entry]) => {
      if (isSeenField(sessionId)) return [];
      const decoded = entryCodec.decode(entry, accountId);
      if (decoded.state === 'other shape') return { sessionId, browser: null };
      const seenAt = parseSeenAt(fields[seenField(sessionId)]);
      if (decoded.state !== 'intact' || seenAt === null) return [];
      return { sessionId, browser: { sessionId, ...decoded.value, seenAt } };
    });
    const used = new Set(all.flatMap(({ sessionId }) => [sessionId, seenField(sessionId)]));
    const damaged = Object.keys(fields).filter((field) => !used.has(field));
    await records.removeDamagedFields(browsersType, key, damaged, 'an entry');
    return all;
  }
}

const seenField = (sessionId: string): string => `${sessionId} seen`;

/** Returns the time of a last visit; null if it is missing or damaged. */
function parseSeenAt(text = ''): number | null {
  const parsed = text === '' ? null : timestamp.try(Number(text));
  return parsed?.ok ? parsed.value : null;
}
