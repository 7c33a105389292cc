import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../redis/client.ts';
import { sealedCodec } from '../redis/codec.ts';
import { redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import { ownerCodec } from '../redis/lock.ts';
import type { KeyType, Records } from '../redis/records.ts';
import { browsersType } from './browsers.ts';
import {
  admitScript,
  chunkCodec,
  type ExportJob,
  type JobEvent,
  jobCodec,
  rowsLost,
  saveScript,
} from './export-job-records.ts';
import type { Seal } from './seal.ts';
import { hourOf } from './usage.ts';

export type ExportJobs = ReturnType<typeof createExportJobs>;

type Deps = {
  redis: RedisClient;
  records: Records;
  seal: Seal;
  clientId: string;
  /** How long a process that has died still holds its job, in milliseconds. */
  leaseMs: number;
  now: () => number;
};

/** How long a file can be fetched, and a job that was stopped or canceled can be resumed. */
const endedTtlMs = 60 * 60_000;
/** A job that waits for a cooldown is stored for longer than the longest one, of a day, and in any case for some time after its pause. */
const unfinishedTtlMs = 26 * 60 * 60_000;
const afterPauseMs = 2 * 60 * 60_000;
/** The limit of what is stored of one job, in characters. */
export const maxJobCharacters = 30_000_000;
/** How many jobs are stored at once. With the limit above, they take 300 MB at most. */
const maxJobs = 10;

/** The listeners who have a job, each with the time at which a process should next check it. */
const indexType: KeyType = { kind: 'export-jobs', type: 'zset' };

/**
 * The export jobs of listeners, one each: a record, and chunks with what was read, sealed and compressed. Any process may continue a job; the one
 * that holds its lease does. Every change of a job takes its lease first. All methods throw RedisUnavailable.
 */
export function createExportJobs({ redis, records, seal, clientId, leaseMs, now }: Deps) {
  const { jobs, chunks, leases } = storesOf({ records, seal, leaseMs, now });
  const { schedule, unschedule, due } = createIndex({ redis, records, clientId, now });
  const save = createSave({ redis, records, leaseMs, now, jobs, chunks, leases, schedule });

  return {
    get: (accountId: string): Promise<ExportJob | null> => jobs.read(accountId),

    /**
     * Stores a new job in place of an earlier one. Returns `too-many` if there are too many jobs already, and `not-stored` if another one was started or
     * deleted at the same time, or if the listener has signed out.
     */
    async start(
      accountId: string,
      job: Omit<ExportJob, 'expiresAt'>,
    ): Promise<'started' | 'too-many' | 'not-stored'> {
      if (!(await schedule(accountId, now()))) return 'too-many';
      const stored = await change(accountId, () => ({ ...job, expiresAt: 0 }));
      // safeguard: started-only-if-stored
      return stored ? 'started' : 'not-stored';
    },

    change,

    /** Stops a job that has lost a chunk, and removes its other chunks, because its file can no longer be made. A job that has replaced it goes on. */
    async stopForLostRows(accountId: string, { jobId }: ChunkMissing): Promise<void> {
      // safeguard: lose-rows-of-that-job-only
      const isSameJob = (job: ExportJob | null) => job?.id === jobId;
      // Checked before as well, because a change takes the job from its process.
      if (!isSameJob(await jobs.read(accountId))) return;
      await change(accountId, (job) => (job && isSameJob(job) ? { ...job, ...rowsLost } : null));
    },

    remove,

    /** Removes a job that was started in one of these sessions, which have ended. */
    async removeForSessions(accountId: string, sessionIds: readonly string[]): Promise<void> {
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
    extend: (accountId: string, owner: string): Promise<boolean> => leases.extendIf(accountId, owner),

    release: (accountId: string, owner: string): Promise<void> => leases.removeIf(accountId, owner),

    save,

    /** Yields what a job has read. Throws {@link ChunkMissing} if a chunk is missing or damaged. */
    async *read(accountId: string, job: ExportJob): AsyncGenerator<JobEvent> {
      for (const [index, id] of chunkIds(accountId, job).entries()) {
        const stored = await chunks.read(id);
        // safeguard: no-file-without-chunk
        if (!stored) throw new ChunkMissing(`Chunk ${index} of ${job.chunks} is missing`, job.id);
        yield* stored.events;
      }
    },

    due,
    schedule,
    unschedule,
  };

  async function remove(accountId: string): Promise<void> {
    // A process that works on it loses it before its chunks are counted, and so can't store another one.
    // safeguard: take-job-before-removal
    const owner = randomUUID();
    await leases.write(accountId, owner);
    const job = await jobs.read(accountId);
    await Promise.all([jobs.remove(accountId), unschedule(accountId)]);
    if (job) await chunks.remove(...chunkIds(accountId, job));
    // safeguard: release-own-lease-only
    await leases.removeIf(accountId, owner);
  }

  /**
   * Changes a job, or creates it, after taking it from the process that works on it, and removes the chunks that it doesn't have anymore. `update`
   * returns null to leave it as it is. Throws {@link ChunkMissing} as `save` does.
   */
  async function change(
    accountId: string,
    update: (job: ExportJob | null) => ExportJob | null,
  ): Promise<ExportJob | null> {
    const owner = randomUUID();
    // safeguard: take-job-before-change
    await leases.write(accountId, owner);
    try {
      const former = await jobs.read(accountId);
      const next = update(former);
      const saved = next && (await save(accountId, owner, next, null));
      if (former && saved) {
        const stored = new Set(chunkIds(accountId, saved));
        await chunks.remove(...chunkIds(accountId, former).filter((id) => !stored.has(id)));
      }
      return saved;
    } finally {
      await leases.removeIf(accountId, owner);
    }
  }
}

/** Returns until when a job is stored: for a file to be fetched, or for a pause to end and the job to go on. */
function expiryOf(job: ExportJob, now: number): number {
  if (hasEnded(job)) return now + endedTtlMs;
  return Math.max(now + unfinishedTtlMs, (job.until ?? 0) + afterPauseMs);
}

function hasEnded({ state }: ExportJob): boolean {
  return state !== 'running' && state !== 'paused';
}

type SaveDeps = Pick<Deps, 'redis' | 'records' | 'leaseMs' | 'now'> &
  ReturnType<typeof storesOf> &
  Pick<ReturnType<typeof createIndex>, 'schedule'>;

function createSave({ redis, records, leaseMs, now, jobs, chunks, leases, schedule }: SaveDeps) {
  const saveIfHeld = records.script([browsersType, leases.type, jobs.type, chunks.type], saveScript);
  return save;

  /**
   * Stores a job, with another chunk unless that is null, and schedules its next check. Returns it as it was stored; null if the lease was lost or
   * the listener has signed out. Throws {@link ChunkMissing} if an earlier chunk has expired.
   */
  async function save(
    accountId: string,
    owner: string,
    job: ExportJob,
    events: JobEvent[] | null,
  ): Promise<ExportJob | null> {
    const id = chunkId(accountId, job, job.chunks);
    const text = events ? chunks.encode(id, { events }) : '';
    const next: ExportJob = {
      ...job,
      chunks: job.chunks + (events ? 1 : 0),
      characters: job.characters + text.length,
      expiresAt: expiryOf(job, now()),
    };
    const ttlMs = jobs.ttlMs(next);
    const saved = await saveIfHeld(
      [keys.browsers(accountId), leases.key(accountId), jobs.key(accountId), chunks.key(id)],
      ...[owner, leaseMs, jobs.encode(accountId, next), ttlMs, text, ttlMs],
    );
    if (saved !== 1) return null;
    // Earlier chunks live as long as the job does. While it reads on, it's enough to extend them once an hour.
    // safeguard: chunks-live-as-long-as-job
    const hasChangedState = events === null;
    // safeguard: extend-chunks-hourly
    const isDue = hourOf(next.expiresAt) > hourOf(job.expiresAt);
    if (hasChangedState || isDue) await expireChunks(accountId, next, ttlMs);
    // The next check is soon, in case this process dies, or when the pause or the stored file is over.
    await schedule(accountId, hasEnded(next) ? next.expiresAt : (next.until ?? now()));
    return next;
  }

  async function expireChunks(accountId: string, job: ExportJob, ttlMs: number): Promise<void> {
    const expiries = chunkIds(accountId, job).map((id) => redis.pexpire(chunks.key(id), ttlMs));
    // safeguard: notice-lost-chunks
    if ((await redisCall(Promise.all(expiries))).includes(0))
      throw new ChunkMissing('A chunk has expired', job.id);
  }
}

/** The listeners who have a job, ordered by when a process should next check it. */
function createIndex({
  redis,
  records,
  clientId,
  now,
}: Pick<Deps, 'redis' | 'records' | 'clientId' | 'now'>) {
  const key = keys.exportJobs(clientId);
  const admit = records.script([indexType], admitScript);
  return {
    /** Has some process check a listener's job at `at`, in milliseconds since 1970. Returns false if there are too many jobs. */
    async schedule(accountId: string, at: number): Promise<boolean> {
      const ttlMs = Math.max(unfinishedTtlMs, Math.ceil(at - now()) + afterPauseMs);
      return (await admit([key], accountId, at, maxJobs, ttlMs)) === 1;
    },

    unschedule: (accountId: string): Promise<unknown> =>
      records.withType(indexType, key, () => redis.zrem(key, accountId)),

    /** Returns up to 20 listeners whose jobs are due for a check. */
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

/** A part of what a job has read is lost. */
export class ChunkMissing extends Error {
  override readonly name = 'ChunkMissing';
  readonly jobId: string;

  constructor(message: string, jobId: string) {
    super(message);
    this.jobId = jobId;
  }
}

function chunkKey(id: string): string {
  const [, accountId = '', jobId = '', chunk = ''] = /^(.*) (\S+) (\d+)$/s.exec(id) ?? [];
  return keys.exportChunk(accountId, jobId, chunk);
}

function chunkId(accountId: string, { id }: Pick<ExportJob, 'id'>, chunk: number): string {
  return `${accountId} ${id} ${chunk}`;
}
