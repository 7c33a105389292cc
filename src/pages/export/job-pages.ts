import { randomUUID } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import type { ExportJob } from '../../access/export-job-records.ts';
import { ChunkMissing, type ExportJobs, maxJobCharacters } from '../../access/export-jobs.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { isId } from '../../spotify/uri.ts';
import { NoSuchPage, Problem } from '../../web/errors.ts';
import type { Forms } from '../../web/forms.ts';
import { charge } from '../../web/rate-limits.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { factsOf, factsOfAll } from './facts.ts';
import { nameOf, nameOfAll } from './file-name.ts';
import { emptySummary, type Format } from './format.ts';
import { linksFor } from './links.ts';
import { beginning } from './place.ts';
import type { Price } from './price.ts';
import { replay } from './replay.ts';
import { exportPage, formatIn } from './requests.ts';
import { attach, type ExportFile, sendFile } from './send.ts';
import type { Manifest } from './source.ts';
import { type ExportWorker, isUnfinished } from './worker.ts';

type Overview = { name: string | null; rows: number | null; price: Price | null };

type Deps = {
  jobs: ExportJobs;
  worker: ExportWorker;
  signedIn: SignedIn;
  forms: Forms;
  rateLimiters: RateLimiters;
  heartbeatMs: number;
  now: () => number;
  /** The name and size of an export. */
  overviewOf: (listener: SignedInListener, exportId: string) => Promise<Overview>;
};

/** A finished file is collected for so long before it is sent, so that a short one has a length. */
const collectMs = 5_000;

/** The page of a long export that a server makes by itself: its progress, its buttons and its file. */
export function exportJobPages(deps: Deps): Router {
  const { jobs, worker, signedIn, forms, heartbeatMs, now } = deps;
  const router = Router();

  // No call to Spotify.
  const show = signedIn.pageWithLazyRefresh(async (_req, res, { accountId }) => {
    const job = await jobs.get(accountId);
    // A process that died is noticed by whoever looks.
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
  router.post(routes.exportJob(), ...forms.read, start);

  const commands: Record<string, (req: Request, listener: SignedInListener) => Promise<unknown>> = {
    async cancel(_req, { accountId }) {
      await jobs.change(accountId, (job) => (job && isUnfinished(job) ? { ...job, ...stoppedBy } : null));
    },
    async resume(req, { accountId }) {
      const change = { state: 'running', until: null, reason: null, failures: 0 } as const;
      await jobs.change(accountId, (job) =>
        job && canResume(job) ? { ...job, ...change, sessionId: req.session.id } : null,
      );
      worker.wake(accountId);
    },
    delete: (_req, { accountId }) => jobs.remove(accountId),
  };
  const command = signedIn.pageWithLazyRefresh(async (req, res, listener) => {
    const run = Object.hasOwn(commands, String(req.params.command)) && commands[String(req.params.command)];
    if (!run) throw new NoSuchPage('No such command');
    await run(req, listener);
    respond(req, res);
  });
  router.post(routes.exportJobCommand(':command'), ...forms.read, command);

  // No call to Spotify.
  const file = signedIn.pageWithLazyRefresh(async (req, res, { accountId }) => {
    const format = formatIn(req, res);
    const job = await jobs.get(accountId);
    if (job?.state !== 'done') throw new Problem(noFile);
    const found = await fileOf(jobs, accountId, job, format).catch((error: unknown) => {
      throw error instanceof ChunkMissing ? new Problem(noFile) : error;
    });
    if (req.method === 'HEAD') attach(res, found, true).end();
    else await sendFile(res, found, heartbeatMs);
  });
  router.get(routes.exportJobFile(':format'), refuseSpeculative, file);
  return router;
}

function respond(req: Request, res: Response): void {
  if (wantsJson(req)) res.status(204).end();
  else res.redirect(303, routes.exportJob());
}

/** Throws {@link NoSuchPage} for an export that can't exist, and {@link Problem} if another one is running, or too many are stored. */
async function startJob(
  { jobs, worker, rateLimiters, now, overviewOf }: Deps,
  req: Request,
  listener: SignedInListener,
): Promise<void> {
  const { accountId } = listener;
  const exportId = req.form.text('export');
  if (exportId !== 'all' && exportId !== 'library/tracks' && !isId(exportId))
    throw new NoSuchPage('No such export');
  const former = await jobs.get(accountId);
  // safeguard: one-job-per-listener
  if (former && isUnfinished(former)) throw new Problem(stillRunning);
  await charge(
    req.res as Response,
    exportId === 'all' ? rateLimiters.exportAll : rateLimiters.exportOne,
    accountId,
  );
  await charge(req.res as Response, rateLimiters.exports, 'everyone');
  const { name, rows, price } = await overviewOf(listener, exportId);
  const { page, skip, from } = beginning;
  const isStored = await jobs.start(accountId, {
    id: randomUUID(),
    exportId,
    name,
    sessionId: req.session.id,
    startedAt: now(),
    state: 'running',
    until: null,
    reason: null,
    missing: 0,
    isConfirmed: req.form.text('anyway') === 'yes',
    calls: price && price.entries + price.lists,
    rows: 0,
    totalRows: rows,
    playlists: null,
    absent: { sentAsNull: 0, notSent: 0 },
    place: { page, skip, from, before: null, snapshot: null },
    chunks: 0,
    characters: 0,
    failures: 0,
  });
  if (!isStored)
    throw new Problem({ ...tooMany, actions: [{ label: 'Download it', href: exportPage(exportId) }] });
  worker.wake(accountId);
}

const stoppedBy = { state: 'canceled', until: null, reason: null } as const;

/** A job whose list has changed, or that is too large, would only fail again. */
function canResume({ state, reason }: ExportJob): boolean {
  return (
    state === 'canceled' || (state === 'stopped' && reason !== 'changed-meanwhile' && reason !== 'too-large')
  );
}

function jobView(job: ExportJob | null) {
  return {
    job,
    canResume: job !== null && canResume(job),
    isUnfinished: job !== null && isUnfinished(job),
    page: job && exportPage(job.exportId),
    formats: job ? linksFor(job.exportId, {}).formats : [],
  };
}

function jobJson({
  exportId,
  name,
  state,
  until,
  reason,
  missing,
  calls,
  rows,
  totalRows,
  expiresAt,
}: ExportJob) {
  return { id: exportId, name, state, until, reason, missing, calls, rows, of: totalRows, expiresAt };
}

/** Reads a finished job once for its name and headers, and again for its contents, so that memory stays small. */
async function fileOf(
  jobs: ExportJobs,
  accountId: string,
  job: ExportJob,
  format: Format,
): Promise<ExportFile> {
  const isAll = job.exportId === 'all';
  if (isAll && !format.all) throw new NoSuchPage('This format holds one list');
  const counted = emptyCounts(job);
  let manifest: Manifest | null = null;
  for await (const source of replay(jobs.read(accountId, job), counted)) {
    for await (const _rows of source.pages);
    manifest = source.manifest;
  }
  counted.complete = counted.sentAsNull + counted.notSent + counted.incomplete === 0;
  const known = manifest;
  if (!known && !isAll) throw new Problem(noFile);
  const common = { extension: format.extension, type: format.type, collectMs };
  if (!isAll && known)
    return {
      ...common,
      name: () => nameOf(known, true),
      facts: () => factsOf(known, true),
      content: contentOfOne(),
    };
  return {
    ...common,
    name: () => nameOfAll(beginning, counted),
    facts: () => factsOfAll(counted, job.startedAt, true),
    content: format.all?.(replay(jobs.read(accountId, job), null), counted) ?? contentOfOne(),
  };

  async function* contentOfOne() {
    for await (const source of replay(jobs.read(accountId, job), null)) yield* format.one(source);
  }
}

function emptyCounts({ playlists, absent }: ExportJob) {
  return { ...emptySummary(playlists ?? 1), ...absent };
}

const noFile = {
  status: 404,
  reason: 'no-finished-export',
  title: 'No finished export',
  text: 'Files are deleted an hour after they’re finished. Start the export again.',
  actions: [{ label: 'Go to the export', href: routes.exportJob() }],
};

const stillRunning = {
  status: 409,
  reason: 'export-running',
  title: 'Another export is still running',
  text: 'Cancel it first, or wait until it’s finished.',
  actions: [{ label: 'Go to the export', href: routes.exportJob() }],
};

const tooMany = {
  status: 503,
  reason: 'too-many-exports',
  title: 'Too many exports are stored',
  text: `This site stores ten exports at once, of up to ${maxJobCharacters / 1_000_000} MB each. You can still download yours directly.`,
};
