import { Router } from 'express';
import { furthestPlaylist, playlistsPerPage, scopes, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import type { SignedIn } from '../../web/signed-in.ts';

type Needs = { webApi: WebApi; signedIn: SignedIn };

const lastPage = furthestPlaylist / playlistsPerPage + 1;

/** The listener's playlists, fifty a page. One call to Spotify. */
export function playlistPages({ webApi, signedIn }: Needs): Router {
  const router = Router();

  router.get('/playlists', signedIn.middleware, async (req, res) => {
    const page = pageNumber(req.query.page);
    const { items, total } = await req.listener.ask(
      (token) => webApi.playlists(token, page),
      scopes.playlists,
    );
    // Counted by what Spotify announces: entries that come as null shorten a page, but move no other.
    const pages = Math.max(1, Math.ceil(total / playlistsPerPage));
    if (page > pages) throw new NoSuchPage(`Page ${page} of ${pages}`);

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/playlists', { playlists: items, page, pages, total }),
      json: () => res.json({ playlists: items, page, pages, total }),
    });
  });

  return router;
}

function pageNumber(asked: unknown): number {
  if (asked === undefined) return 1;
  const page = typeof asked === 'string' && /^[1-9]\d{0,5}$/.test(asked) ? Number(asked) : null;
  if (page === null || page > lastPage) throw new NoSuchPage('Not the number of a page');
  return page;
}
