import type { Redis } from 'ioredis';
import { fromRedis, readText } from './errors.ts';
import { lifeLeft } from './life.ts';
import type { Seal } from './seal.ts';

/** What Spotify gave one sign-in. Moments are milliseconds since 1970. */
export type Grant = {
  accessToken: string;
  /** When the access token ends. */
  expiresAt: number;
  refreshToken: string;
  scopes: string[];
  /** When the listener agreed. No renewal moves it: Spotify counts its six months from here. */
  consentAt: number;
};

/** A grant as it stands in Redis; `generation` grows by one with each write. */
export type StoredGrant = Grant & { generation: number };

export type Grants = ReturnType<typeof createGrants>;

type Needs = {
  redis: Redis;
  seal: Seal;
  now: () => number;
  /** Told of a record that could not be read and was removed. */
  onUnreadable: (why: string) => void;
};

// A record is "<generation>:<sealed grant>": the generation stands in the open for this comparison.
const replaceIfUnchanged = `
  local current = redis.call('GET', KEYS[1])
  if not current or string.match(current, '^(%d+):') ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  return 1`;

/**
 * The grants in Redis, one beside each session under `grant:<session id>`, sealed and bound to that key.
 * Apart from the session, because express-session writes a session whole: a slow request would put an old
 * refresh token back. All throw SessionsUnavailable.
 */
export function createGrants({ redis, seal, now, onUnreadable }: Needs) {
  const keyOf = (sessionId: string) => `grant:${sessionId}`;

  function written(grant: Grant, generation: number, key: string): string {
    const { accessToken, expiresAt, refreshToken, scopes, consentAt } = grant;
    const fields = JSON.stringify({ accessToken, expiresAt, refreshToken, scopes, consentAt });
    return `${generation}:${seal.seal(fields, key)}`;
  }

  return {
    /** Keeps the grant of a new session. */
    async create(sessionId: string, grant: Grant): Promise<void> {
      const key = keyOf(sessionId);
      await fromRedis(redis.set(key, written(grant, 1, key), 'EX', lifeLeft(grant.consentAt, now())));
    },

    /** The grant of a session, or null where there is none. A record that does not open is removed. */
    async read(sessionId: string): Promise<StoredGrant | null> {
      const key = keyOf(sessionId);
      const record = await readText(redis, key);
      if (record === null) return null;

      const colon = record.indexOf(':');
      const opened = seal.open(record.slice(colon + 1), key);
      if (opened.text !== null) {
        return { ...(JSON.parse(opened.text) as Grant), generation: Number(record.slice(0, colon)) };
      }
      onUnreadable(opened.why);
      await fromRedis(redis.del(key));
      return null;
    },

    /** Writes `next` where `old` still stands, and says what stands now; null where the grant was removed meanwhile. */
    async replace(sessionId: string, old: StoredGrant, next: Grant): Promise<StoredGrant | null> {
      const key = keyOf(sessionId);
      const generation = old.generation + 1;
      const done = await fromRedis(
        redis.eval(replaceIfUnchanged, 1, key, String(old.generation), written(next, generation, key)),
      );
      return done === 1 ? { ...next, generation } : this.read(sessionId);
    },

    /** Removes the grant, and with it the sign-in: a session without its grant is signed out. */
    async forget(sessionId: string): Promise<void> {
      await fromRedis(redis.del(keyOf(sessionId)));
    },

    /** Lets the grant of somebody who came stand as long as it may. */
    async extend(sessionId: string, grant: Grant): Promise<void> {
      await fromRedis(redis.expire(keyOf(sessionId), lifeLeft(grant.consentAt, now())));
    },
  };
}
