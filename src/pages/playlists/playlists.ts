import { type Request, type Response, Router } from 'express';
import { routes } from '../../routes.ts';
import { maxOffset, playlistsPerPage } from '../../spotify/limits.ts';
import { canPlay } from '../../web/can-play.ts';
import type { Forms } from '../../web/forms.ts';
import { minTotalOf, pageNumber, pagesOf } from '../../web/paging.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId, readUri } from '../../web/spotify-params.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { playlistFormPages } from './forms.ts';
import { showPlaylist } from './playlist.ts';
import { noUri } from './problems.ts';

type Deps = { signedIn: SignedIn; forms: Forms };

/** The listener's playlists, the contents of each, and changes to them. */
export function playlistPages({ signedIn, forms }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);

  router.get(routes.playlists(), htmlOrJson, signedIn.page(showPlaylists));
  router.get(routes.addToPlaylist(), htmlOrJson, signedIn.page(showAddToPlaylist));
  router.get(routes.newPlaylist(), htmlOrJson, signedIn.page(showNewPlaylist));
  router.get(routes.playlist(':id'), htmlOrJson, signedIn.page(showPlaylist));
  router.use(playlistFormPages({ signedIn, forms }));
  return router;
}

/** One call to Spotify. */
async function showPlaylists(req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const page = pageOfPlaylists(req);
  const { items, total, pages } = await playlistsOn(page, listener);

  res.set('Cache-Control', 'private, no-store').format({
    html: () =>
      res.render('playlists/playlists', {
        playlists: items,
        page,
        pages,
        total,
        canPlay: canPlay(listener),
      }),
    json: () => res.json({ playlists: items, page, pages, total }),
  });
}

/** Two calls to Spotify: the item to add, and the playlists it can be added to. */
async function showAddToPlaylist(req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const uri = readUri(req.query.uri, noUri);
  const page = pageOfPlaylists(req);
  const item = await listener.spotify.item(uri);
  const { items, total, pages } = await playlistsOn(page, listener);
  const playlists = items.filter(
    ({ id, ownerId, collaborative }) => id !== null && (ownerId === listener.id || collaborative),
  );
  const canEdit = listener.hasScopesFor('addToPlaylist');

  res.set('Cache-Control', 'private, no-store').format({
    html: () => res.render('playlists/add', { uri, item, playlists, page, pages, total, canEdit }),
    json: () => res.json({ uri, item, playlists, page, pages }),
  });
}

function showNewPlaylist(_req: Request, res: Response, listener: SignedInListener): void {
  const canEdit = listener.hasScopesFor('createPlaylist');
  res
    .set('Cache-Control', 'private, no-store')
    .render('playlists/new', { canEdit, details: null, problem: null });
}

function pageOfPlaylists(req: Request): number {
  return pageNumber(req.query.page, maxOffset / playlistsPerPage + 1);
}

async function playlistsOn(page: number, { spotify }: SignedInListener) {
  const playlists = await spotify.playlists(page);
  const total = minTotalOf(playlists, (page - 1) * playlistsPerPage, playlistsPerPage);
  return { ...playlists, pages: pagesOf(total, playlistsPerPage, page) };
}
