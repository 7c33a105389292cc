import type { Request, Response } from 'express';
import { GrantLost } from '../../access/errors.ts';
import type { ExportProgress, Progress } from '../../access/export-progress.ts';
import type { Grants } from '../../access/grants.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { rowsAtOnce } from '../../web/limits.ts';
import type { Outcome } from './outcome.ts';
import { createReader } from './reader.ts';
import { mostCollected, ReaderGone } from './send.ts';
import type { Run } from './source.ts';
import { reasonOf, untilOf } from './stop.ts';

export type ExportDeps = {
  grants: Pick<Grants, 'read'>;
  progress: ExportProgress;
  background: BackgroundTasks;
  now: () => number;
  /** The longest time from a request to the first byte of its answer, in milliseconds. */
  firstByteMs: number;
};

/** A cooldown of Spotify's that an export waits out, once it has read something. */
export const longestPauseMs = 60_000;
/** How often it is told how far an export is. */
const tellEveryMs = 1_000;

export type OpenRun = ReturnType<typeof openRun>;

/**
 * What one export shares from its first call to its end: how it reads, how long it may take, and how far it is, which the page that started it can
 * ask for.
 */
export function openRun(
  { grants, progress, background, now, firstByteMs }: ExportDeps,
  req: Request,
  res: Response,
  what: string,
) {
  const { accountId } = req.listener;
  const part = req.query.part === 'yes';
  const startedAt = performance.now();
  const gone = new AbortController();
  res.once('close', () => gone.abort(new ReaderGone('The connection was closed')));
  const told: Progress = {
    startedAt: now(),
    what,
    name: null,
    state: 'running',
    rows: 0,
    of: null,
    until: null,
    reason: null,
    resume: null,
    missing: 0,
  };
  let characters = 0;
  let toldAt = 0;

  tell({});

  // safeguard: export-part-size
  const rowsLeft = () => (part ? rowsAtOnce - told.rows : Number.POSITIVE_INFINITY);
  const firstByteIsDueIn = () => Math.max(0, startedAt + firstByteMs - performance.now());
  const run: Run = {
    part,
    read: createReader({
      now,
      signal: gone.signal,
      // Nothing can be sent before there is a name and a row, nor before a part is done: whoever waits must not wait too long.
      // safeguard: first-byte-deadline
      longestPauseMs: () => (part || told.rows === 0 ? firstByteIsDueIn() : longestPauseMs),
      onPause: (until) => tell({ state: 'paused', until }),
      async onResume() {
        tell({ state: 'running', until: null });
        // safeguard: recheck-sign-in-after-pause
        const isSignedIn = (await grants.read(req.session.id)) !== null;
        if (!isSignedIn) throw new GrantLost('Signed out while an export was paused');
      },
    }),
    rowsLeft,
    isFull: () => part && (rowsLeft() <= 0 || characters > mostCollected || firstByteIsDueIn() === 0),
    mayLack: () => !res.hasHeader('Content-Disposition'),
    onRows(count) {
      told.rows += count;
      if (performance.now() - toldAt > tellEveryMs) tell({});
    },
  };

  return {
    ...run,
    /** For how long rows may be collected before the file begins, by how many there are; null if that is not known. */
    collectMs(rows: number | null): number {
      if (part) return Number.POSITIVE_INFINITY;
      // safeguard: collect-short-file-first
      // safeguard: start-slow-short-file
      return rows !== null && rows <= rowsAtOnce ? firstByteIsDueIn() : 0;
    },

    /** The same text; how long it is counts towards what a part may hold. */
    async *measured(text: AsyncIterable<string>): AsyncGenerator<string> {
      for await (const piece of text) {
        characters += piece.length;
        yield piece;
      }
    },

    announced: (name: string | null, rows: number | null) => tell({ name, of: rows }),
    ended(outcome: Outcome | null): void {
      // safeguard: show-incomplete-as-incomplete
      tell(outcome === null ? { state: 'complete' } : { state: 'incomplete', ...outcome });
    },

    failed(error: unknown): void {
      const reason = error instanceof ReaderGone ? 'cancelled' : (reasonOf(error) ?? 'ours');
      // What Spotify has sent so far is lost with the file, but a part keeps it.
      const resume = told.rows > 0 && !part && reasonOf(error) !== null ? `${req.path}?part=yes` : null;
      tell({ state: 'stopped', until: untilOf(error), reason, resume });
    },
  };

  function tell(news: Partial<Progress>): void {
    // A HEAD request makes no file.
    if (req.method === 'HEAD') return;
    Object.assign(told, news);
    toldAt = performance.now();
    background.run('export progress', progress.keep(accountId, { ...told }));
  }
}
