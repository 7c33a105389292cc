import * as v from '@badrap/valita';
import { jsonCodec, timestamp } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { pathWithin } from '../routes.ts';
import { amount } from '../spotify/schemas.ts';
import type { Browsers } from './browsers.ts';
import { exportReason } from './export-reasons.ts';

export type ExportProgress = ReturnType<typeof createExportProgress>;

/** The progress of an export. Times are milliseconds since 1970. */
export type Progress = {
  startedAt: number;
  /** The id of the exported playlist, `all`, or a list of the library. */
  exportId: string;
  /** The name of the playlist; null if it has none, or is not known yet. */
  name: string | null;
  /** `incomplete`: the whole file was sent, and says that something is missing. `stopped`: it was cut off. */
  state: 'running' | 'paused' | 'complete' | 'incomplete' | 'stopped';
  /** Rows read so far, and rows in total; null if unknown. */
  rows: number;
  totalRows: number | null;
  /** When a pause ends, or when Spotify may be called again; else null. */
  until: number | null;
  /** Why it stopped, or what is missing, as a machine-readable code; else null. */
  reason: string | null;
  /** The URL of a file that continues, or starts over; else null. */
  resume: string | null;
  /** The number of missing rows or playlists, depending on the reason. */
  missing: number;
};

type Deps = { records: Records; browsers: Browsers };

/** Longer than the longest pause and the call after it: if an export makes no progress for this long, its process has died. */
const runningTtlMs = 2 * 60_000;
/** How long the outcome can be looked up. */
const endedTtlMs = 10 * 60_000;

const codec = jsonCodec<Progress>({
  shape: 3,
  bound: true,
  schema: v.object({
    startedAt: timestamp,
    exportId: v.string(),
    name: v.string().nullable(),
    state: v.union(
      v.literal('running'),
      v.literal('paused'),
      v.literal('complete'),
      v.literal('incomplete'),
      v.literal('stopped'),
    ),
    // safeguard: check-export-progress-fields
    rows: amount,
    totalRows: amount.nullable(),
    until: timestamp.nullable(),
    reason: exportReason.nullable(),
    // The page makes a link of it.
    // safeguard: resume-link-within-site
    resume: v
      .string()
      .assert((path) => /^\/(playlists|library)\//.test(pathWithin(path) ?? ''))
      .nullable(),
    missing: amount,
  }),
});

/**
 * The progress of each listener's latest export, for the page that started it: that page may be served by another process. All methods throw
 * RedisUnavailable.
 */
export function createExportProgress({ records, browsers }: Deps) {
  const store = records.of({
    kind: 'export',
    key: keys.exportProgress,
    codec,
    ttlMs: ({ state }: Progress) => (state === 'running' || state === 'paused' ? runningTtlMs : endedTtlMs),
  });

  return {
    /** Returns the latest export of a listener; null if there is none, or if its process died. */
    get: (accountId: string): Promise<Progress | null> => store.read(accountId),

    /** Stores the progress, unless the listener has signed out everywhere. */
    set: browsers.createWriter(store),

    /** Removes it once the listener has signed out everywhere. */
    remove: (accountId: string): Promise<void> => store.remove(accountId),
  };
}
