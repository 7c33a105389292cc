import { type Request, type Response, Router } from 'express';
import { scopesFor } from '../../access/listener-calls.ts';
import { routes } from '../../routes.ts';
import { BadRequest, Refused } from '../../spotify/errors.ts';
import { entriesPerPage, furthestOffset, playlistsPerPage } from '../../spotify/limits.ts';
import type { PlaylistDetails } from '../../spotify/playlist-calls.ts';
import { type ErrorPage, Problem } from '../../web/errors.ts';
import { type Forms, saying, sentence } from '../../web/forms.ts';
import { rowsAtOnce } from '../../web/limits.ts';
import { namedEntry, namedUri, spotifyId } from '../../web/named.ts';
import { atLeast, lastPage, pageNumber, pagesOf } from '../../web/paging.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { notTaken, readDetails } from './details.ts';
import { changedMeanwhile, noSnapshot, noUri, saidHere } from './messages.ts';

type Deps = { signedIn: SignedIn; forms: Forms };

/** For the links that lead to the consent for changing playlists. */
const editScopes = scopesFor('createPlaylist');

/** The listener's playlists, what is in each, and changing them. */
export function playlistPages({ signedIn, forms }: Deps): Router {
  const router = Router();
  router.param('id', spotifyId);

  // One call to Spotify.
  const all = signedIn.page(async (req, res, listener) => {
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const { items, total, pages } = await playlistsOf(listener, page);

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/playlists', { playlists: items, page, pages, total }),
      json: () => res.json({ playlists: items, page, pages, total }),
    });
  });
  router.get(routes.playlists(), htmlOrJson, all);

  // Two calls to Spotify: what is to be added, and the playlists it can be added to.
  const add = signedIn.page(async (req, res, listener) => {
    const uri = namedUri(req.query.uri, noUri);
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const item = await listener.spotify.item(uri);
    const { items, total, pages } = await playlistsOf(listener, page);
    const own = items.filter(
      ({ id, ownerId, collaborative }) => id !== null && (ownerId === listener.id || collaborative),
    );
    const mayEdit = listener.hasScopesFor('createPlaylist');

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
          editScopes,
        }),
      json: () => res.json({ uri, item, playlists: own, page, pages }),
    });
  });
  router.get(routes.addToPlaylist(), htmlOrJson, add);

  const newPlaylist = signedIn.page((_req, res, listener) => {
    const mayEdit = listener.hasScopesFor('createPlaylist');
    res
      .set('Cache-Control', 'private, no-store')
      .render('playlists/new', { mayEdit, editScopes, details: null, problem: null });
  });
  router.get(routes.newPlaylist(), htmlOrJson, newPlaylist);

  // One call to Spotify.
  const create = signedIn.page(async (req, res, listener) => {
    const { details, problem } = readDetails(req.body);
    if (problem) return showForm(problem);
    const outcome = await forms
      .once(req, async () => {
        const id = await listener.spotify.createPlaylist(details);
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
      const mayEdit = listener.hasScopesFor('createPlaylist');
      res.render('playlists/new', { mayEdit, editScopes, details, problem });
    }
  });
  router.post(routes.playlists(), ...forms.read, create);

  // Two calls to Spotify at first, then one a page; one where it does not tell what is in the playlist.
  const one = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const page = pageNumber(req.query.page, furthestOffset / entriesPerPage + 1);
    if (req.query.said !== undefined) listener.invalidateHere('playlist', id);
    await showPlaylist(req, res, listener, id, page);
  });
  router.get(routes.playlist(':id'), htmlOrJson, one);

  // One call to Spotify.
  const change = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const { details, problem } = readDetails(req.body);
    if (problem) return showForm(problem);
    const outcome = await forms
      .once(req, async () => {
        await listener.spotify.changePlaylist(id, details);
        return saying(routes.playlist(id), 'changed');
      })
      .catch(whereRefused);
    if (outcome === null) return showForm(notTaken);
    changed(req, res, id, outcome);

    /** The playlist with the form open, as it was filled in. */
    async function showForm(problem: ErrorPage): Promise<void> {
      if (wantsJson(req)) throw new Problem(problem);
      res.status(problem.status);
      await showPlaylist(req, res, listener, id, 1, { details, problem });
    }
  });
  router.post(routes.playlist(':id'), ...forms.read, change);

  // One call to Spotify.
  const addItem = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const uri = namedUri(forms.field(req, 'uri'), noUri);
    const outcome = await forms.once(req, async () => {
      await listener.spotify.addToPlaylist(id, uri);
      return saying(routes.playlist(id), 'added');
    });
    changed(req, res, id, outcome);
  });
  router.post(routes.playlistItems(':id'), ...forms.read, addItem);

  // One call to Spotify, and for most tracks one more to new apps: see createRelinking.
  const remove = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const entry = namedEntry(req.body, noUri);
    const snapshotId = forms.field(req, 'snapshot');
    if (snapshotId === '' || snapshotId.length > 200) throw new Problem(noSnapshot);
    // Back to the page of the playlist that the button was on.
    const asked = String(res.locals.returnTo);
    const place = asked.split('?')[0] === routes.playlist(id) ? asked : routes.playlist(id);
    const outcome = await forms
      .once(req, async () => {
        const uri = await listener.spotify.originalInPlaylist(id, entry);
        if (uri === null) return hasChanged();
        await listener.spotify.removeFromPlaylist(id, { uri, snapshotId });
        return saying(place, 'removed');
      })
      .catch((error: unknown) => {
        if (error instanceof BadRequest) return hasChanged();
        throw error;
      });
    changed(req, res, id, outcome);

    /** Leads back to the playlist as it is now. Throws {@link Problem} where a program asks. */
    async function hasChanged(): Promise<string> {
      await listener.invalidate('playlist', id);
      if (wantsJson(req)) throw new Problem(changedMeanwhile);
      return saying(place, 'changed-meanwhile');
    }
  });
  router.post(routes.removeFromPlaylist(':id'), ...forms.read, remove);

  return router;

  async function playlistsOf({ spotify }: SignedInListener, page: number) {
    const lists = await spotify.playlists(page);
    const known = atLeast(lists, (page - 1) * playlistsPerPage, playlistsPerPage);
    return { ...lists, pages: pagesOf(known, playlistsPerPage, page) };
  }

  /** Answers with a page of a playlist; `failed` is what was sent to change it where that could not be done. */
  async function showPlaylist(
    req: Request,
    res: Response,
    listener: SignedInListener,
    id: string,
    page: number,
    failed: { details: PlaylistDetails; problem: ErrorPage } | null = null,
  ): Promise<void> {
    // Who pages on looks at the playlist as it was on the first page.
    const { spotify } = listener;
    const playlist = await (page === 1 ? spotify.playlist(id) : spotify.cachedPlaylist(id));
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
    const isOwn = playlist.ownerId === listener.id;
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
          mayEdit: items !== null && isTheirs && listener.hasScopesFor('removeFromPlaylist'),
          wouldBeEditable: items !== null && isTheirs,
          isOwn,
          editScopes,
        }),
      json: () => res.json({ playlist, entries: items, page, pages, total }),
    });

    /** Null for the entries of somebody else's playlist: Spotify tells new apps only what stands on its card. */
    async function entries() {
      try {
        return await spotify.playlistEntries(id, playlist.snapshotId, page);
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

/** Null for what Spotify could not do in this form. Throws everything else. */
function whereRefused(error: unknown): null {
  if (error instanceof BadRequest) return null;
  throw error;
}
