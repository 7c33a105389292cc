import { type Response, Router } from 'express';
import type { ExportJobs } from '../../access/export-jobs.ts';
import type { Progress } from '../../access/export-progress.ts';
import type { RateLimiter, RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { callsForFile, rowsAtOnce } from '../../web/export-size.ts';
import type { Forms } from '../../web/forms.ts';
import { enforceLimit } from '../../web/rate-limits.ts';
import type { ListenerPage, SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { checkSpotifyId } from '../../web/spotify-params.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { createAskFirst } from './ask.ts';
import { type Deps as BudgetDeps, type CallEstimate, createExportBudget } from './export-budget.ts';
import { createFiles } from './files.ts';
import { hasFile } from './job-file.ts';
import { canBeJob, exportJobPages } from './job-pages.ts';
import { linksFor } from './links.ts';
import { hasRange, rangeIn, sizeOfList } from './lists.ts';
import { exportIdIn, formatIn, listIn } from './requests.ts';
import { sizeOfAll } from './size.ts';
import type { ExportWorker } from './worker.ts';

type Deps = Omit<Parameters<typeof createFiles>[0], 'exportBudget'> &
  BudgetDeps & {
    signedIn: SignedIn;
    rateLimiters: RateLimiters;
    baseUrl: string;
    forms: Forms;
    jobs: ExportJobs;
    worker: ExportWorker;
  };

/** The name and size of an export, as its page shows them: how many rows (with `isUpTo`, at most), and about how many calls. Null if unknown. */
type Overview = { name: string | null; rows: number | null; isUpTo?: boolean; estimate: CallEstimate | null };

/** Returns the name and size of an export; one call to Spotify, none for playlists within five minutes. Throws {@link NoSuchPage}. */
async function overviewOf(
  listener: SignedInListener,
  exportId: string,
  range = rangeIn(undefined),
): Promise<Overview> {
  const { spotify } = listener;
  if (exportId === 'all')
    return {
      name: null,
      ...sizeOfAll(await spotify.cachedPlaylists(1), spotify.countCachedPages),
    };
  const [, list] = /^library\/(.+)$/.exec(exportId) ?? [];
  if (list !== undefined) return sizeOfList(listener, { list, range });
  const playlist = await spotify.cachedPlaylist(exportId);
  const { name, count, readable } = playlist;
  if (!readable) throw new NoSuchPage('Spotify does not show the contents of this playlist');
  const entries = count === null ? null : callsForFile(count, spotify.countCachedPages(playlist));
  return { name, rows: count, estimate: entries === null ? null : { lists: 0, entries } };
}

/** Playlists and lists of the library as files, and a page for each that shows the progress of its export. */
export function exportPages(deps: Deps): Router {
  const { signedIn, progress, rateLimiters } = deps;
  const router = Router();
  const exportBudget = createExportBudget(deps);
  const files = createFiles({ ...deps, exportBudget });
  const askFirst = createAskFirst(deps);
  const file = (limiter: RateLimiter, serve: ListenerPage) => [
    // safeguard: no-speculative-exports
    refuseSpeculative,
    signedIn.page(async (req, res, listener) => {
      // safeguard: confirm-cross-site-exports
      if (await askFirst(req, res, listener)) return;
      // safeguard: listener-limit-first
      // safeguard: export-limit-per-listener
      await enforceLimit(res, limiter, listener.accountId);
      // safeguard: export-limit-overall
      await enforceLimit(res, rateLimiters.exports, 'everyone');
      await serve(req, res, listener);
    }),
  ];
  router.param('id', checkSpotifyId);
  // Checked before the sign-in, like ids.
  router.param('format', (req, res, next) => {
    formatIn(req, res);
    next();
  });
  router.param('list', (req, _res, next) => {
    listIn(req);
    next();
  });

  // No call to Spotify: the page requests this every few seconds while an export runs.
  const state = signedIn.pageWithLazyRefresh(async (_req, res, { accountId }) => {
    const latest = await progress.get(accountId);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('export/state', { latest }),
      json: () => res.json(latest && progressJson(latest)),
    });
  });
  router.get(routes.exportProgress(), htmlOrJson, state);

  // One call to Spotify, none for playlists within five minutes, nor while the export is running.
  const page = signedIn.pageWithLazyRefresh(async (req, res, listener) => {
    const same = hasRange(req.params.list) ? { range: rangeIn(req.query.range) } : {};
    const exportId = exportIdIn(req);
    await showPage(res, listener, exportId, () => overviewOf(listener, exportId, same.range), same);
  });
  router.get(routes.exportAll(), htmlOrJson, page);
  router.get(routes.exportOne(':id'), htmlOrJson, page);
  router.get(routes.exportSavedTracks(), htmlOrJson, page);
  router.get(routes.exportList(':list'), htmlOrJson, page);
  router.use(exportJobPages({ ...deps, exportBudget, overviewOf }));

  // One call to Spotify for each 50 rows, and one at the end.
  router.get(routes.exportSavedTracksFile(':format'), file(rateLimiters.exportOne, files.list));
  router.get(routes.exportListFile(':list', ':format'), file(rateLimiters.exportOne, files.list));

  // One call to Spotify for each 50 playlists, and one for each 50 items in them.
  router.get(routes.exportAllFile(':format'), file(rateLimiters.exportAll, files.all));

  // One call to Spotify for the playlist itself, and one for each 50 items.
  router.get(routes.exportOneFile(':id', ':format'), file(rateLimiters.exportOne, files.one));

  return router;

  async function showPage(
    res: Response,
    { accountId }: SignedInListener,
    id: string,
    load: () => Promise<Overview>,
    same: { range?: string } = {},
  ): Promise<void> {
    const [latest, job] = await Promise.all([
      progress.get(accountId),
      canBeJob(id) ? deps.jobs.get(accountId) : null,
    ]);
    const current = latest?.exportId === id ? latest : null;
    const isRunning = current?.state === 'running' || current?.state === 'paused';
    // People look at this page during a pause, when Spotify must not be called.
    // safeguard: progress-without-spotify
    const { estimate, ...overview } = isRunning
      ? { name: current.name, rows: current.totalRows, estimate: null }
      : await load();
    const isShort = overview.rows !== null && overview.rows <= rowsAtOnce;
    const calls = estimate && estimate.lists + estimate.entries;
    const fit = estimate && (await exportBudget.check(estimate));
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('export/export', {
          id,
          ...overview,
          links: linksFor(id, same),
          canBeJob: canBeJob(id),
          /** The job whose file is deleted when another one starts. */
          stored: job && hasFile(job) ? { exportId: job.exportId, name: job.name } : null,
          calls,
          fit,
          isShort,
          isRunning,
          latest: current,
          rowsAtOnce,
        }),
      json: () => res.json({ id, ...overview, calls, progress: current && progressJson(current) }),
    });
  }
}

/** The progress for programs, under the names that this JSON has always had. */
function progressJson({ exportId, totalRows, ...progress }: Progress) {
  return { what: exportId, of: totalRows, ...progress };
}
