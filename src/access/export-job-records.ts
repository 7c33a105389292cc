import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as v from '@badrap/valita';
import { type Codec, jsonCodec, timestamp } from '../redis/codec.ts';
import type { ExportedEntry } from '../spotify/exported.ts';
import { amount } from '../spotify/schemas.ts';
import { exportReason } from './export-reasons.ts';

/* How an export job is stored in Redis: its record, its chunks, and the scripts that write them. */

/** An export that the server makes in the background, and stores. Times are milliseconds since 1970. */
export type ExportJob = v.Infer<typeof jobSchema>;

/** A piece that a job has read, in order: the beginning of a list, or rows of the list that began last. */
export type JobEvent = v.Infer<typeof eventSchema>;

const jobSchema = v.object({
  id: v.string(),
  /** A playlist's id, `all`, or a list of the library. */
  exportId: v.string(),
  name: v.string().nullable(),
  /** The session for which it calls Spotify. */
  sessionId: v.string(),
  startedAt: timestamp,
  expiresAt: timestamp,
  state: v.union(
    v.literal('running'),
    v.literal('paused'),
    v.literal('done'),
    v.literal('stopped'),
    v.literal('canceled'),
  ),
  /** When a pause ends; else null. */
  until: timestamp.nullable(),
  /** Why it is paused or has stopped, or what its file lacks, as a machine-readable code; else null. */
  reason: exportReason.nullable(),
  /** How many rows or playlists its file lacks, depending on the reason. */
  missing: amount,
  /** Whether the listener has confirmed that it may use up the day's calls. */
  isConfirmed: v.boolean(),
  /** About how many calls it takes; null if unknown. */
  calls: amount.nullable(),
  rows: amount,
  totalRows: amount.nullable(),
  /** How many playlists Spotify announced; null for one list. */
  playlists: amount.nullable(),
  /** Playlists that Spotify didn't send, before the page of the cursor. */
  absent: v.object({ sentAsNull: amount, notSent: amount }),
  /** The cursor from which it continues. */
  cursor: v.object({
    page: amount,
    skip: amount,
    from: amount,
    /** See pages/export/cursor.ts; null if there is none. */
    before: v.string().nullable(),
    snapshot: v.string().nullable(),
  }),
  /** How many chunks are stored, and their length. */
  chunks: amount,
  characters: amount,
  /** Failures of Spotify's since the last chunk. */
  failures: amount,
});

/** The change of a job that has lost a chunk. */
export const rowsLost = {
  state: 'stopped',
  until: null,
  reason: 'rows-lost',
  missing: 0,
  rows: 0,
  chunks: 0,
  characters: 0,
} as const satisfies Partial<ExportJob>;

const listSchema = v.object({
  id: v.string().nullable(),
  name: v.string().nullable(),
  contains: v
    .union(v.literal('items'), v.literal('albums'), v.literal('shows'), v.literal('artists'))
    .optional(() => 'items' as const),
  source: v.string().nullable(),
  exportedAt: v.string(),
  snapshotId: v.string().nullable(),
  readable: v.boolean(),
  announced: amount,
  isOwnOrShared: v.boolean(),
});

/** The seal proves that rows are as this program wrote them. */
const rowSchema = v.unknown() as v.Type<ExportedEntry | null>;
const eventSchema = v.union(v.object({ list: listSchema }), v.object({ rows: v.array(rowSchema) }));

export const jobCodec = jsonCodec<ExportJob>({ shape: 1, schema: jobSchema });

export const chunkCodec = packedCodec(
  jsonCodec<{ events: JobEvent[] }>({ shape: 1, schema: v.object({ events: v.array(eventSchema) }) }),
);

// Guarded by the lease, so that a process that was suspended can't overwrite what its successor has written; and by the list of browsers, so that
// nothing is stored about a listener who has signed out.
export const saveScript = `
  -- safeguard: no-job-after-sign-out
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  -- safeguard: job-lease
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  if ARGV[5] ~= '' then redis.call('SET', KEYS[4], ARGV[5], 'PX', ARGV[6]) end
  redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
  return 1`;

export const admitScript = `
  -- safeguard: most-jobs
  if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
  -- It must outlive the job that waits longest.
  -- safeguard: index-outlives-jobs
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
  return 1`;

function packedCodec<T>(inner: Codec<T>): Codec<T> {
  return {
    encode: (value, id) => zstdCompressSync(inner.encode(value, id)).toString('base64'),
    decode(text, id) {
      try {
        return inner.decode(zstdDecompressSync(Buffer.from(text, 'base64')).toString(), id);
      } catch {
        return { state: 'damaged', why: 'not compressed' };
      }
    },
  };
}
