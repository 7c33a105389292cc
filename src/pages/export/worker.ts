import type { ExportJob, JobEvent } from '../../access/export-job-records.ts';
import { ChunkMissing, createExportJobs, type ExportJobs } from '../../access/export-jobs.ts';
import type { Grants } from '../../access/grants.ts';
import type { ListenerAccess } from '../../access/listener-access.ts';
import type { ListenerApi } from '../../access/listener-api.ts';
import type { SessionRecords } from '../../access/session-records.ts';
import type { Timing } from '../../access/timing.ts';
import { type BackgroundTasks, ShuttingDown } from '../../ops/background.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import type { CallingListener } from '../../web/signed-in.ts';
import { createExportBudget, type ExportBudget } from './export-budget.ts';
import { emptySummary } from './format.ts';
import { readJob } from './job-reading.ts';
import { createStepStore, JobLost, type Progressing } from './job-storing.ts';
import { outcomeOf, outcomeOfAll } from './outcome.ts';
import { createReader } from './reader.ts';
import { replay } from './replay.ts';
import { exportPage } from './requests.ts';
import type { Run } from './source.ts';
import { reasonOf, untilOf } from './stop.ts';

type Deps = {
  jobs: ExportJobs;
  exportBudget: ExportBudget;
  grants: Pick<Grants, 'read'>;
  sessionRecords: Pick<SessionRecords, 'read'>;
  access: Pick<ListenerAccess, 'open'>;
  listenerApi: Pick<ListenerApi, 'forSession'>;
  invalidate: (accountId: string, keyPrefixes: readonly string[]) => Promise<void>;
  background: Pick<BackgroundTasks, 'run'>;
  now: () => number;
  /** How often a process checks for jobs, and how long it holds one without a sign of life, in milliseconds. */
  tickMs: number;
  leaseMs: number;
};

/** How long to wait after a failure of Spotify's, multiplied by the number of failures in a row; and how many of them stop a job. */
const failurePauseMs = 20_000;
const maxFailures = 5;

export type ExportWorker = ReturnType<typeof createExportWorker>;

type Exports = { jobs: ExportJobs; worker: ExportWorker };

/** The export jobs of an app, and the worker that continues them in this process. */
export function createExports(
  base: Omit<Parameters<typeof createExportJobs>[0], 'leaseMs'> & Pick<Deps, 'background'>,
  access: Pick<Deps, 'grants' | 'sessionRecords' | 'access' | 'listenerApi' | 'invalidate'>,
  quota: Parameters<typeof createExportBudget>[0],
  timing: Pick<Timing, 'exportTickMs' | 'exportLeaseMs'>,
): Exports {
  const { background, now, ...rest } = base;
  const { exportTickMs: tickMs, exportLeaseMs: leaseMs } = timing;
  const jobs = createExportJobs({ ...rest, now, leaseMs });
  const exportBudget = createExportBudget(quota);
  return {
    jobs,
    worker: createExportWorker({ jobs, exportBudget, ...access, background, now, tickMs, leaseMs }),
  };
}

/** Continues the export jobs of all listeners: each process checks for those that no process is working on. */
function createExportWorker(deps: Deps) {
  const { jobs, background, tickMs } = deps;
  const stopping = new AbortController();
  const running = new Set<string>();
  const stores = new Map<string, StoreOpenChunk>();
  const timer = setInterval(() => background.run('check for exports', continueDueJobs()), tickMs).unref();

  return {
    /** Continues the job of a listener now, unless some process is working on it. */
    wake: (accountId: string): void => background.run('run an export', work(accountId)),

    /** Stores what this process has read of a job since its last chunk, so that it isn't read again; nothing if another process works on it. */
    async storeOpenChunk(accountId: string): Promise<void> {
      // The job can be canceled without it.
      await stores
        .get(accountId)?.()
        .catch(() => undefined);
    },

    /** Lets other processes continue the jobs of this one. */
    close(): void {
      clearInterval(timer);
      stopping.abort(new JobLost('This process is stopping'));
    },
  };

  async function continueDueJobs(): Promise<void> {
    const due = await jobs.due().catch((error: unknown) => {
      // A failing Redis is reported elsewhere, and the next tick tries again.
      if (error instanceof RedisUnavailable) return [];
      throw error;
    });
    for (const accountId of due) background.run('run an export', work(accountId));
  }

  async function work(accountId: string): Promise<void> {
    if (running.has(accountId) || stopping.signal.aborted) return;
    running.add(accountId);
    try {
      const owner = await jobs.claim(accountId);
      if (owner === null) return;
      const onOpen = (store: StoreOpenChunk) => stores.set(accountId, store);
      await continueJob(deps, stopping.signal, { accountId, owner, onOpen })
        .catch((error: unknown) => {
          if (!(error instanceof ChunkMissing)) throw error;
          return jobs.stopForLostRows(accountId, error);
        })
        .finally(() => jobs.release(accountId, owner));
    } catch (error) {
      // The lease expires, and this or another process continues.
      if (!(error instanceof RedisUnavailable)) throw error;
    } finally {
      running.delete(accountId);
      stores.delete(accountId);
    }
  }
}

type StoreOpenChunk = () => Promise<void>;

/** A job that this process holds. `onOpen` receives the function that stores its open chunk. */
type HeldJob = { accountId: string; owner: string; onOpen: (store: StoreOpenChunk) => void };

async function continueJob(
  deps: Deps,
  stopping: AbortSignal,
  { accountId, owner, onOpen }: HeldJob,
): Promise<void> {
  const { jobs, background, now, leaseMs } = deps;
  const stored = await jobs.get(accountId);
  if (!stored) {
    await jobs.unschedule(accountId);
    return;
  }
  if (!isUnfinished(stored) || (stored.until ?? 0) > now()) {
    await jobs.schedule(accountId, isUnfinished(stored) ? (stored.until ?? now()) : stored.expiresAt);
    return;
  }
  const lost = new AbortController();
  const signal = AbortSignal.any([stopping, lost.signal]);
  const extend = async () => {
    if (!(await jobs.extend(accountId, owner))) lost.abort(new JobLost('Its lease was lost'));
  };
  const timer = setInterval(() => background.run('extend an export’s lease', extend()), leaseMs / 3).unref();
  let job: ExportJob = { ...stored, state: 'running', until: null, reason: null };
  const save = async (change: Partial<ExportJob>, events: JobEvent[] | null = null) => {
    const saved = await jobs.save(accountId, owner, { ...job, ...change }, events);
    if (!saved) throw new JobLost('Its lease was lost');
    job = saved;
  };
  try {
    await save({});
    await readAll(deps, signal, { accountId, current: () => job, save, onOpen });
    const { reason, missing } = await outcomeOfJob(jobs, accountId, job);
    await save({ state: 'done', reason, missing });
  } catch (error) {
    if (error instanceof RedisUnavailable || error instanceof ChunkMissing) throw error;
    if (signal.aborted || error instanceof JobLost || error instanceof ShuttingDown) return;
    await save(changeAfter(error, job, now()));
    // Our own errors are reported.
    if (reasonOf(error) === null) throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Reads what is left of a job, chunk by chunk. */
async function readAll(
  deps: Deps,
  signal: AbortSignal,
  progressing: Progressing & Pick<HeldJob, 'accountId' | 'onOpen'>,
): Promise<void> {
  const { grants, sessionRecords, access, listenerApi, invalidate, exportBudget, now } = deps;
  const { current, save } = progressing;
  const { sessionId, isConfirmed } = current();
  const grant = await grants.read(sessionId);
  const listener = grant && (await sessionRecords.read(sessionId))?.listener;
  if (!grant || !listener) {
    await save({ state: 'stopped', reason: 'sign-in-ended' });
    throw new JobLost('Its sign-in has ended');
  }
  const open = await access.open(sessionId, grant, { refreshFirst: true });
  const calling: CallingListener = {
    ...listener,
    ...listenerApi.forSession({ listener, grant: open, invalidate }),
  };
  const reserve = (estimate: Parameters<ExportBudget['reserve']>[0]) =>
    // One that never fits needs the listener's consent. It goes on until Spotify refuses a call, and then waits.
    exportBudget.reserve(estimate, { isPart: isConfirmed, isConfirmed: false, anyway: '', page: '' });
  const run = createJobRun(current().exportId, signal, now);
  const { storeSteps, storeReady } = createStepStore(signal, progressing);
  progressing.onOpen(storeReady);
  await storeSteps(readJob(calling, current(), run, reserve));
}

function createJobRun(exportId: string, signal: AbortSignal, now: () => number): Run {
  return {
    page: exportPage(exportId),
    isPart: false,
    now,
    // A longer pause ends this run: the job is stored, and any process continues it.
    read: createReader({
      now,
      signal,
      maxPauseMs: () => 0,
      onPause: () => undefined,
      onResume: async () => undefined,
    }),
    rowsLeft: () => Number.POSITIVE_INFINITY,
    isFull: () => false,
    // The file's name isn't sent before the end.
    allowsGaps: () => true,
    onRows: () => undefined,
  };
}

function changeAfter(error: unknown, job: ExportJob, now: number): Partial<ExportJob> {
  const reason = reasonOf(error) ?? 'internal-error';
  const until = untilOf(error);
  // safeguard: job-waits
  if (until !== null) return { state: 'paused', reason, until: Math.max(until, now) };
  const failures = job.failures + 1;
  if (error instanceof SpotifyUnavailable && failures <= maxFailures)
    return { state: 'paused', reason, until: now + failures * failurePauseMs, failures };
  return { state: 'stopped', reason, failures: 0 };
}

export function isUnfinished({ state }: ExportJob): boolean {
  return state === 'running' || state === 'paused';
}

/** Returns what the file of a job that has read everything lacks. */
async function outcomeOfJob(
  jobs: ExportJobs,
  accountId: string,
  job: ExportJob,
): Promise<{ reason: string | null; missing: number }> {
  const summary = { ...emptySummary(job.playlists ?? 0), ...job.absent };
  let outcome: ReturnType<typeof outcomeOf> = null;
  for await (const source of replay(jobs.read(accountId, job), { summary })) {
    for await (const _rows of source.pages);
    if (job.playlists === null) outcome = outcomeOf(source.manifest, source.isOwnOrShared, '');
  }
  if (job.playlists !== null) outcome = outcomeOfAll(summary);
  // safeguard: job-says-what-is-missing
  return { reason: outcome?.reason ?? null, missing: outcome?.missing ?? 0 };
}
