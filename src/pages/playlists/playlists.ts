import { type Request, type Response, Router } from 'express';
import type { RecentPlaylists } from '../../access/recent-playlists.ts';
import { routes } from '../../routes.ts';
import { maxOffset, playlistsPerPage } from '../../spotify/limits.ts';
import { canPlay } from '../../web/can-play.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import type { Forms } from '../../web/forms.ts';
import { noticeIn } from '../../web/notices.ts';
import { minTotalOf, pageNumber, pagesOf } from '../../web/paging.ts';
import type { ListenerPage, SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId } from '../../web/spotify-params.ts';
import type { Undo } from '../../web/undo.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { addPages } from './add.ts';
import { type Arrangement, arrangedPerPage, arrangedPlaylists, arrangementIn } from './arrange.ts';
import { coverPages } from './cover.ts';
import { playlistFormPages } from './forms.ts';
import { orderPages } from './order.ts';
import { createPlaylistPage } from './playlist.ts';
import { removalPages } from './remove.ts';
import { createUndoAddition } from './undo-addition.ts';
import { createUndoRemoval } from './undo-removal.ts';

type Deps = {
  signedIn: SignedIn;
  forms: Forms;
  undo: Undo;
  recentPlaylists: RecentPlaylists;
  coverColors: CoverColors;
  now: () => number;
  baseUrl: string;
};

/** The listener's playlists, the contents of each, and changes to them. */
export function playlistPages(deps: Deps): Router {
  const { signedIn, forms, undo, recentPlaylists, coverColors, baseUrl, now } = deps;
  const router = Router();
  router.param('id', checkSpotifyId);

  const undoRemoval = createUndoRemoval({ undo });
  const undoAddition = createUndoAddition({ undo });
  router.use(undoRemoval.router, undoAddition.router);
  router.use(addPages({ signedIn, forms, recentPlaylists, undoAddition, baseUrl, now }));
  router.use(removalPages({ signedIn, forms, undoRemoval }));
  router.use(orderPages({ signedIn, forms }));
  router.use(coverPages({ signedIn, forms }));
  const { showPlaylist, showFailedEdit } = createPlaylistPage({ coverColors });
  router.use(playlistFormPages({ signedIn, forms, recentPlaylists, undoAddition, showFailedEdit, now }));
  router.get(routes.playlists(), htmlOrJson, signedIn.page(showPlaylists(coverColors)));
  router.get(routes.newPlaylist(), htmlOrJson, signedIn.page(showNewPlaylist));
  router.get(routes.playlist(':id'), htmlOrJson, signedIn.page(showPlaylist));
  return router;
}

/** One call to Spotify, or, to filter and sort, one for each fifty playlists. The page takes its color from the first cover. */
function showPlaylists(coverColors: CoverColors): ListenerPage {
  return async (req, res, listener) => {
    if (noticeIn(req) !== null) listener.invalidateHere('playlists');
    const arrangement = arrangementIn(req);
    const perPage = arrangement ? arrangedPerPage : playlistsPerPage;
    const page = pageNumber(req.query.page, Math.ceil(maxOffset / perPage) + 1);
    const { items, total, pages } = arrangement
      ? await arrangedOn(page, listener, arrangement)
      : await playlistsOn(page, listener);

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('playlists/playlists', {
          playlists: items,
          color: coverColors.ofFirst(items),
          ownId: listener.id,
          page,
          pages,
          total,
          arrangement: arrangement ?? { q: '', sort: 'spotify', yours: false },
          isArranged: arrangement !== null,
          perPage,
          canPlay: canPlay(listener),
        }),
      json: () => res.json({ playlists: items, page, pages, total }),
    });
  };
}

function showNewPlaylist(_req: Request, res: Response, listener: SignedInListener): void {
  const canEdit = listener.hasScopesFor('createPlaylist');
  res
    .set('Cache-Control', 'private, no-store')
    .render('playlists/new', { canEdit, details: null, problem: null, uris: [] });
}

async function playlistsOn(page: number, { spotify }: SignedInListener) {
  const playlists = await spotify.playlists(page);
  const total = minTotalOf(playlists, (page - 1) * playlistsPerPage, playlistsPerPage);
  return { ...playlists, pages: pagesOf(total, playlistsPerPage, page) };
}

async function arrangedOn(page: number, listener: SignedInListener, arrangement: Arrangement) {
  const { playlists, total } = await arrangedPlaylists(listener, arrangement, page);
  return { items: playlists, total, pages: pagesOf(total, arrangedPerPage, page) };
}
