import { randomUUID } from 'node:crypto';
import * as v from '@badrap/valita';
import { type Request, type Response, Router } from 'express';
import type { ExportJob } from '../../access/export-job-records.ts';
import { ChunkMissing, type ExportJobs, maxJobCharacters } from '../../access/export-jobs.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { playlistsPerPage } from '../../spotify/limits.ts';
import { isId } from '../../spotify/uri.ts';
import { linkTo, NoSuchPage, Problem } from '../../web/errors.ts';
import { acceptFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { enforceLimit } from '../../web/rate-limits.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { beginning } from './cursor.ts';
import type { CallEstimate, ExportBudget } from './export-budget.ts';
import { fileOfJob, hasFile } from './job-file.ts';
import { linksFor } from './links.ts';
import { isLongList } from './lists.ts';
import { exportPage, formatIn } from './requests.ts';
import { attach, sendFile } from './send.ts';
import { type ExportWorker, isUnfinished } from './worker.ts';

type Overview = { name: string | null; rows: number | null; estimate: CallEstimate | null };

type Deps = {
  jobs: ExportJobs;
  worker: ExportWorker;
  exportBudget: ExportBudget;
  signedIn: SignedIn;
  forms: Forms;
  rateLimiters: RateLimiters;
  heartbeatMs: number;
  now: () => number;
  /** The name and size of an export. */
  overviewOf: (listener: SignedInListener, exportId: string) => Promise<Overview>;
};

/** The page of an export job: its progress, its buttons and its file. */
export function exportJobPages(deps: Deps): Router {
  const { jobs, worker, signedIn, forms, heartbeatMs, now } = deps;
  const router = Router();

  // No call to Spotify.
  const show = signedIn.pageWithLazyRefresh(async (req, res, { accountId }) => {
    const job = await jobs.get(accountId);
    if (!job && wantsJson(req)) throw new Problem(noJob);
    // Loading the page also detects a job whose process died.
    if (job && isUnfinished(job) && (job.until ?? 0) <= now()) worker.wake(accountId);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('export/job', jobView(job)),
      json: () => res.json(job && jobJson(job)),
    });
  });
  router.get(routes.exportJob(), htmlOrJson, show);

  // At most one call to Spotify, for the size.
  const start = signedIn.pageWithLazyRefresh(async (req, res, listener) => {
    await startJob(deps, req, listener);
    respond(req, res);
  });
  const anyway = v.literal('yes').optional();
  const fields = acceptFields({ export: v.string().optional(), anyway });
  router.post(routes.exportJob(), ...forms.read, fields, start);

  const commands: Record<string, (req: Request, listener: SignedInListener) => Promise<unknown>> = {
    async cancel(_req, { accountId }) {
      // safeguard: store-before-cancel
      await worker.storeOpenChunk(accountId);
      await jobs.change(accountId, (job) => (job && isUnfinished(job) ? { ...job, ...stoppedBy } : null));
    },
    async resume(req, { accountId }) {
      const change = { state: 'running', until: null, reason: null, failures: 0 } as const;
      await jobs.change(accountId, (job) => {
        if (!job || !canResume(job)) return null;
        return { ...job, ...change, ...confirmationIn(req, job), sessionId: req.session.id };
      });
      worker.wake(accountId);
    },
    delete: (_req, { accountId }) => jobs.remove(accountId),
  };
  const command = signedIn.pageWithLazyRefresh(async (req, res, listener) => {
    await commands[String(req.params.command)]?.(req, listener).catch(stopForLostRows(listener.accountId));
    respond(req, res);
  });
  router.param('command', (_req, _res, next, name) => {
    next(Object.hasOwn(commands, name) ? undefined : new NoSuchPage('No such command'));
  });
  router.post(routes.exportJobCommand(':command'), ...forms.read, acceptFields({ anyway }), command);

  // No call to Spotify.
  const file = signedIn.pageWithLazyRefresh(async (req, res, { accountId }) => {
    const format = formatIn(req, res);
    const job = await jobs.get(accountId);
    if (job?.reason === 'changed-during-export') throw new Problem(changedDuringExport);
    if (!job || !hasFile(job)) throw new Problem(noFile);
    const found = await fileOfJob(jobs, accountId, job, format).catch(stopForLostRows(accountId));
    if (!found) throw new Problem(noFile);
    if (req.method === 'HEAD') attach(res, found, true).end();
    // safeguard: chunk-lost-while-sent
    else if ((await sendFile(res, found, heartbeatMs).catch(stopForLostRows(accountId))) === null) {
      // It was lost after the file was counted. If the file has begun, its connection is cut.
      if (!res.headersSent) throw new Problem(noFile);
    }
  });
  router.get(routes.exportJobFile(':format'), refuseSpeculative, file);
  return router;

  /** Handles the error of a chunk that is lost: the page of the job says so, and what is left can't be fetched. Returns null. */
  function stopForLostRows(accountId: string) {
    return async (error: unknown) => {
      if (!(error instanceof ChunkMissing)) throw error;
      await jobs.stopForLostRows(accountId, error);
      return null;
    };
  }
}

/** Whether the listener has confirmed that a job may take more than a day's calls. */
function confirmationIn(req: Request, job: { isConfirmed: boolean }): { isConfirmed: boolean } {
  return { isConfirmed: job.isConfirmed || req.form.text('anyway') === 'yes' };
}

/** Whether there is such an export, and it takes more than one call. */
export function canBeJob(exportId: string): boolean {
  const [, list] = /^library\/(.+)$/.exec(exportId) ?? [];
  return list === undefined ? exportId === 'all' || isId(exportId) : isLongList(list);
}

function respond(req: Request, res: Response): void {
  if (wantsJson(req)) res.status(204).end();
  else res.redirect(303, routes.exportJob());
}

/**
 * Throws {@link NoSuchPage} for an export that can't exist, and {@link Problem} if another one is running, if too many are stored, or if it takes more
 * than a day's calls and the listener hasn't confirmed that.
 */
async function startJob(
  { jobs, worker, exportBudget, rateLimiters, now, overviewOf }: Deps,
  req: Request,
  listener: SignedInListener,
): Promise<void> {
  const { accountId } = listener;
  const exportId = req.form.text('export');
  if (!canBeJob(exportId)) throw new NoSuchPage('No such export');
  const former = await jobs.get(accountId);
  // safeguard: one-job-per-listener
  if (former && isUnfinished(former)) {
    // Pressed twice: its page shows the job.
    // safeguard: start-export-pressed-twice
    if (former.exportId === exportId && !wantsJson(req)) return;
    throw new Problem(stillRunning);
  }
  await enforceLimit(
    req.res as Response,
    exportId === 'all' ? rateLimiters.exportAll : rateLimiters.exportOne,
    accountId,
  );
  const { name, rows, estimate } = await overviewOf(listener, exportId);
  const { page, skip, from } = beginning;
  const { isConfirmed } = confirmationIn(req, { isConfirmed: false });
  // safeguard: ask-before-endless-job
  if (estimate && !isConfirmed) await exportBudget.refuseAboveDay(estimate, exportPage(exportId));
  // Counted only now, so that a refused export doesn't use up the limit that everyone shares.
  await enforceLimit(req.res as Response, rateLimiters.exports, 'everyone');
  const outcome = await jobs.start(accountId, {
    id: randomUUID(),
    exportId,
    name,
    sessionId: req.session.id,
    startedAt: now(),
    state: 'running',
    until: null,
    reason: null,
    missing: 0,
    isConfirmed,
    calls: estimate && estimate.entries + estimate.lists,
    rows: 0,
    totalRows: rows,
    playlists: null,
    absent: { sentAsNull: 0, notSent: 0 },
    cursor: { page, skip, from, before: null, snapshot: null },
    chunks: 0,
    characters: 0,
    failures: 0,
  });
  if (outcome === 'not-stored') throw new Problem(stillRunning);
  if (outcome === 'too-many')
    throw new Problem({ ...tooMany, actions: [{ label: 'Download it', href: exportPage(exportId) }] });
  worker.wake(accountId);
}

const stoppedBy = { state: 'canceled', until: null, reason: null } as const;

/** These jobs would only fail again. */
const finalReasons: readonly (string | null)[] = ['changed-during-export', 'too-large', 'rows-lost'];

function canResume({ state, reason }: ExportJob): boolean {
  return state === 'canceled' || (state === 'stopped' && !finalReasons.includes(reason));
}

/** Returns which part of a job has been read, from 0 to 1: of its rows, or of its playlists if only their number is known. Null if neither is. */
function shareOf({ state, rows, totalRows, playlists, cursor }: ExportJob): number | null {
  if (state === 'done') return 1;
  const [read, all] =
    totalRows === null ? [(cursor.page - 1) * playlistsPerPage + cursor.skip, playlists] : [rows, totalRows];
  return all === null || all === 0 ? null : Math.min(1, read / all);
}

function jobView(job: ExportJob | null) {
  return {
    job,
    canResume: job !== null && canResume(job),
    hasFile: job !== null && hasFile(job),
    isUnfinished: job !== null && isUnfinished(job),
    share: job && shareOf(job),
    page: job && exportPage(job.exportId),
    formats: job ? linksFor(job.exportId, {}).formats : [],
  };
}

function jobJson(job: ExportJob) {
  const { exportId, name, state, until, reason, missing, calls, rows, expiresAt } = job;
  const of = job.totalRows;
  return {
    id: exportId,
    name,
    state,
    until,
    reason,
    missing,
    calls,
    rows,
    of,
    share: shareOf(job),
    expiresAt,
  };
}

const noJob = {
  status: 404,
  reason: 'no-export',
  title: 'No export',
  text: 'Nothing is being exported, and there’s no finished file. POST to this address starts an export.',
  actions: [linkTo('Go to the export', routes.exportJob)],
};

const noFile = {
  status: 404,
  reason: 'no-finished-export',
  title: 'No finished export',
  text: 'Files are deleted an hour after they’re finished. Start the export again.',
  actions: [linkTo('Go to the export', routes.exportJob)],
};

const changedDuringExport = {
  ...noFile,
  title: 'No file of this export',
  text: 'The list was changed during the export, so the rows that were read may be wrong. Start the export again.',
};

const stillRunning = {
  status: 409,
  reason: 'export-running',
  title: 'Another export is still running',
  text: 'Cancel it first, or wait until it’s finished.',
  actions: [linkTo('Go to the export', routes.exportJob)],
};

const tooMany = {
  status: 503,
  reason: 'too-many-exports',
  title: 'Too many exports are stored',
  text: `This site stores ten exports at once, of up to ${maxJobCharacters / 1_000_000} MB each. You can still download yours directly.`,
};
