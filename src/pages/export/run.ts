import type { Request, Response } from 'express';
import { GrantLost } from '../../access/errors.ts';
import type { ExportProgress, Progress } from '../../access/export-progress.ts';
import type { Grants } from '../../access/grants.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { rowsAtOnce } from '../../web/export-size.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import type { Piece } from './format.ts';
import type { Outcome } from './outcome.ts';
import { createReader } from './reader.ts';
import { exportPage } from './requests.ts';
import { ClientGone, maxCollectedBytes } from './send.ts';
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

/** The longest cooldown that an export waits out once it has read something. */
export const maxPauseMs = 60_000;
/** How often the progress of an export is stored. */
const reportEveryMs = 1_000;

export type ExportRun = ReturnType<typeof createExportRun>;

/**
 * The state of one export from its first call to its end: how it reads, how long it may take, and its progress, which the page that started it
 * shows.
 */
export function createExportRun(
  { grants, progress, background, now, firstByteMs }: ExportDeps,
  { req, res, listener }: { req: Request; res: Response; listener: SignedInListener },
  exportId: string,
) {
  const { accountId } = listener;
  const isPart = req.query.part === 'yes';
  const startedAt = performance.now();
  const clientGone = new AbortController();
  res.once('close', () => clientGone.abort(new ClientGone('The connection was closed')));
  const current: Progress = {
    startedAt: now(),
    exportId,
    name: null,
    state: 'running',
    rows: 0,
    totalRows: null,
    until: null,
    reason: null,
    resume: null,
    missing: 0,
  };
  let length = 0;
  let reportedAt = 0;

  report({});

  // safeguard: export-part-size
  const rowsLeft = () => (isPart ? rowsAtOnce - current.rows : Number.POSITIVE_INFINITY);
  const firstByteDueInMs = () => Math.max(0, startedAt + firstByteMs - performance.now());
  const run: Run = {
    page: exportPage(exportId),
    isPart,
    now,
    read: createReader({
      now,
      signal: clientGone.signal,
      // Nothing is sent until the first row, or all of a part, has been read, and proxies and browsers give up on a long silence.
      // safeguard: first-byte-deadline
      maxPauseMs: () => (isPart || current.rows === 0 ? firstByteDueInMs() : maxPauseMs),
      onPause: (until) => report({ state: 'paused', until }),
      async onResume() {
        report({ state: 'running', until: null });
        // safeguard: recheck-sign-in-after-pause
        const isSignedIn = (await grants.read(req.session.id)) !== null;
        if (!isSignedIn) throw new GrantLost('Signed out while an export was paused');
      },
    }),
    rowsLeft,
    isFull: () => isPart && (rowsLeft() <= 0 || length > maxCollectedBytes || firstByteDueInMs() === 0),
    allowsGaps: () => !res.hasHeader('Content-Disposition'),
    onRows(count) {
      current.rows += count;
      if (performance.now() - reportedAt > reportEveryMs) report({});
    },
  };

  return {
    ...run,
    /** Returns how long rows may be collected before the file begins, in milliseconds. `rows`: how many there are; null if unknown. */
    collectMs(rows: number | null): number {
      if (isPart) return Number.POSITIVE_INFINITY;
      // safeguard: collect-short-file-first
      // safeguard: start-slow-short-file
      return rows !== null && rows <= rowsAtOnce ? firstByteDueInMs() : 0;
    },

    /** Passes a file on and counts its length toward the limit of a part. */
    async *measure(content: AsyncIterable<Piece>): AsyncGenerator<Piece> {
      for await (const piece of content) {
        length += piece.length;
        yield piece;
      }
    },

    announce: (name: string | null, rows: number | null) => report({ name, totalRows: rows }),
    finish(outcome: Outcome | null): void {
      // safeguard: show-incomplete-as-incomplete
      report(outcome === null ? { state: 'complete' } : { state: 'incomplete', ...outcome });
    },

    fail(error: unknown): void {
      const reason = error instanceof ClientGone ? 'canceled' : (reasonOf(error) ?? 'internal-error');
      // Rows that Spotify has sent so far are lost with the file, but a part keeps them.
      const resume = current.rows > 0 && !isPart && reasonOf(error) !== null ? `${req.path}?part=yes` : null;
      report({ state: 'stopped', until: untilOf(error), reason, resume });
    },
  };

  function report(change: Partial<Progress>): void {
    Object.assign(current, change);
    reportedAt = performance.now();
    background.run('store export progress', progress.set(accountId, { ...current }));
  }
}
