import * as v from '@badrap/valita';
import type { Redis } from 'ioredis';
import { jsonCodec, moment } from '../redis/codec.ts';
import { formerKeys, keys } from '../redis/keys.ts';
import type { KeyType, RecordStore, Records } from '../redis/records.ts';
import type { Grants } from './grants.ts';
import { idleTimeoutMs } from './lifetime.ts';

/** One browser that a listener is signed in with. Moments are milliseconds since 1970. */
export type Browser = {
  sessionId: string;
  /** As people call it, such as "Firefox on Linux"; null where it did not say. */
  name: string | null;
  startedAt: number;
  /** When it last asked for a page, to the minute. */
  seenAt: number;
};

/** A sign-in is listed a moment before it has its grant; one that has none after this long has ended. */
const underWayMs = 60_000;

export type Browsers = ReturnType<typeof createBrowsers>;

type Deps = { redis: Redis; records: Records; grants: Grants; now: () => number };

const hash: KeyType = { kind: 'browsers', type: 'hash' };

/** What the list says of each sign-in, under its session id; when it was last seen is a field beside it, which changes often. */
const entryCodec = jsonCodec<Pick<Browser, 'name' | 'startedAt'>>({
  shape: 1,
  unnumbered: true,
  bound: true,
  schema: v.object({ name: v.string().nullable(), startedAt: moment }),
});

// In one step: a list that a process leaves behind half made would stand for ever.
const noteSignIn = `
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4])
  -- safeguard: browser-list-ttl
  return redis.call('PEXPIRE', KEYS[1], ARGV[5])`;

// A visit must not bring back what a sign-out has just removed.
const noteIfThere = `
  -- safeguard: note-visits-of-listed-browsers
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  return redis.call('PEXPIRE', KEYS[1], ARGV[4])`;

const setWhileListed = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return 1`;

/**
 * The browsers each listener is signed in with: a record of its own, so that sessions are
 * written at sign-in and sign-out only, and so that all of them can be found and ended. All throw RedisUnavailable.
 */
export function createBrowsers({ redis, records, grants, now }: Deps) {
  const addSignIn = records.script([hash], noteSignIn);
  const noteVisit = records.script([hash], noteIfThere);

  return {
    /** Lists a sign-in that is about to be made. */
    async add(accountId: string, sessionId: string, name: string | null): Promise<void> {
      await this.of(accountId); // forgets the ones that have ended
      const started = entryCodec.encode({ name, startedAt: now() }, accountId);
      await addSignIn(
        [keys.browsers(accountId)],
        sessionId,
        seenField(sessionId),
        started,
        now(),
        idleTimeoutMs,
      );
    },

    /** Notes that a browser was here just now, if it is signed in. */
    async seen(accountId: string, sessionId: string): Promise<void> {
      const note = () =>
        noteVisit([keys.browsers(accountId)], sessionId, seenField(sessionId), now(), idleTimeoutMs);
      if ((await note()) === 0 && (await moveFormerList(accountId))) await note();
    },

    /** The browsers that are signed in, the one seen last first. Those whose grant is gone are forgotten on the way. */
    async of(accountId: string): Promise<Browser[]> {
      const all = (await listed(accountId)).flatMap(({ browser }) => browser ?? []);
      const standing = await grants.standing(all.map(({ sessionId }) => sessionId));
      const over = all.filter(
        ({ sessionId, startedAt }) => !standing.has(sessionId) && startedAt < now() - underWayMs,
      );
      // safeguard: forget-expired-browsers
      await this.remove(accountId, ...over.map(({ sessionId }) => sessionId));
      return all.filter(({ sessionId }) => standing.has(sessionId)).sort((a, b) => b.seenAt - a.seenAt);
    },

    /** The sessions of a listener, those included that are just beginning. */
    async sessionsOf(accountId: string): Promise<string[]> {
      return (await listed(accountId)).map(({ sessionId }) => sessionId);
    },

    /** Keeps a record about a listener, unless they are signed in nowhere any more. */
    async keepWhileSignedIn<T>(accountId: string, store: RecordStore<T>, value: T): Promise<void> {
      const keep = records.script([hash, store.type], setWhileListed);
      const both = [keys.browsers(accountId), store.key(accountId)];
      const keepIt = () => keep(both, store.encode(accountId, value), store.ttlMs(value));
      if ((await keepIt()) === 0 && (await moveFormerList(accountId))) await keepIt();
    },

    /** Forgets browsers that have signed out. */
    async remove(accountId: string, ...sessionIds: readonly string[]): Promise<void> {
      if (sessionIds.length === 0) return;
      const fields = sessionIds.flatMap((sessionId) => [sessionId, seenField(sessionId)]);
      const key = keys.browsers(accountId);
      await records.onType(hash, key, () => redis.hdel(key, ...fields));
    },
  };

  async function fieldsIn(accountId: string): Promise<Record<string, string>> {
    const key = keys.browsers(accountId);
    const read = () => records.onType(hash, key, () => redis.hgetall(key));
    const fields = await read();
    return Object.keys(fields).length === 0 && (await moveFormerList(accountId)) ? read() : fields;
  }

  /** Moves the list from the key it had before version 0.2.0; returns whether there is one then. */
  function moveFormerList(accountId: string): Promise<boolean> {
    return records.moveFormerKey(formerKeys.browsers(accountId), keys.browsers(accountId));
  }

  /** All that is listed; no browser for what another version has listed in its own way: that is left alone, and is signed in all the same. */
  async function listed(accountId: string): Promise<{ sessionId: string; browser: Browser | null }[]> {
    const key = keys.browsers(accountId);
    const fields = await fieldsIn(accountId);
    const isSeenField = (field: string) => field.endsWith(seenField(''));
    const all = Object.entries(fields).flatMap(([sessionId, entry]) => {
      if (isSeenField(sessionId)) return [];
      const decoded = entryCodec.decode(entry, accountId);
      if (decoded.state === 'other shape') return { sessionId, browser: null };
      const seenAt = momentIn(fields[seenField(sessionId)]);
      if (decoded.state !== 'intact' || seenAt === null) return [];
      return { sessionId, browser: { sessionId, ...decoded.value, seenAt } };
    });
    const used = new Set(all.flatMap(({ sessionId }) => [sessionId, seenField(sessionId)]));
    const damaged = Object.keys(fields).filter((field) => !used.has(field));
    if (damaged.length > 0) {
      records.report(hash.kind, 'an entry');
      // A Redis that takes no writes keeps them for now.
      await redis.hdel(key, ...damaged).catch(() => undefined);
    }
    return all;
  }
}

const seenField = (sessionId: string): string => `${sessionId} seen`;

function momentIn(text = ''): number | null {
  const read = text === '' ? null : moment.try(Number(text));
  return read?.ok ? read.value : null;
}
