import type { Request, Response } from 'express';
import { Cooldown } from '../../access/errors.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { wantsJson } from '../../web/wants-json.ts';
import type { Outcome } from './outcome.ts';
import { createExportRun, type ExportDeps, type ExportRun, maxPauseMs } from './run.ts';
import { ClientGone, type ExportFile, sendFile } from './send.ts';

type Deps = ExportDeps & {
  /** The longest silence on a connection, in milliseconds. */
  heartbeatMs: number;
};

export type OpenFile = ExportFile & {
  /** Everything the file lacks, known once it has been sent; null if it is complete. */
  outcome: () => Outcome | null;
};

/**
 * Sends the file that `open` creates for an export; `exportId` is a playlist's id, `all`, or a list of the library. Throws the error that ended the export; if the file
 * hasn't begun, that becomes an error page. `cleanup` runs when the export has ended.
 */
export async function sendExport(
  deps: Deps,
  { req, res, listener }: { req: Request; res: Response; listener: SignedInListener },
  exportId: string,
  open: (run: ExportRun, cleanup: AsyncDisposableStack) => Promise<OpenFile>,
): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const run = createExportRun(deps, { req, res, listener }, exportId);
  try {
    const file = await open(run, cleanup);
    await sendFile(res, { ...file, content: run.measure(file.content) }, deps.heartbeatMs);
    run.finish(file.outcome());
  } catch (error) {
    run.fail(error);
    if (error instanceof ClientGone) return;
    const waitMs = error instanceof Cooldown ? error.until - deps.now() : Number.POSITIVE_INFINITY;
    if (!(error instanceof Cooldown) || waitMs > maxPauseMs || res.headersSent || wantsJson(req)) throw error;
    const startSeconds = Math.max(1, Math.ceil(waitMs / 1000));
    res
      .status(503)
      .set({ 'Cache-Control': 'no-store', 'Retry-After': String(startSeconds) })
      .vary('Accept');
    // This page starts the download when the pause is over.
    res.render('export/paused', { until: error.until, startSeconds, file: req.originalUrl, exportId });
  }
}
