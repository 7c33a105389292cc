import type { ExportJob, JobEvent } from '../../access/export-job-records.ts';
import { maxJobCharacters } from '../../access/export-jobs.ts';
import type { Step } from './job-reading.ts';

/**
 * A chunk is stored after this many pages, each of them a call to Spotify, or this many milliseconds. If the process dies, the pages that it has read
 * since the last chunk, or was reading ahead, are read again.
 */
const pagesPerChunk = 4;
const chunkEveryMs = 10_000;

/** The job isn't ours anymore: another process has it, it was canceled, or the listener has signed out. */
export class JobLost extends Error {
  override readonly name = 'JobLost';
}

/** A job that is being read: its record, and a function that changes it and stores another chunk. */
export type Progressing = {
  current: () => ExportJob;
  save: (change: Partial<ExportJob>, events?: JobEvent[] | null) => Promise<void>;
};

/** The part that can be stored: the change of the last step after which the job can continue, and how much has been read until then. */
type Ready = { change: Partial<ExportJob>; events: number; rows: number };

/**
 * Returns functions that store a job chunk by chunk while it is read. `storeReady` stores what is complete so far, and may be called at any time. Both throw
 * {@link JobLost}, and what `save` throws.
 */
export function createStepStore(signal: AbortSignal, { current, save }: Progressing) {
  const events: JobEvent[] = [];
  let [rows, pages, storedAt] = [0, 0, performance.now()];
  let ready: Ready | null = null;
  let last: Promise<void> = Promise.resolve();

  /** One chunk after the other. */
  function storeReady(): Promise<void> {
    const next = last.then(store);
    // Its error goes to the code that awaits it.
    last = next.catch(() => undefined);
    return next;
  }

  async function store(): Promise<void> {
    const stored = ready;
    if (!stored) return;
    ready = null;
    [pages, storedAt] = [0, performance.now()];
    const { change } = stored;
    const chunk = events.slice(0, stored.events);
    await save(
      { ...change, rows: current().rows + stored.rows, failures: 0 },
      chunk.length > 0 ? chunk : null,
    );
    events.splice(0, chunk.length);
    rows -= stored.rows;
    // Steps may have been added in the meantime.
    const later: Ready | null = ready;
    if (later) ready = without(later, stored);
    // safeguard: job-size
    if (current().characters <= maxJobCharacters) return;
    await save({ state: 'stopped', reason: 'too-large' });
    throw new JobLost('Too large');
  }

  return {
    storeReady,

    /** Stores steps as they come. After an error, what was read before it is stored as well. */
    async storeSteps(steps: AsyncIterable<Step>): Promise<void> {
      try {
        for await (const { event, change, isCursor, isLast } of steps) {
          signal.throwIfAborted();
          if (event) events.push(event);
          if (event && 'rows' in event) [rows, pages] = [rows + event.rows.length, pages + 1];
          if (isCursor) ready = { change, events: events.length, rows };
          if (isLast || pages >= pagesPerChunk || performance.now() - storedAt > chunkEveryMs)
            await storeReady();
        }
      } catch (error) {
        if (!signal.aborted && !(error instanceof JobLost)) await storeReady();
        throw error;
      }
    },
  };
}

function without(later: Ready, stored: Ready): Ready {
  return { ...later, events: later.events - stored.events, rows: later.rows - stored.rows };
}
