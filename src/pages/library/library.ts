import { Router } from 'express';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { maxOffset, timeRanges, tracksPerPage } from '../../spotify/limits.ts';
import { canPlay } from '../../web/can-play.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import { NoSuchPage } from '../../web/errors.ts';
import type { Forms } from '../../web/forms.ts';
import { noticeIn } from '../../web/notices.ts';
import { pageNumber, pagesOrRedirect } from '../../web/paging.ts';
import type { ListenerPage, SignedIn } from '../../web/signed-in.ts';
import type { Undo } from '../../web/undo.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { libraryFormPages } from './forms.ts';
import { libraryListPages } from './lists.ts';
import { savedStatePage } from './saved-state.ts';
import { createUndoLibrary } from './undo-library.ts';
import { unfollowPages } from './unfollow.ts';

type Deps = { signedIn: SignedIn; forms: Forms; hub: Hub; undo: Undo; coverColors: CoverColors };

/** The listener's library, recently played tracks, and top tracks and artists. */
export function libraryPages({ signedIn, forms, hub, undo, coverColors }: Deps): Router {
  const router = Router();
  router.get(routes.library(), htmlOrJson, signedIn.page(showSaved(coverColors)));
  router.get(routes.recentlyPlayed(), htmlOrJson, signedIn.page(showRecentlyPlayed(coverColors)));
  router.get(routes.topItems(), htmlOrJson, signedIn.page(showTopItems(coverColors)));
  router.use(libraryListPages({ signedIn, coverColors }));
  router.use(savedStatePage({ signedIn, hub }));
  const undoLibrary = createUndoLibrary({ undo, hub });
  router.use(undoLibrary.router);
  router.use(libraryFormPages({ signedIn, forms, hub, undoLibrary }));
  router.use(unfollowPages({ signedIn }));
  return router;
}

/** One call to Spotify. The page takes its color from the first cover. */
function showSaved(coverColors: CoverColors): ListenerPage {
  return async (req, res, listener) => {
    const page = pageNumber(req.query.page, maxOffset / tracksPerPage + 1);
    // safeguard: refetch-library-after-change
    if (noticeIn(req) !== null) listener.invalidateHere('library');
    const tracks = await listener.spotify.savedTracks(page);
    const { items: saved, total } = tracks;
    const at = (page: number) => routes.library({ page });
    const pages = pagesOrRedirect(req, res, tracks, { page, perPage: tracksPerPage, at });
    if (pages === null) return;
    const canEdit = listener.hasScopesFor('removeFromLibrary');

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/saved', {
          saved,
          color: coverColors.ofFirst(saved.map(({ item }) => item)),
          page,
          pages,
          total,
          tracksPerPage,
          canEdit,
          canPlay: canPlay(listener),
        }),
      json: () => res.json({ tracks: saved, page, pages, total }),
    });
  };
}

/** One call to Spotify. The page takes its color from the first cover. */
function showRecentlyPlayed(coverColors: CoverColors): ListenerPage {
  return async (_req, res, listener) => {
    const played = await listener.spotify.recentlyPlayed();
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/recent', {
          played,
          color: coverColors.ofFirst(played.map(({ item }) => item)),
          canPlay: canPlay(listener),
          canSave: listener.hasScopesFor('saveToLibrary'),
        }),
      json: () => res.json({ tracks: played }),
    });
  };
}

/** One call to Spotify. The page takes its color from the first cover, and says what is new if a longer time range is cached. */
function showTopItems(coverColors: CoverColors): ListenerPage {
  return async (req, res, listener) => {
    const { spotify } = listener;
    const { of = 'tracks', range: rangeName = 'medium_term' } = req.query;
    if (of !== 'tracks' && of !== 'artists') throw new NoSuchPage('No such list');
    const range = timeRanges.find((one) => one === rangeName);
    if (!range) throw new NoSuchPage('No such time range');

    const [artists, tracks] =
      of === 'artists' ? [await spotify.topArtists(range)] : [undefined, await spotify.topTracks(range)];
    const longer = timeRanges[timeRanges.indexOf(range) + 1];
    const before = longer ? spotify.cachedTop(of, longer) : null;
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/top', {
          of,
          range,
          longer,
          before: before && new Set(before.map(({ uri }) => uri)),
          artists,
          tracks,
          color: coverColors.ofFirst(artists ?? tracks ?? []),
          canPlay: canPlay(listener),
          canSave: listener.hasScopesFor('saveToLibrary'),
        }),
      json: () => res.json({ range, artists, tracks }),
    });
  };
}
