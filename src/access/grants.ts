import * as v from '@badrap/valita';
import type { Redis } from 'ioredis';
import { type Codec, jsonCodec, moment, sealedCodec } from '../redis/codec.ts';
import { redisCall } from '../redis/errors.ts';
import { formerKeys, keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { remainingLifetimeMs } from './lifetime.ts';
import type { Seal } from './seal.ts';

/** What Spotify gave one sign-in. Moments are milliseconds since 1970. */
export type Grant = {
  /** Whose it is. The session beside it says so too, in the open; this is what counts. */
  accountId: string;
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

type Deps = {
  redis: Redis;
  records: Records;
  seal: Seal;
  now: () => number;
  /** The account that the record of a session names; null if there is no such record. */
  accountOf: (sessionId: string) => Promise<string | null>;
};

/** The fields that are sealed. `accountId` is null in grants that were written before they had one. */
type SealedFields = Omit<Grant, 'accountId'> & { accountId: string | null };

/** A record as a whole; no fields when Spotify no longer honours the grant. */
type GrantRecord = { generation: number; fields: SealedFields | null };

/** In place of the sealed grant where Spotify no longer honours it. */
const ended = 'ended';
/** How long that stands: for as long as a process may have been paused and still come home with a renewal. */
const endedMs = 5 * 60_000;

const token = v.string().assert((value) => value !== '');

const fieldsCodec = jsonCodec<SealedFields>({
  shape: 1,
  unnumbered: true,
  schema: v.object({
    accountId: v
      .string()
      .nullable()
      .optional(() => null),
    accessToken: token,
    expiresAt: v.number(),
    renewedAt: moment,
    refreshToken: token,
    scopes: v.array(v.string()),
    consentAt: moment,
  }),
});

// A record is "<generation>:<sealed grant>": the generation stands in the open for this comparison.
const ifUnchanged = `
  local current = redis.call('GET', KEYS[1])
  -- safeguard: write-existing-grants-only
  -- safeguard: compare-and-set
  if not current or string.match(current, '^(%d+):') ~= ARGV[1] then return 0 end`;
const replaceIfUnchanged = `${ifUnchanged}
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`;

// By the whole text, and with the same generation: a process that is renewing the grant just now must still be able to save that.
const completeIfUnchanged = `
  -- safeguard: compare-before-upgrade
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  return 1`;

/**
 * The grants in Redis, one beside each session, sealed and bound to its session id.
 * Apart from the session, because express-session writes a session whole: a slow request would put an old
 * refresh token back. All throw RedisUnavailable.
 */
export function createGrants({ redis, records, seal, now, accountOf }: Deps) {
  const store = records.of<GrantRecord>({
    kind: 'grant',
    key: keys.grant,
    formerKey: formerKeys.grant,
    codec: grantCodec(seal),
    ttlMs: ({ fields }) => (fields === null ? endedMs : remainingLifetimeMs(fields.consentAt, now()) * 1000),
  });
  const replaceRecord = records.script([store.type], replaceIfUnchanged);
  const completeRecord = records.script([store.type], completeIfUnchanged);

  async function writeIfUnchanged(
    sessionId: string,
    generation: number,
    record: GrantRecord,
  ): Promise<boolean> {
    const text = store.encode(sessionId, record);
    return (await replaceRecord([store.key(sessionId)], generation, text, store.ttlMs(record))) === 1;
  }

  /**
   * The account of a grant. One that was written before grants named theirs gets the one that its session names, for good. Null if
   * there is no session any more: then the grant is of no use.
   */
  async function accountIn(sessionId: string, text: string, record: GrantRecord): Promise<string | null> {
    if (record.fields === null || record.fields.accountId !== null) return record.fields?.accountId ?? null;
    const accountId = await accountOf(sessionId);
    if (accountId === null) return null;
    // safeguard: keep-generation-when-upgrading
    const complete = store.encode(sessionId, { ...record, fields: { ...record.fields, accountId } });
    // If it was renewed since, or Redis takes no writes, the next request does it.
    // safeguard: upgrade-grants
    // safeguard: tolerate-failed-upgrade
    await completeRecord([store.key(sessionId)], text, complete).catch(() => undefined);
    return accountId;
  }

  return {
    /** Keeps the grant of a new session. */
    create: (sessionId: string, grant: Grant): Promise<void> =>
      store.write(sessionId, { generation: 1, fields: fieldsOf(grant) }),

    /** The grant of a session, or null if there is none that opens. */
    async read(sessionId: string): Promise<StoredGrant | null> {
      const text = await store.readText(sessionId);
      const record = text === null ? null : await store.settle(sessionId, text);
      if (text === null || record === null || record.fields === null) return null;
      const accountId = await accountIn(sessionId, text, record);
      return accountId === null ? null : { ...record.fields, accountId, generation: record.generation };
    },

    /**
     * Writes `next` where `old` still stands, and says what stands now; null where the grant was removed meanwhile. When its
     * outcome is not known (the answer of Redis was lost) it can be called again: what was written is then what stands.
     */
    async replace(sessionId: string, old: StoredGrant, next: Grant): Promise<StoredGrant | null> {
      const generation = old.generation + 1;
      const done = await writeIfUnchanged(sessionId, old.generation, { generation, fields: fieldsOf(next) });
      return done ? { ...next, generation } : this.read(sessionId);
    },

    /**
     * Ends a grant that Spotify no longer honours, and with it the sign-in, unless it was replaced meanwhile; gives what stands.
     * Its tokens go at once. Its generation stays for five minutes, so that a process which renewed it and was then paused can
     * still bring the renewal home: with rotation that one alone has the token that Spotify honours.
     */
    async end(sessionId: string, { generation }: StoredGrant): Promise<StoredGrant | null> {
      // safeguard: ended-grant-marker
      // safeguard: compare-before-ending-grant
      const done = await writeIfUnchanged(sessionId, generation, { generation, fields: null });
      return done ? null : this.read(sessionId);
    },

    /** Which of these sessions have a grant, as far as can be told without opening it. */
    async standing(sessionIds: readonly string[]): Promise<ReadonlySet<string>> {
      if (sessionIds.length === 0) return new Set();
      // One round trip, because ioredis pipelines them; MGET would not work across the slots of a cluster.
      const records = await Promise.all(sessionIds.map(store.readText));
      const stands = (record: string | null | undefined) => record && !record.endsWith(`:${ended}`);
      return new Set(sessionIds.filter((_, index) => stands(records[index])));
    },

    /** Removes grants, and with them the sign-ins: a session without its grant is signed out. */
    forget: store.remove,

    /** Lets the grant of somebody who came stand as long as it may. */
    async extend(sessionId: string, { consentAt }: Grant): Promise<void> {
      await redisCall(redis.expire(store.key(sessionId), remainingLifetimeMs(consentAt, now())));
    },
  };
}

/** What is sealed of a grant, and nothing beside it. */
function fieldsOf(grant: Grant): SealedFields {
  const { accountId, accessToken, expiresAt, renewedAt, refreshToken, scopes, consentAt } = grant;
  return { accountId, accessToken, expiresAt, renewedAt, refreshToken, scopes, consentAt };
}

/** Grants as `<generation>:<sealed fields>`: the generation is in the open, for comparing. One that does not open is never removed. */
function grantCodec(seal: Seal): Codec<GrantRecord> {
  const sealed = sealedCodec(seal, 'grant', fieldsCodec);

  return {
    encode: ({ generation, fields }, id) =>
      `${generation}:${fields === null ? ended : sealed.encode(fields, id)}`,

    decode(text, id) {
      // safeguard: check-generation-number
      const [, generation, body = ''] = /^([1-9]\d{0,14}):(.*)$/s.exec(text) ?? [];
      if (generation && body === ended)
        return { state: 'intact', value: { generation: Number(generation), fields: null } };
      const decoded = sealed.decode(generation ? body : text, id);
      if (decoded.state !== 'intact') return decoded;
      if (!generation) return { state: 'unreadable', why: 'no generation' };
      return { state: 'intact', value: { generation: Number(generation), fields: decoded.value } };
    },
  };
}
