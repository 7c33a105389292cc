import { type Request, type Response, Router } from 'express';
import type { ApiVersions } from '../../access/api-version.ts';
import { routes } from '../../routes.ts';
import { BadRequest, Refused } from '../../spotify/errors.ts';
import {
  entriesPerPage,
  furthestOffset,
  type PlaylistDetails,
  playlistsPerPage,
  scopes,
  type WebApi,
} from '../../spotify/web-api.ts';
import { type ErrorPage, Problem } from '../../web/errors.ts';
import { type Forms, saying, sentence } from '../../web/forms.ts';
import { rowsAtOnce } from '../../web/limits.ts';
import { namedEntry, namedUri, spotifyId } from '../../web/named.ts';
import { atLeast, lastPage, pageNumber, pagesOf } from '../../web/paging.ts';
import { createRelinking } from '../../web/relinking.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { notTaken, readDetails } from './details.ts';
import { changedMeanwhile, noSnapshot, noUri, saidHere } from './messages.ts';

type Deps = { webApi: WebApi; apiVersions: ApiVersions; signedIn: SignedIn; forms: Forms; market: string };

const momentMs = 1_000;
/** Long enough to page through a playlist; what is in it is kept by its snapshot, which changes with it. */
const pagingMs = 5 * 60_000;

/** The listener's playlists, what is in each, and changing them. */
export function playlistPages({ webApi, apiVersions, signedIn, forms, market }: Deps): Router {
  const router = Router();
  const relinking = createRelinking({ apiVersions, market });
  router.param('id', spotifyId);

  // One call to Spotify.
  router.get(routes.playlists(), htmlOrJson, signedIn.middleware, async (req, res) => {
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const { items, total, pages } = await playlistsOf(req, page);

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/playlists', { playlists: items, page, pages, total }),
      json: () => res.json({ playlists: items, page, pages, total }),
    });
  });

  // Two calls to Spotify: what is to be added, and the playlists it can be added to.
  router.get(routes.addToPlaylist(), htmlOrJson, signedIn.middleware, async (req, res) => {
    const uri = namedUri(req.query.uri, noUri);
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const item = await req.listener.askCached(`item ${uri}`, pagingMs, (token) => webApi.item(token, uri));
    const { items, total, pages } = await playlistsOf(req, page);
    const own = items.filter(
      ({ id, ownerId, collaborative }) => id !== null && (ownerId === req.listener.id || collaborative),
    );
    const mayEdit = req.listener.may(scopes.editPlaylists);

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('playlists/add', {
          uri,
          item,
          playlists: own,
          page,
          pages,
          total,
          mayEdit,
          editScopes: scopes.editPlaylists,
        }),
      json: () => res.json({ uri, item, playlists: own, page, pages }),
    });
  });

  router.get(routes.newPlaylist(), htmlOrJson, signedIn.middleware, (req, res) => {
    const mayEdit = req.listener.may(scopes.editPlaylists);
    res
      .set('Cache-Control', 'private, no-store')
      .render('playlists/new', { mayEdit, editScopes: scopes.editPlaylists, details: null, problem: null });
  });

  // One call to Spotify.
  router.post(routes.playlists(), ...forms.read, signedIn.middleware, async (req, res) => {
    const { details, problem } = readDetails(req.body);
    if (problem) return showForm(problem);
    const outcome = await forms
      .once(req, async () => {
        const id = await req.listener.change(
          ['playlists'],
          (token) =>
            apiVersions.speak((apiVersion) =>
              webApi.createPlaylist(token, req.listener.id, details, apiVersion),
            ),
          scopes.editPlaylists,
        );
        return saying(routes.playlist(id), 'created');
      })
      .catch(whereRefused);
    if (outcome === null) return showForm(notTaken);
    const [path = ''] = outcome.split('?');
    if (wantsJson(req))
      res
        .status(201)
        .location(path)
        .json({ id: path.slice(routes.playlist('').length) });
    else res.redirect(303, outcome);

    /** The form again, as it was filled in. */
    function showForm(problem: ErrorPage): void {
      if (wantsJson(req)) throw new Problem(problem);
      res.status(problem.status).set('Cache-Control', 'private, no-store');
      const mayEdit = req.listener.may(scopes.editPlaylists);
      res.render('playlists/new', { mayEdit, editScopes: scopes.editPlaylists, details, problem });
    }
  });

  // Two calls to Spotify at first, then one a page; one where it does not tell what is in the playlist.
  router.get(routes.playlist(':id'), htmlOrJson, signedIn.middleware, async (req, res) => {
    const id = String(req.params.id);
    const page = pageNumber(req.query.page, furthestOffset / entriesPerPage + 1);
    if (req.query.said !== undefined) req.listener.forget([`playlist ${id}`]);
    await showPlaylist(req, res, id, page);
  });

  // One call to Spotify.
  router.post(routes.playlist(':id'), ...forms.read, signedIn.middleware, async (req, res) => {
    const id = String(req.params.id);
    const { details, problem } = readDetails(req.body);
    if (problem) return showForm(problem);
    const outcome = await forms
      .once(req, async () => {
        await req.listener.change(
          heldOf(id),
          (token) => webApi.changePlaylist(token, id, details),
          scopes.editPlaylists,
        );
        return saying(routes.playlist(id), 'changed');
      })
      .catch(whereRefused);
    if (outcome === null) return showForm(notTaken);
    changed(req, res, id, outcome);

    /** The playlist with the form open, as it was filled in. */
    async function showForm(problem: ErrorPage): Promise<void> {
      if (wantsJson(req)) throw new Problem(problem);
      res.status(problem.status);
      await showPlaylist(req, res, id, 1, { details, problem });
    }
  });

  // One call to Spotify.
  router.post(routes.playlistItems(':id'), ...forms.read, signedIn.middleware, async (req, res) => {
    const id = String(req.params.id);
    const uri = namedUri(forms.field(req, 'uri'), noUri);
    const outcome = await forms.once(req, async () => {
      await req.listener.change(
        heldOf(id),
        (token) => apiVersions.speak((apiVersion) => webApi.addToPlaylist(token, id, uri, apiVersion)),
        scopes.editPlaylists,
      );
      return saying(routes.playlist(id), 'added');
    });
    changed(req, res, id, outcome);
  });

  // One call to Spotify, and for most tracks one more to new apps: see createRelinking.
  router.post(routes.removeFromPlaylist(':id'), ...forms.read, signedIn.middleware, async (req, res) => {
    const id = String(req.params.id);
    const entry = namedEntry(req.body, noUri);
    const snapshotId = forms.field(req, 'snapshot');
    if (snapshotId === '' || snapshotId.length > 200) throw new Problem(noSnapshot);
    // Back to the page of the playlist that the button was on.
    const asked = String(res.locals.returnTo);
    const place = asked.split('?')[0] === routes.playlist(id) ? asked : routes.playlist(id);
    const outcome = await forms
      .once(req, async () => {
        const uri = await relinking.heldUri(entry, (stretch) =>
          req.listener.ask(
            (token) =>
              apiVersions.speak((apiVersion) => webApi.playlistEntries(token, id, stretch, apiVersion)),
            [...scopes.playlists, ...scopes.editPlaylists],
          ),
        );
        if (uri === null) return hasChanged();
        await req.listener.change(
          heldOf(id),
          (token) =>
            apiVersions.speak((apiVersion) =>
              webApi.removeFromPlaylist(token, id, { uri, snapshotId }, apiVersion),
            ),
          scopes.editPlaylists,
        );
        return saying(place, 'removed');
      })
      .catch((error: unknown) => {
        if (error instanceof BadRequest) return hasChanged();
        throw error;
      });
    changed(req, res, id, outcome);

    /** Leads back to the playlist as it is now. Throws {@link Problem} where a program asks. */
    async function hasChanged(): Promise<string> {
      await req.listener.invalidate(heldOf(id));
      if (wantsJson(req)) throw new Problem(changedMeanwhile);
      return saying(place, 'changed-meanwhile');
    }
  });

  return router;

  async function playlistsOf(req: Request, page: number) {
    const name = `playlists ${page}`;
    const lists = await req.listener.askCached(
      name,
      momentMs,
      (token) => webApi.playlists(token, page),
      scopes.playlists,
    );
    const known = atLeast(lists, (page - 1) * playlistsPerPage, playlistsPerPage);
    return { ...lists, pages: pagesOf(known, playlistsPerPage, page) };
  }

  /** Answers with a page of a playlist; `failed` is what was sent to change it where that could not be done. */
  async function showPlaylist(
    req: Request,
    res: Response,
    id: string,
    page: number,
    failed: { details: PlaylistDetails; problem: ErrorPage } | null = null,
  ): Promise<void> {
    // Who pages on looks at the playlist as it was on the first page.
    const playlist = await req.listener.askCached(
      `playlist ${id} card`,
      page === 1 ? momentMs : pagingMs,
      (token) => webApi.playlist(token, id),
      scopes.playlists,
    );
    const from = (page - 1) * entriesPerPage;
    const contents = playlist.readable ? await entries() : null;
    const { items, total } = contents ?? { items: null, total: 0 };
    const known = contents ? atLeast(contents, from, entriesPerPage) : 0;
    const said = sentence(saidHere, req.query.said);
    const last = lastPage(known, entriesPerPage);
    if (said && page > last) {
      // The only item of the last page was just removed.
      res.redirect(303, saying(routes.playlist(id, { page: last }), String(req.query.said)));
      return;
    }
    const pages = pagesOf(known, entriesPerPage, page);
    const isOwn = playlist.ownerId === req.listener.id;
    const isTheirs = isOwn || playlist.collaborative;

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('playlists/playlist', {
          playlist,
          entries: items,
          page,
          pages,
          total,
          entriesPerPage,
          exportsAtOnce: items !== null && total !== null && total > 0 && total <= rowsAtOnce,
          failed,
          said,
          mayEdit: items !== null && isTheirs && req.listener.may(scopes.editPlaylists),
          wouldBeEditable: items !== null && isTheirs,
          isOwn,
          editScopes: scopes.editPlaylists,
        }),
      json: () => res.json({ playlist, entries: items, page, pages, total }),
    });

    /** Null for the entries of somebody else's playlist: Spotify tells new apps only what stands on its card. */
    async function entries() {
      try {
        return await req.listener.askCached(
          `playlist ${id} ${playlist.snapshotId} ${page}`,
          pagingMs,
          (token) =>
            apiVersions.speak((apiVersion) =>
              webApi.playlistEntries(token, id, { from, market }, apiVersion),
            ),
          scopes.playlists,
        );
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return null;
      }
    }
  }

  /** The end of every change to a playlist. */
  function changed(req: Request, res: Response, id: string, outcome: string): void {
    if (wantsJson(req)) res.json({ id });
    else res.redirect(303, outcome);
  }
}

/** The names under which answers about a playlist are held: its card and its pages, and the lists it is in. */
function heldOf(id: string): string[] {
  return ['playlists', `playlist ${id}`];
}

/** Null for what Spotify could not do in this form. Throws everything else. */
function whereRefused(error: unknown): null {
  if (error instanceof BadRequest) return null;
  throw error;
}
