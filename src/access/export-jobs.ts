import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis/client.ts';
import { sealedCodec } from '../redis/codec.ts';
import { redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import { ownerCodec } from '../redis/lock.ts';
import type { KeyType, Records } from '../redis/records.ts';
import {
  admitScript,
  chunkCodec,
  type ExportJob,
  type JobEvent,
  jobCodec,
  renewScript,
  saveScript,
} from './export-job-records.ts';
import type { Seal } from './seal.ts';

export type ExportJobs = ReturnType<typeof createExportJobs>;

type Deps = {
  redis: RedisClient;
  records: Records;
  seal: Seal;
  clientId: string;
  /** Until when a process that died holds its job, in milliseconds. */
  leaseMs: number;
  now: () => number;
};

/** A file can be fetched for so long, and a job that was stopped or canceled can be resumed. */
const endedTtlMs = 60 * 60_000;
/** A job that waits for a cooldown is stored for longer than the longest one, of a day. */
const unfinishedTtlMs = 26 * 60 * 60_000;
/** The limit of what is stored of one job, in characters. */
export const maxJobCharacters = 30_000_000;
/** How many jobs are stored at once. With the limit above, they take 300 MB at most. */
const maxJobs = 10;

const browsersType: KeyType = { kind: 'browsers', type: 'hash' };
/** The listeners who have a job, each with the time at which a process should look after it. */
const indexType: KeyType = { kind: 'export-jobs', type: 'zset' };

/**
 * The long exports of listeners, one each: a record, and chunks with what was read, sealed and compressed. Any process may continue a job; the one
 * that holds its lease does. Whoever changes a job takes its lease. All methods throw RedisUnavailable.
 */
export function createExportJobs({ redis, records, seal, clientId, leaseMs, now }: Deps) {
  const { jobs, chunks, leases } = storesOf({ records, seal, leaseMs, now });
  const saveIfHeld = records.script([browsersType, leases.type, jobs.type, chunks.type], saveScript);
  const renewIfHeld = records.script([leases.type], renewScript);
  const { schedule, unschedule, due } = createIndex({ redis, records, clientId, now });

  return {
    get: (accountId: string): Promise<ExportJob | null> => jobs.read(accountId),

    /** Stores a new job in place of an earlier one. Returns false if there are too many jobs already. */
    async start(accountId: string, job: Omit<ExportJob, 'expiresAt'>): Promise<boolean> {
      if (!(await schedule(accountId, now()))) return false;
      const former = await jobs.read(accountId);
      await change(accountId, () => ({ ...job, expiresAt: 0 }));
      if (former) await chunks.remove(...chunkIds(accountId, former));
      return true;
    },

    change,

    remove,

    /** Removes the job that was started in one of these sessions. */
    async removeOf(accountId: string, sessionIds: readonly string[]): Promise<void> {
      const job = await jobs.read(accountId);
      // safeguard: forget-job-at-sign-out
      if (job && sessionIds.includes(job.sessionId)) await remove(accountId);
    },

    /** Takes the lease of a job. Returns its owner; null if another process has it. */
    async claim(accountId: string): Promise<string | null> {
      const owner = randomUUID();
      return (await leases.claim(accountId, owner)).claimed ? owner : null;
    },

    /** Returns false if the lease was lost. */
    renew: async (accountId: string, owner: string): Promise<boolean> =>
      (await renewIfHeld([leases.key(accountId)], owner, leaseMs)) === 1,

    release: (accountId: string, owner: string): Promise<void> => leases.removeIf(accountId, owner),

    save,

    /** Yields what a job has read. Throws if a chunk is missing or damaged. */
    async *read(accountId: string, job: ExportJob): AsyncGenerator<JobEvent> {
      for (let chunk = 0; chunk < job.chunks; chunk += 1) {
        const stored = await chunks.read(chunkId(accountId, job, chunk));
        // safeguard: no-file-without-chunk
        if (!stored) throw new ChunkMissing(`Chunk ${chunk} of ${job.chunks} is missing`);
        yield* stored.events;
      }
    },

    due,
    schedule,
    unschedule,
  };

  /** Removes a job and all that it has read. */
  async function remove(accountId: string): Promise<void> {
    const job = await jobs.read(accountId);
    // Whoever works on it loses it.
    await Promise.all([jobs.remove(accountId), leases.remove(accountId), unschedule(accountId)]);
    if (job) await chunks.remove(...chunkIds(accountId, job));
  }

  /** Changes a job, or creates it, after taking it from the process that works on it. `update` returns null to leave it as it is. */
  async function change(
    accountId: string,
    update: (job: ExportJob | null) => ExportJob | null,
  ): Promise<ExportJob | null> {
    const owner = randomUUID();
    // safeguard: take-job-before-change
    await leases.write(accountId, owner);
    try {
      const next = update(await jobs.read(accountId));
      return next && (await save(accountId, owner, next, null));
    } finally {
      await leases.removeIf(accountId, owner);
    }
  }

  /**
   * Stores a job, with another chunk unless that is null, and has it looked after in time. Returns it as it was stored; null if the lease was lost or
   * the listener has signed out.
   */
  async function save(
    accountId: string,
    owner: string,
    job: ExportJob,
    events: JobEvent[] | null,
  ): Promise<ExportJob | null> {
    const hasEnded = job.state !== 'running' && job.state !== 'paused';
    const text = events ? chunks.encode(chunkId(accountId, job, job.chunks), { events }) : '';
    const next: ExportJob = {
      ...job,
      chunks: job.chunks + (events ? 1 : 0),
      characters: job.characters + text.length,
      expiresAt: now() + (hasEnded ? endedTtlMs : unfinishedTtlMs),
    };
    const names = [keys.browsers(accountId), leases.key(accountId), jobs.key(accountId)];
    const saved = await saveIfHeld(
      [...names, chunks.key(chunkId(accountId, job, job.chunks))],
      ...[owner, leaseMs, jobs.encode(accountId, next), jobs.ttlMs(next), text, unfinishedTtlMs],
    );
    if (saved !== 1) return null;
    // safeguard: expire-chunks
    if (hasEnded) await expireChunks(accountId, next);
    // A process looks again soon if this one dies, and when the pause or the stored file is over.
    const nextLook = hasEnded ? next.expiresAt : (next.until ?? now());
    await schedule(accountId, nextLook);
    return next;
  }

  /** The file can be fetched for as long as the record of its job is stored. */
  async function expireChunks(accountId: string, job: ExportJob): Promise<void> {
    const expiries = chunkIds(accountId, job).map((id) => redis.pexpire(chunks.key(id), endedTtlMs));
    await redisCall(Promise.all(expiries));
  }
}

/** The listeners who have a job, in an order that tells processes when to look after them. */
function createIndex({
  redis,
  records,
  clientId,
  now,
}: Pick<Deps, 'redis' | 'records' | 'clientId' | 'now'>) {
  const key = keys.exportJobs(clientId);
  const admit = records.script([indexType], admitScript);
  return {
    /** Has a process look after a job at a time. Returns false if there are too many jobs. */
    async schedule(accountId: string, at: number): Promise<boolean> {
      return (await admit([key], accountId, at, maxJobs, unfinishedTtlMs)) === 1;
    },

    unschedule: (accountId: string): Promise<unknown> =>
      records.withType(indexType, key, () => redis.zrem(key, accountId)),

    /** Returns the listeners whose jobs a process should look after now. */
    due: (): Promise<string[]> =>
      records.withType(indexType, key, () => redis.zrangebyscore(key, '-inf', now(), 'LIMIT', 0, 20)),
  };
}

function storesOf({ records, seal, leaseMs, now }: Pick<Deps, 'records' | 'seal' | 'leaseMs' | 'now'>) {
  const jobs = records.of<ExportJob>({
    kind: 'export-job',
    key: keys.exportJob,
    codec: sealedCodec(seal, 'export-job', jobCodec),
    ttlMs: ({ expiresAt }) => expiresAt - now(),
  });
  const chunks = records.of<{ events: JobEvent[] }>({
    kind: 'export-chunk',
    key: chunkKey,
    codec: sealedCodec(seal, 'export-chunk', chunkCodec),
    ttlMs: () => unfinishedTtlMs,
  });
  const key = keys.exportLease;
  const leases = records.of({ kind: 'export-lease', key, codec: ownerCodec, ttlMs: () => leaseMs });
  return { jobs, chunks, leases };
}

function chunkIds(accountId: string, job: ExportJob): string[] {
  return Array.from({ length: job.chunks }, (_, chunk) => chunkId(accountId, job, chunk));
}

/** A job can't be fetched any more. */
export class ChunkMissing extends Error {
  override readonly name = 'ChunkMissing';
}

function chunkKey(id: string): string {
  const [, accountId = '', jobId = '', chunk = ''] = /^(.*) (\S+) (\d+)$/s.exec(id) ?? [];
  return keys.exportChunk(accountId, jobId, chunk);
}

function chunkId(accountId: string, { id }: Pick<ExportJob, 'id'>, chunk: number): string {
  return `${accountId} ${id} ${chunk}`;
}
