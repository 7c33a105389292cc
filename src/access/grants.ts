import * as v from '@badrap/valita';
import type { RedisClient } from '../redis/client.ts';
import { type Codec, jsonCodec, sealedCodec, timestamp } from '../redis/codec.ts';
import { nullIfUnavailable, redisCall } from '../redis/errors.ts';
import { formerKeys, keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { createExpiringGrants } from './expiring-grants.ts';
import { remainingLifetimeSeconds } from './lifetime.ts';
import type { Seal } from './seal.ts';

/** The tokens that Spotify issued for one sign-in. Times are milliseconds since 1970. */
export type Grant = {
  /** The account it belongs to. The session names one as well, but isn't sealed, so this one is authoritative. */
  accountId: string;
  accessToken: string;
  expiresAt: number;
  /** When Spotify issued the access token. */
  refreshedAt: number;
  refreshToken: string;
  scopes: string[];
  /** When the listener agreed. Refreshing doesn't change it: Spotify's six months start here. */
  consentAt: number;
};

/** A grant as stored in Redis; `generation` increases by one with each write. */
export type StoredGrant = Grant & { generation: number };

export type Grants = ReturnType<typeof createGrants>;

type Deps = {
  redis: RedisClient;
  records: Records;
  seal: Seal;
  clientId: string;
  now: () => number;
  /** Returns the account that the record of a session names; null if there is no such record. */
  accountOf: (sessionId: string) => Promise<string | null>;
};

/** The sealed fields by their stored names. `accountId` is null in grants that were written before they had one. */
type SealedFields = Omit<Grant, 'accountId' | 'refreshedAt'> & {
  accountId: string | null;
  renewedAt: number;
};

/** A whole record; `fields` is null once Spotify no longer accepts the grant. */
type GrantRecord = { generation: number; fields: SealedFields | null };

/** Replaces the sealed fields once Spotify no longer accepts the grant. */
const ended = 'ended';
/** The lifetime of such a record: a process may be suspended for that long and still save a grant that it has refreshed. */
const endedTtlMs = 5 * 60_000;

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
    renewedAt: timestamp,
    refreshToken: token,
    scopes: v.array(v.string()),
    consentAt: timestamp,
  }),
});

// A record is "<generation>:<sealed fields>": the generation is not sealed, so that a script can compare it.
const ifUnchanged = `
  local current = redis.call('GET', KEYS[1])
  -- safeguard: write-existing-grants-only
  -- safeguard: compare-and-set
  if not current or string.match(current, '^(%d+):') ~= ARGV[1] then return 0 end`;
const replaceIfUnchanged = `${ifUnchanged}
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`;

// Compares the whole text and keeps the generation, so that a process that is refreshing the grant can still save it.
const completeIfUnchanged = `
  -- safeguard: compare-before-upgrade
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  return 1`;

/**
 * The grants in Redis, one for each session, sealed and bound to its id. They are not part of the session, because express-session always writes
 * the whole session: a slow request would restore an old refresh token. All methods throw RedisUnavailable.
 */
export function createGrants({ redis, records, seal, clientId, now, accountOf }: Deps) {
  const store = records.of<GrantRecord>({
    kind: 'grant',
    key: keys.grant,
    formerKey: formerKeys.grant,
    codec: grantCodec(seal),
    ttlMs: ({ fields }) =>
      fields === null ? endedTtlMs : remainingLifetimeSeconds(fields.consentAt, now()) * 1000,
  });
  const expiring = createExpiringGrants({ redis, records, clientId, now });
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
   * Returns the account of a grant. A grant that was written before grants named their account gets its session's, permanently. Null if that
   * session no longer exists: then the grant is useless.
   */
  async function resolveAccount(
    sessionId: string,
    text: string,
    record: GrantRecord,
  ): Promise<string | null> {
    if (record.fields === null || record.fields.accountId !== null) return record.fields?.accountId ?? null;
    const accountId = await accountOf(sessionId);
    if (accountId === null) return null;
    // safeguard: keep-generation-when-upgrading
    const complete = store.encode(sessionId, { ...record, fields: { ...record.fields, accountId } });
    // If it has been refreshed since, or Redis refuses writes, the next request tries again.
    // safeguard: upgrade-grants
    // safeguard: tolerate-failed-upgrade
    await completeRecord([store.key(sessionId)], text, complete).catch(() => undefined);
    return accountId;
  }

  /** Returns the grant of a session; null if there is none, or if it doesn't open. */
  async function read(sessionId: string): Promise<StoredGrant | null> {
    const text = await store.readText(sessionId);
    const record = text === null ? null : await store.decodeStored(sessionId, text);
    if (text === null || record === null || record.fields === null) return null;
    const accountId = await resolveAccount(sessionId, text, record);
    if (accountId === null) return null;
    const { renewedAt, ...fields } = record.fields;
    return { ...fields, accountId, refreshedAt: renewedAt, generation: record.generation };
  }

  return {
    create: (sessionId: string, grant: Grant): Promise<void> =>
      store.write(sessionId, { generation: 1, fields: fieldsOf(grant) }),

    read,

    /**
     * Stores `next` if `old` is still stored, and returns the grant stored then; null if it was removed. It may be repeated if its outcome is
     * unknown because the reply of Redis was lost: it then returns what it has stored.
     */
    async replace(sessionId: string, old: StoredGrant, next: Grant): Promise<StoredGrant | null> {
      const generation = old.generation + 1;
      const done = await writeIfUnchanged(sessionId, old.generation, { generation, fields: fieldsOf(next) });
      return done ? { ...next, generation } : read(sessionId);
    },

    /**
     * Ends a grant that Spotify no longer accepts, and with it the sign-in, unless it has been replaced; returns the grant stored then. The
     * tokens are removed at once. The generation stays for five minutes, so that a process that refreshed the grant and was suspended can
     * still save it: with rotation, only that process has the token that Spotify accepts.
     */
    async end(sessionId: string, { generation }: StoredGrant): Promise<StoredGrant | null> {
      // safeguard: ended-grant-marker
      // safeguard: compare-before-ending-grant
      const done = await writeIfUnchanged(sessionId, generation, { generation, fields: null });
      if (!done) return read(sessionId);
      await expiring.remove(sessionId).catch(nullIfUnavailable);
      return null;
    },

    /** Returns the ids of those of these sessions that have a grant, without checking whether it opens. */
    async findExisting(sessionIds: readonly string[]): Promise<ReadonlySet<string>> {
      if (sessionIds.length === 0) return new Set();
      // One round trip, because ioredis pipelines them; MGET does not work across the slots of a cluster.
      const records = await Promise.all(sessionIds.map(store.readText));
      const exists = (record: string | null | undefined) => record && !record.endsWith(`:${ended}`);
      return new Set(sessionIds.filter((_, index) => exists(records[index])));
    },

    async remove(...sessionIds: readonly string[]): Promise<void> {
      await store.remove(...sessionIds);
      // safeguard: count-no-removed-grants
      await expiring.remove(...sessionIds).catch(nullIfUnavailable);
    },

    /** Extends the lifetime of a grant because the listener is active. */
    async extend(sessionId: string, { consentAt }: Grant): Promise<void> {
      await expiring.recordVisit(sessionId, consentAt).catch(nullIfUnavailable);
      const exists = await redisCall(
        redis.expire(store.key(sessionId), remainingLifetimeSeconds(consentAt, now())),
      );
      // It may have been removed just before it was counted.
      // safeguard: count-no-grants-after-sign-out
      if (exists === 0) await expiring.remove(sessionId).catch(nullIfUnavailable);
    },

    /** Returns how many grants expire within 30 days. */
    countExpiring: expiring.count,
  };
}

function fieldsOf(grant: Grant): SealedFields {
  const { accountId, accessToken, expiresAt, refreshedAt, refreshToken, scopes, consentAt } = grant;
  return { accountId, accessToken, expiresAt, renewedAt: refreshedAt, refreshToken, scopes, consentAt };
}

/** Records as `<generation>:<sealed fields>`. A record that does not open is never removed. */
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
