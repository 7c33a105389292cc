import { type Request, type Response, Router } from 'express';
import { routes } from '../../routes.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId } from '../../web/spotify-params.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Deps = { signedIn: SignedIn };

/** Asks before a playlist leaves the listener's library. Its form is one of those that remove things from the library. */
export function unfollowPages({ signedIn }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  router.get(routes.unfollowPlaylist(':id'), htmlOrJson, signedIn.page(askFirst));
  return router;
}

/** At most one call to Spotify. */
async function askFirst(req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const playlist = await listener.spotify.cachedPlaylist(String(req.params.id));
  // safeguard: own-playlist-is-deleted
  const isOwn = playlist.ownerId === listener.id;
  const uri = `spotify:playlist:${playlist.id}`;
  const canFollow = listener.hasScopesFor('unfollowPlaylist');
  res.set('Cache-Control', 'private, no-store').format({
    html: () => res.render('library/unfollow', { playlist, isOwn, uri, canFollow }),
    json: () => res.json({ playlist, isOwn, uri }),
  });
}
