import { Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import { Refused } from '../../spotify/errors.ts';
import {
  entriesPerPage,
  furthestOffset,
  playlistsPerPage,
  scopes,
  type WebApi,
} from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/error-pages.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';
import { pageNumber, pagesOf } from './paging.ts';

type Needs = { webApi: WebApi; dialects: Dialects; signedIn: SignedIn };

/** The listener's playlists, and what is in each. */
export function playlistPages({ webApi, dialects, signedIn }: Needs): Router {
  const router = Router();

  // One call to Spotify.
  router.get('/playlists', htmlOrJson, signedIn.middleware, async (req, res) => {
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const { items, total } = await req.listener.ask(
      (token) => webApi.playlists(token, page),
      scopes.playlists,
    );
    const pages = pagesOf(total, playlistsPerPage, page);

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/playlists', { playlists: items, page, pages, total }),
      json: () => res.json({ playlists: items, page, pages, total }),
    });
  });

  // Two calls to Spotify; one where it does not tell what is in the playlist.
  router.get('/playlists/:id', htmlOrJson, signedIn.middleware, async (req, res) => {
    const id = String(req.params.id);
    if (!/^[A-Za-z\d]{1,64}$/.test(id)) throw new NoSuchPage('Not the id of a playlist');
    const page = pageNumber(req.query.page, furthestOffset / entriesPerPage + 1);

    const playlist = await req.listener.ask((token) => webApi.playlist(token, id), scopes.playlists);
    const { items, total } = playlist.readable ? await entries() : { items: null, total: 0 };
    const pages = pagesOf(total, entriesPerPage, page);

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('playlists/playlist', { playlist, entries: items, page, pages, total, entriesPerPage }),
      json: () => res.json({ playlist, entries: items, page, pages, total }),
    });

    /** Null for the entries of somebody else's playlist: Spotify tells new apps only what stands on its card. */
    async function entries() {
      try {
        return await req.listener.ask((token) =>
          dialects.speak((dialect) => webApi.playlistEntries(token, id, page, dialect)),
        );
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return { items: null, total: 0 };
      }
    }
  });

  return router;
}
