import { Router } from 'express';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { isCheckableUri } from '../../spotify/uri.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { readEntry } from '../../web/spotify-params.ts';
import { noCheckableUri } from './problems.ts';

type Deps = { signedIn: SignedIn; hub: Hub };

/**
 * Whether a track, episode, album or show is in the library. Its page requests this once it has loaded, unless the answer is known already. One call to
 * Spotify, none if it is known, and none while calls are scarce.
 */
export function savedStatePage({ signedIn, hub }: Deps): Router {
  const router = Router();
  const savedState = signedIn.page(async (req, res, { spotify }) => {
    const { uri } = readEntry(req.query, noCheckableUri, isCheckableUri);
    res.set('Cache-Control', 'private, no-store');
    const known = spotify.knownSaved(uri);
    // safeguard: library-state-is-dropped-first
    if (known === null && !(await hub.isRelaxed())) return void res.status(204).end();
    res.json({ uri, saved: known ?? (await spotify.isSaved(uri)) });
  });
  router.get(routes.savedState(), savedState);
  return router;
}
