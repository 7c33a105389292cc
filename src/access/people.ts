import * as v from '@badrap/valita';
import type { RedisClient } from '../redis/client.ts';
import { jsonCodec, timestamp } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { KeyType, Records } from '../redis/records.ts';
import type { Browser, Browsers } from './browsers.ts';
import { idleTimeoutMs } from './lifetime.ts';
import type { Listener } from './session-records.ts';

/** Someone who is signed in, for the owner. */
export type Person = Listener & { browsers: Browser[] };

/** Someone whose access the owner has ended, at a time in milliseconds since 1970. */
export type FormerPerson = Listener & { endedAt: number };

export type People = ReturnType<typeof createPeople>;

type Deps = {
  redis: RedisClient;
  records: Records;
  browsers: Pick<Browsers, 'list' | 'sessionsOf'>;
  clientId: string;
  /** Spotify IDs of those who may sign in; null for everyone. */
  allowed: readonly string[] | null;
  /**
   * Spotify IDs of this site's owners, who may always sign in; null if there are none. Then no one sees who uses the site, and nothing is stored here.
   */
  owners: readonly string[] | null;
  now: () => number;
};

/** From the last sign-in or visit of anyone. */
const ttlMs = 400 * 24 * 60 * 60_000;

const listType: KeyType = { kind: 'people', type: 'hash' };

/** An entry of the list, with the time of the last visit. */
type Entry = Listener & { seenAt: number };

const personCodec = jsonCodec<Omit<Entry, 'accountId'>>({
  shape: 1,
  bound: true,
  schema: v.object({ id: v.string(), name: v.string().nullable(), seenAt: timestamp }),
});
const formerCodec = jsonCodec<Omit<FormerPerson, 'accountId'>>({
  shape: 1,
  bound: true,
  schema: v.object({ id: v.string(), name: v.string().nullable(), endedAt: timestamp }),
});

// Atomic, because a crash between the two would leave a list without a TTL, which would never expire.
const setScript = `
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

/**
 * Decides who may use this site, and lists for its owners who does. The list is one hash, so it is for sites of friends, not for millions: it is
 * only stored if there are owners to read it. A field is the account of someone who has signed in, or `<account> ended` if an owner has ended their access.
 * All methods that return a promise throw RedisUnavailable.
 */
export function createPeople({ redis, records, browsers, clientId, allowed, owners, now }: Deps) {
  const key = keys.people(clientId);
  const setField = records.script([listType], setScript);
  const isOneOf = (ids: readonly string[], { id, accountId }: Pick<Listener, 'id' | 'accountId'>) =>
    ids.includes(id) || ids.includes(accountId);

  function isOwner(listener: Pick<Listener, 'id' | 'accountId'>): boolean {
    return owners !== null && isOneOf(owners, listener);
  }

  /** Whether the settings allow a listener to use this site. */
  function isAllowed(listener: Pick<Listener, 'id' | 'accountId'>): boolean {
    return allowed === null || isOneOf(allowed, listener) || isOwner(listener);
  }

  return {
    hasOwners: owners !== null,
    isOwner,
    isAllowed,

    /** Whether a listener may sign in: they are allowed to, and no owner has ended their access. */
    async maySignIn(listener: Pick<Listener, 'id' | 'accountId'>): Promise<boolean> {
      if (!isAllowed(listener)) return false;
      if (owners === null || isOwner(listener)) return true;
      const field = endedField(listener.accountId);
      // A damaged entry counts as well.
      // safeguard: refuse-whose-access-has-ended
      return (await records.withType(listType, key, () => redis.hexists(key, field))) === 0;
    },

    /** Records that a listener uses this site, if there are owners, and removes those who haven't come back for as long as a sign-in lasts. */
    async recordVisit({ accountId, id, name }: Listener): Promise<void> {
      if (owners === null) return;
      await setField([key], accountId, personCodec.encode({ id, name, seenAt: now() }, accountId), ttlMs);
      // They may have signed out everywhere in the meantime.
      // safeguard: unlist-signed-out-people
      if ((await browsers.sessionsOf(accountId)).length === 0) await forget(accountId);
      const idle = (await readAll()).people.filter((one) => one.seenAt < now() - idleTimeoutMs);
      // safeguard: forget-idle-people
      await removeFields(idle.map((one) => one.accountId));
    },

    forget,

    /** Returns the people who are signed in, most recently seen first, and those whose access has ended, most recent first. */
    async list(): Promise<{ people: Person[]; former: FormerPerson[] }> {
      const { people, former } = await readAll();
      const all = await Promise.all(
        people.map(async ({ accountId, id, name }) => ({
          accountId,
          id,
          name,
          browsers: await browsers.list(accountId),
        })),
      );
      const seenAt = (one: Person) => one.browsers[0]?.seenAt ?? 0;
      return {
        people: all.filter((one) => one.browsers.length > 0).sort((a, b) => seenAt(b) - seenAt(a)),
        former: former.sort((a, b) => b.endedAt - a.endedAt),
      };
    },

    /** Ends the access of someone who has signed in: they can't sign in again. Returns false if there is no such person, or if it's an owner. */
    async end(accountId: string): Promise<boolean> {
      const person = (await readAll()).people.find((one) => one.accountId === accountId);
      // safeguard: owners-keep-access
      if (!person || isOwner(person)) return false;
      const { id, name } = person;
      const entry = formerCodec.encode({ id, name, endedAt: now() }, accountId);
      await setField([key], endedField(accountId), entry, ttlMs);
      return true;
    },

    /** Lets someone sign in again. */
    allow: (accountId: string): Promise<void> => removeFields([endedField(accountId)]),
  };

  /** Removes a listener who has signed out everywhere, if there are owners. A record that an owner ended their access stays. */
  async function forget(accountId: string): Promise<void> {
    if (owners !== null) await removeFields([accountId]);
  }

  async function removeFields(fields: readonly string[]): Promise<void> {
    if (fields.length === 0) return;
    await records.withType(listType, key, () => redis.hdel(key, ...fields));
  }

  /** Returns all entries, and removes damaged ones. Those of another version of Turntable are left alone. */
  async function readAll(): Promise<{ people: Entry[]; former: FormerPerson[] }> {
    const fields = await records.withType(listType, key, () => redis.hgetall(key));
    const people: Entry[] = [];
    const former: FormerPerson[] = [];
    const damaged: string[] = [];
    for (const [field, text] of Object.entries(fields)) {
      const accountId = field.endsWith(endedField('')) ? field.slice(0, -endedField('').length) : field;
      const asPerson = accountId === field ? personCodec.decode(text, accountId) : null;
      const asFormer = asPerson ? null : formerCodec.decode(text, accountId);
      if (asPerson?.state === 'intact') people.push({ accountId, ...asPerson.value });
      else if (asFormer?.state === 'intact') former.push({ accountId, ...asFormer.value });
      else if ((asPerson ?? asFormer)?.state !== 'other shape') damaged.push(field);
    }
    await records.removeDamagedFields(listType, key, damaged, 'an entry');
    return { people, former };
  }
}

const endedField = (accountId: string): string => `${accountId} ended`;
