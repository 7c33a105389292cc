import { type Request, type Response, Router } from 'express';
import type { RateLimiter, RateLimiters } from '../../access/rate-limiter.ts';
import { scopes } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
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

/** What the page of an export says it takes: how many rows, and about how many calls; null if that is not known. */
type About = { name: string | null; rows: number | null; calls: number | null };

/** Playlists as files, and a page for each that says how far its export is. */
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
  // Before the sign-in, as for ids.
  router.param('format', (req, _res, next) => {
    formatIn(req);
    next();
  });

  // No call to Spotify: asked for again and again while an export runs.
  router.get('/playlists/export/progress', htmlOrJson, signedIn.renewingLater, async (req, res) => {
    const latest = await progress.of(req.listener.accountId);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('export/state', { latest }),
      json: () => res.json(latest),
    });
  });

  // One call to Spotify, none within five minutes, nor while the export is running.
  router.get('/playlists/export', htmlOrJson, signedIn.renewingLater, async (req, res) => {
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
  router.get('/playlists/:id/export', htmlOrJson, signedIn.renewingLater, async (req, res) => {
    const id = String(req.params.id);
    await showPage(req, res, id, async () => {
      const { name, count, readable } = await req.listener.askCached(
        `playlist ${id} card`,
        pageMs,
        (token) => webApi.playlist(token, id),
        scopes.playlists,
      );
      if (!readable) throw new NoSuchPage('Spotify does not tell what is in it');
      return { name, rows: count, calls: count === null ? null : callsFor(count) };
    });
  });

  // One call to Spotify for each 50 playlists, and one for each 50 items in them.
  router.get('/playlists/export.:format', ...guarded(rateLimiters.exportAll), files.all);

  // One call to Spotify for the playlist itself, and one for each 50 items.
  router.get('/playlists/:id/export.:format', ...guarded(rateLimiters.exportOne), files.one);

  return router;

  async function showPage(req: Request, res: Response, id: string, ask: () => Promise<About>): Promise<void> {
    const latest = await progress.of(req.listener.accountId);
    const current = latest?.what === id ? latest : null;
    const isRunning = current?.state === 'running' || current?.state === 'paused';
    // It is there while Spotify wants to be left alone, which is when somebody looks.
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
