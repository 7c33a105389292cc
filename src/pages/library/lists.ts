import { Router } from 'express';
import { routes } from '../../routes.ts';
import { maxOffset, savedPerPage } from '../../spotify/limits.ts';
import type { Image, Page } from '../../spotify/types.ts';
import { isId } from '../../spotify/uri.ts';
import { canPlay } from '../../web/can-play.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { noticeIn } from '../../web/notices.ts';
import { pageNumber, pagesOrRedirect } from '../../web/paging.ts';
import type { ListenerPage, SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Deps = { signedIn: SignedIn; coverColors: CoverColors };

/** A list of the library: its name in JSON and as a view, the URL of its pages, and the call that reads one. */
type List = {
  name: 'albums' | 'shows' | 'episodes';
  at: (query: { page?: number }) => string;
  load: (spotify: SignedInListener['spotify'], page: number) => Promise<Page<Entry>>;
};

/** A saved album, podcast or episode, in a property of that name. */
type Entry = { [type in 'album' | 'show' | 'item']?: { covers: readonly Image[] } };

const lists: readonly List[] = [
  { name: 'albums', at: routes.savedAlbums, load: (spotify, page) => spotify.savedAlbums(page) },
  { name: 'shows', at: routes.savedShows, load: (spotify, page) => spotify.savedShows(page) },
  { name: 'episodes', at: routes.savedEpisodes, load: (spotify, page) => spotify.savedEpisodes(page) },
];

/**
 * The listener's saved albums, shows and episodes, and the artists that they follow. One call to Spotify each. Each page takes its color from its
 * first cover.
 */
export function libraryListPages({ signedIn, coverColors }: Deps): Router {
  const router = Router();
  for (const list of lists) router.get(list.at({}), htmlOrJson, signedIn.page(showList(list, coverColors)));
  router.get(routes.followedArtists(), htmlOrJson, signedIn.page(showArtists(coverColors)));
  return router;
}

function showList({ name, at, load }: List, coverColors: CoverColors): ListenerPage {
  return async (req, res, listener) => {
    const page = pageNumber(req.query.page, maxOffset / savedPerPage + 1);
    if (noticeIn(req) !== null) listener.invalidateHere('library');
    const list = await load(listener.spotify, page);
    const shown = { page, perPage: savedPerPage, at: (page: number) => at({ page }) };
    const pages = pagesOrRedirect(req, res, list, shown);
    if (pages === null) return;
    const paging = { page, pages, total: list.total };
    const canEdit = listener.hasScopesFor('removeFromLibrary');
    const controls = { canEdit, canPlay: canPlay(listener), returnTo: at({ page }), savedPerPage, at };
    const color = coverColors.ofFirst(
      list.items.map(({ album, show, item }) => album ?? show ?? item ?? null),
    );
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render(`library/${name}`, { [name]: list.items, color, ...paging, ...controls }),
      json: () => res.json({ [name]: list.items, ...paging }),
    });
  };
}

/** Spotify pages this list by a cursor, the id of the last artist of a page, so there is a way on and one back to the start. */
function showArtists(coverColors: CoverColors): ListenerPage {
  return async (req, res, listener) => {
    const { after } = req.query;
    if (after !== undefined && !isId(after)) throw new NoSuchPage('Not the id of an artist');
    if (noticeIn(req) !== null) listener.invalidateHere('followed');
    const { items: artists, total, next } = await listener.spotify.followedArtists(after ?? null);
    const isOffered = await listener.spotify.canFollowArtists();
    const hasScope = listener.hasScopesFor('unfollowArtist');
    const controls = { canEdit: isOffered && hasScope, needsScope: isOffered && !hasScope };
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/artists', {
          artists,
          color: coverColors.ofFirst(artists),
          total,
          next,
          after,
          ...controls,
          canPlay: canPlay(listener),
        }),
      json: () => res.json({ artists, total, next }),
    });
  };
}
