import * as v from '@badrap/valita';
import { jsonCodec, moment } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { amount } from '../spotify/schemas.ts';
import type { Browsers } from './browsers.ts';

export type ExportProgress = ReturnType<typeof createExportProgress>;

/** The progress of an export. Times are in milliseconds since 1970. */
export type Progress = {
  startedAt: number;
  /** The id of the playlist that is exported, or `all`. */
  what: string;
  /** The name of the playlist; null if it is not known, or has none. */
  name: string | null;
  /** `incomplete` if the file has arrived and says that something is missing, `stopped` if it has not arrived. */
  state: 'running' | 'paused' | 'complete' | 'incomplete' | 'stopped';
  /** How many rows it has read, of how many; null if that is not known. */
  rows: number;
  of: number | null;
  /** When a pause is over, or when Spotify may be asked again; else null. */
  until: number | null;
  /** Why it stopped, or what is missing, as a short word for programs; else null. */
  reason: string | null;
  /** The address of a file that goes on, or starts again; else null. */
  resume: string | null;
  /** How many rows or playlists are missing, depending on the reason. */
  missing: number;
};

type Deps = { records: Records; browsers: Browsers };

/** Longer than the longest pause and the call after it: an export that says nothing for so long has died with its process. */
const runningMs = 2 * 60_000;
/** For how long a page can still be asked what became of it. */
const endedMs = 10 * 60_000;

const codec = jsonCodec<Progress>({
  shape: 2,
  bound: true,
  schema: v.object({
    startedAt: moment,
    what: v.string(),
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
    of: amount.nullable(),
    until: moment.nullable(),
    reason: v.string().nullable(),
    // It becomes a link.
    // safeguard: resume-link-within-site
    resume: v
      .string()
      .assert((path) => path.startsWith('/playlists/'))
      .nullable(),
    missing: amount,
  }),
});

/**
 * How far the latest export of each listener is, for the page that started it: that page may be served by another
 * process. All throw RedisUnavailable.
 */
export function createExportProgress({ records, browsers }: Deps) {
  const store = records.of({
    kind: 'export',
    key: keys.exportProgress,
    codec,
    ttlMs: ({ state }: Progress) => (state === 'running' || state === 'paused' ? runningMs : endedMs),
  });

  return {
    /** The latest export of a listener; null if there is none, or none that is heard of any more. */
    of: (accountId: string): Promise<Progress | null> => store.read(accountId),

    /** Keeps how far it is, for as long as the listener is signed in somewhere. */
    keep: (accountId: string, progress: Progress): Promise<void> =>
      browsers.keepWhileSignedIn(accountId, store, progress),

    /** Forgets it: the listener is signed in nowhere any more. */
    forget: (accountId: string): Promise<void> => store.remove(accountId),
  };
}
