import { type Request, type Response, Router } from 'express';
import type { RateLimiter, RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { scopes } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { rowsAtOnce } from '../../web/limits.ts';
import { spotifyId } from '../../web/named.ts';
import { chargeEveryone, chargeListener } from '../../web/rate-limits.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { callsFor, sizeOfAll } from './about.ts';
import { askBeforeFile, pageMs } from './ask.ts';
import { createFiles, formatIn } from './files.ts';

type Deps = Parameters<typeof createFiles>[0] & {
  signedIn: SignedIn;
  rateLimiters: RateLimiters;
  baseUrl: string;
};

/** The size of an export, as its page shows it: rows, and about how many calls; null if unknown. */
type About = { name: string | null; rows: number | null; calls: number | null };

/** Playlists as files, and a page for each that shows the progress of its export. */
export function exportPages(deps: Deps): Router {
  const { webApi, signedIn, progress, rateLimiters } = deps;
  const router = Router();
  const files = createFiles(deps);
  const ask = askBeforeFile(deps);
  const guarded = (limiter: RateLimiter) => [
    // safeguard: no-speculative-exports
    refuseSpeculative,
    signedIn.middleware,
    // safeguard: confirm-cross-site-exports
    ask,
    // safeguard: listener-limit-first
    // safeguard: export-limit-per-listener
    chargeListener(limiter),
    // safeguard: export-limit-overall
    chargeEveryone(rateLimiters.exports),
  ];
  router.param('id', spotifyId);
  // Checked before the sign-in, like ids.
  router.param('format', (req, _res, next) => {
    formatIn(req);
    next();
  });

  // No call to Spotify: the page requests this every few seconds while an export runs.
  router.get(routes.exportProgress(), htmlOrJson, signedIn.renewingLater, async (req, res) => {
    const latest = await progress.of(req.listener.accountId);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('export/state', { latest }),
      json: () => res.json(latest),
    });
  });

  // One call to Spotify, none within five minutes, nor while the export is running.
  router.get(routes.exportAll(), htmlOrJson, signedIn.renewingLater, async (req, res) => {
    await showPage(req, res, 'all', async () => {
      const first = await req.listener.askCached(
        'playlists 1',
        pageMs,
        (token) => webApi.playlists(token, 1),
        scopes.playlists,
      );
      return { name: null, ...sizeOfAll(first) };
    });
  });

  // One call to Spotify, none within five minutes, nor while the export is running.
  router.get(routes.exportOne(':id'), htmlOrJson, signedIn.renewingLater, async (req, res) => {
    const id = String(req.params.id);
    await showPage(req, res, id, async () => {
      const { name, count, readable } = await req.listener.askCached(
        `playlist ${id} card`,
        pageMs,
        (token) => webApi.playlist(token, id),
        scopes.playlists,
      );
      if (!readable) throw new NoSuchPage('Spotify does not show the contents of this playlist');
      return { name, rows: count, calls: count === null ? null : callsFor(count) };
    });
  });

  // One call to Spotify for each 50 playlists, and one for each 50 items in them.
  router.get(routes.exportAllFile(':format'), ...guarded(rateLimiters.exportAll), files.all);

  // One call to Spotify for the playlist itself, and one for each 50 items.
  router.get(routes.exportOneFile(':id', ':format'), ...guarded(rateLimiters.exportOne), files.one);

  return router;

  async function showPage(req: Request, res: Response, id: string, ask: () => Promise<About>): Promise<void> {
    const latest = await progress.of(req.listener.accountId);
    const current = latest?.what === id ? latest : null;
    const isRunning = current?.state === 'running' || current?.state === 'paused';
    // People look at this page during a pause, when Spotify must not be called.
    // safeguard: progress-without-spotify
    const about = isRunning ? { name: current.name, rows: current.of, calls: null } : await ask();
    const isShort = about.rows !== null && about.rows <= rowsAtOnce;
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('export/export', { id, ...about, isShort, isRunning, latest: current, rowsAtOnce }),
      json: () => res.json({ id, ...about, progress: current }),
    });
  }
}
