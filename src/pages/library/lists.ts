import { type Request, type Response, Router } from 'express';
import { routes } from '../../routes.ts';
import { maxOffset, savedPerPage } from '../../spotify/limits.ts';
import type { Page } from '../../spotify/types.ts';
import { isId } from '../../spotify/uri.ts';
import { canPlay } from '../../web/can-play.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { noticeIn } from '../../web/notices.ts';
import { pageNumber, pagesOrRedirect } from '../../web/paging.ts';
import type { ListenerPage, SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Deps = { signedIn: SignedIn };

/** A list of the library: its name in JSON and as a view, the URL of its pages, and the call that reads one. */
type List = {
  name: 'albums' | 'shows' | 'episodes';
  at: (query: { page?: number }) => string;
  load: (spotify: SignedInListener['spotify'], page: number) => Promise<Page<unknown>>;
};

const lists: readonly List[] = [
  { name: 'albums', at: routes.savedAlbums, load: (spotify, page) => spotify.savedAlbums(page) },
  { name: 'shows', at: routes.savedShows, load: (spotify, page) => spotify.savedShows(page) },
  { name: 'episodes', at: routes.savedEpisodes, load: (spotify, page) => spotify.savedEpisodes(page) },
];

/** The listener's saved albums, shows and episodes, and the artists that they follow. One call to Spotify each. */
export function libraryListPages({ signedIn }: Deps): Router {
  const router = Router();
  for (const list of lists) router.get(list.at({}), htmlOrJson, signedIn.page(showList(list)));
  router.get(routes.followedArtists(), htmlOrJson, signedIn.page(showArtists));
  return router;
}

function showList({ name, at, load }: List): ListenerPage {
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
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render(`library/${name}`, { [name]: list.items, ...paging, ...controls }),
      json: () => res.json({ [name]: list.items, ...paging }),
    });
  };
}

/** Spotify pages this list by a cursor, the id of the last artist of a page, so there is a way on and one back to the start. */
async function showArtists(req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const { after } = req.query;
  if (after !== undefined && !isId(after)) throw new NoSuchPage('Not the id of an artist');
  if (noticeIn(req) !== null) listener.invalidateHere('followed');
  const { items: artists, total, next } = await listener.spotify.followedArtists(after ?? null);
  const isOffered = await listener.spotify.canFollowArtists();
  const hasScope = listener.hasScopesFor('unfollowArtist');
  const controls = { canEdit: isOffered && hasScope, needsScope: isOffered && !hasScope };
  res.set('Cache-Control', 'private, no-store').format({
    html: () =>
      res.render('library/artists', { artists, total, next, after, ...controls, canPlay: canPlay(listener) }),
    json: () => res.json({ artists, total, next }),
  });
}
