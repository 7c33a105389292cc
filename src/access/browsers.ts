import type { Redis } from 'ioredis';
import { redisCall, replyCode } from '../redis/errors.ts';
import type { Grants } from './grants.ts';
import { idleLifeMs, isMoment } from './life.ts';

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

type Needs = {
  redis: Redis;
  grants: Grants;
  now: () => number;
  /** Told of a record that could not be read and was removed. */
  onUnreadable: (why: string) => void;
};

// In one step: a list that a process leaves behind half made would stand for ever.
const noteSignIn = `
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4])
  return redis.call('PEXPIRE', KEYS[1], ARGV[5])`;

// A visit must not bring back what a sign-out has just removed.
const noteIfThere = `
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  return redis.call('PEXPIRE', KEYS[1], ARGV[4])`;

const setWhileListed = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return 1`;

/**
 * The browsers each listener is signed in with, under `browsers:<account id>`: a record of its own, so that sessions are
 * written at sign-in and sign-out only, and so that all of them can be found and ended. All throw RedisUnavailable.
 */
export function createBrowsers({ redis, grants, now, onUnreadable }: Needs) {
  const keyOf = (accountId: string) => `browsers:${accountId}`;
  const seenField = (sessionId: string) => `${sessionId} seen`;

  return {
    /** Lists a sign-in that is about to be made. */
    async add(accountId: string, sessionId: string, name: string | null): Promise<void> {
      await this.of(accountId); // forgets the ones that have ended
      const key = keyOf(accountId);
      const started = JSON.stringify({ name, startedAt: now() });
      const note = [sessionId, seenField(sessionId), started, String(now()), String(idleLifeMs)];
      await onHash(key, () => redis.eval(noteSignIn, 1, key, ...note));
    },

    /** Notes that a browser was here just now, if it is signed in. */
    async seen(accountId: string, sessionId: string): Promise<void> {
      const key = keyOf(accountId);
      const note = [sessionId, seenField(sessionId), String(now()), String(idleLifeMs)];
      await onHash(key, () => redis.eval(noteIfThere, 1, key, ...note));
    },

    /** The browsers that are signed in, the one seen last first. Those whose grant is gone are forgotten on the way. */
    async of(accountId: string): Promise<Browser[]> {
      const all = await listed(accountId);
      const standing = await grants.standing(all.map(({ sessionId }) => sessionId));
      const over = all.filter(
        ({ sessionId, startedAt }) => !standing.has(sessionId) && startedAt < now() - underWayMs,
      );
      await this.remove(accountId, ...over.map(({ sessionId }) => sessionId));
      return all.filter(({ sessionId }) => standing.has(sessionId)).sort((a, b) => b.seenAt - a.seenAt);
    },

    /** The sessions of a listener, those included that are just beginning. */
    async sessionsOf(accountId: string): Promise<string[]> {
      return (await listed(accountId)).map(({ sessionId }) => sessionId);
    },

    /** Keeps a record about a listener under `key`, for so long at most, unless they are signed in nowhere any more. */
    async keepWhileSignedIn(accountId: string, key: string, record: string, forMs: number): Promise<void> {
      await redisCall(redis.eval(setWhileListed, 2, keyOf(accountId), key, record, String(forMs)));
    },

    /** Forgets browsers that have signed out. */
    async remove(accountId: string, ...sessionIds: readonly string[]): Promise<void> {
      if (sessionIds.length === 0) return;
      const key = keyOf(accountId);
      const fields = sessionIds.flatMap((sessionId) => [sessionId, seenField(sessionId)]);
      await onHash(key, () => redis.hdel(key, ...fields));
    },
  };

  async function listed(accountId: string): Promise<Browser[]> {
    const key = keyOf(accountId);
    const record = await onHash(key, () => redis.hgetall(key));
    const all = Object.keys(record)
      .filter((field) => !field.endsWith(seenField('')))
      .map((sessionId) => browserIn(sessionId, record[sessionId], record[seenField(sessionId)]));
    const known = all.filter((one) => one !== null);
    if (known.length === all.length) return known;
    onUnreadable('not a record of browsers');
    await redisCall(redis.del(key));
    return [];
  }

  /** Works on a hash; something else under its key is no record of ours. */
  async function onHash<T>(key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (replyCode(error) !== 'WRONGTYPE') return redisCall(Promise.reject(error));
      onUnreadable('not a record of browsers');
      await redisCall(redis.del(key));
      return redisCall(work());
    }
  }
}

function browserIn(sessionId: string, started = '', seen = ''): Browser | null {
  try {
    const { name, startedAt } = JSON.parse(started) as Partial<Browser>;
    const seenAt = seen === '' ? null : Number(seen);
    const isNamed = name === null || typeof name === 'string';
    return isNamed && isMoment(startedAt) && isMoment(seenAt) ? { sessionId, name, startedAt, seenAt } : null;
  } catch {
    return null;
  }
}
