import type { Redis } from 'ioredis';
import { readText, redisCall } from '../redis/errors.ts';
import type { Browsers } from './browsers.ts';

export type ExportProgress = ReturnType<typeof createExportProgress>;

/** How far an export is. Moments are milliseconds since 1970. */
export type Progress = {
  /** Counts up for as long as it is kept, so that a page can tell one export from the next. */
  startedAt: number;
  /** What is exported: the id of a playlist, or `all`. */
  what: string;
  /** The name of the playlist; null if it is not known, or has none. */
  name: string | null;
  state: 'running' | 'paused' | 'complete' | 'stopped';
  /** How many rows it has read, of how many; null if that is not known. */
  rows: number;
  of: number | null;
  /** When a pause is over, or when Spotify may be asked again; else null. */
  until: number | null;
  /** Why it stopped, as a short word for programs; else null. */
  reason: string | null;
};

type Deps = { redis: Redis; browsers: Browsers };

/** The shape of these records: those of another version of this program are not read. */
const shape = 1;
/** Longer than the longest pause and the call after it: an export that says nothing for so long has died with its process. */
const runningMs = 2 * 60_000;
/** For how long a page can still be asked what became of it. */
const endedMs = 10 * 60_000;

const states: readonly unknown[] = ['running', 'paused', 'complete', 'stopped'] satisfies Progress['state'][];

/**
 * How far the latest export of each listener is, under `export:<account id>`, for the page that started it: that page may be served by another
 * process. All throw RedisUnavailable.
 */
export function createExportProgress({ redis, browsers }: Deps) {
  const keyOf = (accountId: string) => `export:${accountId}`;

  return {
    /** The latest export of a listener; null if there is none, or none that is heard of any more. */
    async of(accountId: string): Promise<Progress | null> {
      return progressIn(await readText(redis, keyOf(accountId)));
    },

    /** Keeps how far it is, for as long as the listener is signed in somewhere. */
    async keep(accountId: string, progress: Progress): Promise<void> {
      const record = JSON.stringify({ shape, ...progress });
      const isOver = progress.state === 'complete' || progress.state === 'stopped';
      const ttlMs = isOver ? endedMs : runningMs;
      await browsers.keepWhileSignedIn(accountId, keyOf(accountId), record, ttlMs);
    },

    /** Forgets it: the listener is signed in nowhere any more. */
    async forget(accountId: string): Promise<void> {
      await redisCall(redis.del(keyOf(accountId)));
    },
  };
}

function progressIn(record: string | null): Progress | null {
  try {
    const { shape: its, ...progress } = JSON.parse(record ?? 'null');
    const { startedAt, what, name, state, rows, of, until, reason } = progress;
    const isNumberOrNull = (value: unknown) => value === null || typeof value === 'number';
    const isTextOrNull = (value: unknown) => value === null || typeof value === 'string';
    const isWhole =
      its === shape &&
      typeof startedAt === 'number' &&
      typeof what === 'string' &&
      states.includes(state) &&
      typeof rows === 'number' &&
      isNumberOrNull(of) &&
      isNumberOrNull(until) &&
      isTextOrNull(name) &&
      isTextOrNull(reason);
    return isWhole ? progress : null;
  } catch {
    return null;
  }
}
