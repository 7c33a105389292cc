import { Router } from 'express';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Needs = { webApi: WebApi; signedIn: SignedIn };

/** What the listener is playing. One call to Spotify. */
export function nowPlayingPages({ webApi, signedIn }: Needs): Router {
  const router = Router();

  router.get('/now-playing', htmlOrJson, signedIn.middleware, async (req, res) => {
    const playback = await req.listener.ask(webApi.player, scopes.player);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('now-playing/now-playing', { playback }),
      json: () => res.json(playback),
    });
  });

  return router;
}
