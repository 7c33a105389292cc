import type { Redis } from 'ioredis';
import { readText, redisCall } from '../redis/errors.ts';
import { lifeLeft } from './life.ts';
import type { Seal } from './seal.ts';

/** What Spotify gave one sign-in. Moments are milliseconds since 1970. */
export type Grant = {
  accessToken: string;
  /** When the access token ends. */
  expiresAt: number;
  /** When Spotify gave the access token. */
  renewedAt: number;
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

/** In place of the sealed grant where Spotify no longer honours it. */
const ended = 'ended';
/** How long that stands: for as long as a process may have been paused and still come home with a renewal. */
const endedMs = 5 * 60_000;

// A record is "<generation>:<sealed grant>": the generation stands in the open for this comparison.
const ifUnchanged = `
  local current = redis.call('GET', KEYS[1])
  if not current or string.match(current, '^(%d+):') ~= ARGV[1] then return 0 end`;
const replaceIfUnchanged = `${ifUnchanged}
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`;

/**
 * The grants in Redis, one beside each session under `grant:<session id>`, sealed and bound to that key.
 * Apart from the session, because express-session writes a session whole: a slow request would put an old
 * refresh token back. All throw RedisUnavailable.
 */
export function createGrants({ redis, seal, now, onUnreadable }: Needs) {
  const keyOf = (sessionId: string) => `grant:${sessionId}`;

  function written(grant: Grant, generation: number, key: string): string {
    const { accessToken, expiresAt, renewedAt, refreshToken, scopes, consentAt } = grant;
    const fields = JSON.stringify({ accessToken, expiresAt, renewedAt, refreshToken, scopes, consentAt });
    return `${generation}:${seal.seal(fields, key)}`;
  }

  async function writeIfUnchanged(key: string, generation: number, record: string, lifeMs: number) {
    const life = String(Math.max(1, lifeMs));
    return (await redisCall(redis.eval(replaceIfUnchanged, 1, key, String(generation), record, life))) === 1;
  }

  return {
    /** Keeps the grant of a new session. */
    async create(sessionId: string, grant: Grant): Promise<void> {
      const key = keyOf(sessionId);
      await redisCall(redis.set(key, written(grant, 1, key), 'EX', lifeLeft(grant.consentAt, now())));
    },

    /** The grant of a session, or null where there is none. A record that does not open is removed. */
    async read(sessionId: string): Promise<StoredGrant | null> {
      const key = keyOf(sessionId);
      const record = await readText(redis, key);
      if (record === null) return null;

      const [, generation, body = ''] = /^([1-9]\d{0,14}):(.*)$/s.exec(record) ?? [];
      if (generation && body === ended) return null;
      const opened = seal.open(body, key);
      const grant = opened.text === null ? null : grantIn(opened.text);
      if (grant) return { ...grant, generation: Number(generation) };

      onUnreadable(opened.text === null ? opened.why : 'not a grant');
      await redisCall(redis.del(key));
      return null;
    },

    /**
     * Writes `next` where `old` still stands, and says what stands now; null where the grant was removed meanwhile. When its
     * outcome is not known (the answer of Redis was lost) it can be called again: what was written is then what stands.
     */
    async replace(sessionId: string, old: StoredGrant, next: Grant): Promise<StoredGrant | null> {
      const key = keyOf(sessionId);
      const generation = old.generation + 1;
      const lifeMs = lifeLeft(next.consentAt, now()) * 1000;
      const done = await writeIfUnchanged(key, old.generation, written(next, generation, key), lifeMs);
      return done ? { ...next, generation } : this.read(sessionId);
    },

    /**
     * Ends a grant that Spotify no longer honours, and with it the sign-in, unless it was replaced meanwhile; gives what stands.
     * Its tokens go at once. Its generation stays for five minutes, so that a process which renewed it and was then paused can
     * still bring the renewal home: with rotation that one alone has the token that Spotify honours.
     */
    async end(sessionId: string, { generation }: StoredGrant): Promise<StoredGrant | null> {
      const key = keyOf(sessionId);
      const done = await writeIfUnchanged(key, generation, `${generation}:${ended}`, endedMs);
      return done ? null : this.read(sessionId);
    },

    /** Which of these sessions have a grant, as far as can be told without opening it. */
    async standing(sessionIds: readonly string[]): Promise<ReadonlySet<string>> {
      if (sessionIds.length === 0) return new Set();
      const records = await redisCall(redis.mget(sessionIds.map(keyOf)));
      const stands = (record: string | null | undefined) => record && !record.endsWith(`:${ended}`);
      return new Set(sessionIds.filter((_, index) => stands(records[index])));
    },

    /** Removes grants, and with them the sign-ins: a session without its grant is signed out. */
    async forget(...sessionIds: readonly string[]): Promise<void> {
      if (sessionIds.length > 0) await redisCall(redis.del(sessionIds.map(keyOf)));
    },

    /** Lets the grant of somebody who came stand as long as it may. */
    async extend(sessionId: string, grant: Grant): Promise<void> {
      await redisCall(redis.expire(keyOf(sessionId), lifeLeft(grant.consentAt, now())));
    },
  };
}

function grantIn(text: string): Grant | null {
  const grant = JSON.parse(text) as Partial<Grant>;
  const { accessToken, expiresAt, renewedAt, refreshToken, scopes, consentAt } = grant;
  const texts = [accessToken, refreshToken].every((one) => typeof one === 'string' && one !== '');
  const moments = [expiresAt, renewedAt, consentAt].every((one) => typeof one === 'number');
  return texts && moments && Array.isArray(scopes) ? (grant as Grant) : null;
}
