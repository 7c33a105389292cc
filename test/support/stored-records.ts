import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Simulator } from '../../simulator/simulator.ts';
import { root } from './process.ts';
import { keyNames } from './turntable.ts';

/* Reads the records of a version of Turntable, in test/fixtures/records/. test/fixtures/make-records.ts writes them. */

/** One key. `value` has fields and values, or members and scores, if it isn't a string. `ttlMs` is what was left. */
export type StoredRecord = { key: string; ttlMs: number } & (
  | { type: 'string'; value: string }
  | { type: 'hash' | 'zset'; value: Record<string, string> }
);

export type StoredRecords = {
  /** The version in package.json. */
  version: string;
  /** Milliseconds since 1970. */
  madeAt: number;
  baseUrl: string;
  /** Secrets of tests. */
  sessionSecret: string;
  clientId: string;
  clientSecret: string;
  /** Browsers that were signed in. */
  browsers: { name: string; listenerId: string; cookie: string }[];
  /** What Spotify knew about their tokens. */
  grants: Parameters<Simulator['restoreGrant']>[0][];
  records: StoredRecord[];
  /** Messages between processes, one of each kind. */
  messages: string[];
};

/** The file of the code in this checkout; those of releases are named after their version. */
export const unreleased = 'unreleased';
export const recordsFolder = join(root, 'test/fixtures/records');

export const recordedVersions: readonly string[] = readdirSync(recordsFolder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => basename(file, '.json'));

export function readStoredRecords(name: string): StoredRecords {
  return JSON.parse(readFileSync(join(recordsFolder, `${name}.json`), 'utf8'));
}

/** The part of a key that says of what kind it is. */
export const kindOf = (key: string): string => key.slice(0, key.indexOf(':'));

/** Returns everything that is in Redis under the prefix of a connection. */
export async function readAllRecords(redis: Redis, redisUrl: string): Promise<StoredRecord[]> {
  const records = await Promise.all((await keyNames(redisUrl)).map((key) => readRecord(redis, key)));
  return records.filter((record) => record !== null);
}

async function readRecord(redis: Redis, key: string): Promise<StoredRecord | null> {
  const [type, ttlMs] = [await redis.type(key), await redis.pttl(key)];
  if (type === 'string') {
    // It may have ended by now.
    const value = await redis.get(key);
    return value === null ? null : { key, ttlMs, type, value };
  }
  if (type === 'hash') return { key, ttlMs, type, value: await redis.hgetall(key) };
  if (type !== 'zset') return null;
  const members = await redis.zrange(key, '0', '-1');
  const pairs = members.map(async (member) => [member, String(await redis.zscore(key, member))]);
  return { key, ttlMs, type, value: Object.fromEntries(await Promise.all(pairs)) };
}

export async function writeRecord(redis: Redis, { key, ttlMs, ...record }: StoredRecord): Promise<void> {
  await redis.del(key);
  if (record.type === 'string') await redis.set(key, record.value);
  else if (record.type === 'hash') await redis.hset(key, record.value);
  else for (const [member, score] of Object.entries(record.value)) await redis.zadd(key, score, member);
  await redis.pexpire(key, ttlMs);
}
