import { type Response, Router } from 'express';
import type { RateLimiter, RateLimiters } from '../../access/rate-limiter.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import { rowsAtOnce } from '../../web/limits.ts';
import { spotifyId } from '../../web/named.ts';
import { charge } from '../../web/rate-limits.ts';
import { createQuestion } from '../../web/same-origin.ts';
import type { ListenerPage, SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { callsFor, sizeOfAll } from './about.ts';
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
  const { signedIn, progress, rateLimiters, baseUrl } = deps;
  const router = Router();
  const files = createFiles(deps);
  const askFirst = createQuestion({
    baseUrl,
    title: 'Download this file?',
    text: 'A link on another site led here. Making the file takes many calls to Spotify, so it starts when you say so.',
    button: 'Download',
  });
  const file = (limiter: RateLimiter, serve: ListenerPage) => [
    // safeguard: making-no-file-ahead
    refuseSpeculative,
    signedIn.page(async (req, res, listener) => {
      // safeguard: asking-before-file-made
      if (askFirst(req, res)) return;
      // safeguard: limit-listener-before-all
      // safeguard: limit-exports-listener
      await charge(res, limiter, listener.accountId);
      // safeguard: limit-all-exports-together
      await charge(res, rateLimiters.exports, 'everyone');
      await serve(req, res, listener);
    }),
  ];
  router.param('id', spotifyId);
  // Before the sign-in, as for ids.
  router.param('format', (req, _res, next) => {
    formatIn(req);
    next();
  });

  // No call to Spotify: asked for again and again while an export runs.
  const state = signedIn.pageWithLazyRefresh(async (_req, res, { accountId }) => {
    const latest = await progress.get(accountId);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('export/state', { latest }),
      json: () => res.json(latest),
    });
  });
  router.get('/playlists/export/progress', htmlOrJson, state);

  // One call to Spotify, none within five minutes, nor while the export is running.
  const all = signedIn.pageWithLazyRefresh(async (_req, res, listener) => {
    await showPage(res, listener, 'all', async () => {
      return { name: null, ...sizeOfAll(await listener.spotify.cachedPlaylists(1)) };
    });
  });
  router.get('/playlists/export', htmlOrJson, all);

  // One call to Spotify, none within five minutes, nor while the export is running.
  const one = signedIn.pageWithLazyRefresh(async (req, res, listener) => {
    const id = String(req.params.id);
    await showPage(res, listener, id, async () => {
      const { name, count, readable } = await listener.spotify.cachedPlaylist(id);
      if (!readable) throw new NoSuchPage('Spotify does not tell what is in it');
      return { name, rows: count, calls: count === null ? null : callsFor(count) };
    });
  });
  router.get('/playlists/:id/export', htmlOrJson, one);

  // One call to Spotify for each 50 playlists, and one for each 50 items in them.
  router.get('/playlists/export.:format', file(rateLimiters.exportAll, files.all));

  // One call to Spotify for the playlist itself, and one for each 50 items.
  router.get('/playlists/:id/export.:format', file(rateLimiters.exportOne, files.one));

  return router;

  async function showPage(
    res: Response,
    { accountId }: SignedInListener,
    id: string,
    ask: () => Promise<About>,
  ): Promise<void> {
    const latest = await progress.get(accountId);
    const current = latest?.what === id ? latest : null;
    const isRunning = current?.state === 'running' || current?.state === 'paused';
    // It is there while Spotify wants to be left alone, which is when somebody looks.
    // safeguard: telling-page-export-without-asking-spotify-while
    const about = isRunning ? { name: current.name, rows: current.of, calls: null } : await ask();
    const isShort = about.rows !== null && about.rows <= rowsAtOnce;
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('export/export', { id, ...about, isShort, isRunning, latest: current, rowsAtOnce }),
      json: () => res.json({ id, ...about, progress: current }),
    });
  }
}
