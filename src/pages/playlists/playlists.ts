import { type Request, type Response, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import { BadRequest, Refused } from '../../spotify/errors.ts';
import { isUri } from '../../spotify/uri.ts';
import {
  entriesPerPage,
  furthestOffset,
  type PlaylistDetails,
  playlistsPerPage,
  scopes,
  type WebApi,
} from '../../spotify/web-api.ts';
import { type ErrorPage, NoSuchPage, Problem } from '../../web/error-pages.ts';
import { type Forms, saying, sentence } from '../../web/forms.ts';
import { lastPage, pageNumber, pageOf, pagesOf } from '../../web/paging.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { notTaken, readDetails } from './details.ts';

type Needs = { webApi: WebApi; dialects: Dialects; signedIn: SignedIn; forms: Forms };

const momentMs = 1_000;
/** Long enough to page through a playlist; what is in it is kept by its snapshot, which changes with it. */
const pagingMs = 5 * 60_000;

/** The listener's playlists, what is in each, and changing them. */
export function playlistPages({ webApi, dialects, signedIn, forms }: Needs): Router {
  const router = Router();

  // One call to Spotify.
  router.get('/playlists', htmlOrJson, signedIn.middleware, async (req, res) => {
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const { items, total, pages } = await playlistsOf(req, page);

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/playlists', { playlists: items, page, pages, total }),
      json: () => res.json({ playlists: items, page, pages, total }),
    });
  });

  // Two calls to Spotify: what is to be added, and the playlists it can be added to.
  router.get('/playlists/add', htmlOrJson, signedIn.middleware, async (req, res) => {
    const { uri } = req.query;
    if (!isUri(uri)) throw new Problem(noUri);
    const page = pageNumber(req.query.page, furthestOffset / playlistsPerPage + 1);
    const item = await req.listener.askKept(`item ${uri}`, pagingMs, (token) => webApi.item(token, uri));
    const { items, total, pages } = await playlistsOf(req, page);
    const own = items.filter(({ ownerId, collaborative }) => ownerId === req.listener.id || collaborative);
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

  router.get('/playlists/new', htmlOrJson, signedIn.middleware, (req, res) => {
    const mayEdit = req.listener.may(scopes.editPlaylists);
    res
      .set('Cache-Control', 'private, no-store')
      .render('playlists/new', { mayEdit, editScopes: scopes.editPlaylists, details: null, problem: null });
  });

  // One call to Spotify.
  router.post('/playlists', ...forms.read, signedIn.middleware, async (req, res) => {
    const { details, problem } = readDetails(req.body);
    if (problem) return showForm(problem);
    const outcome = await forms
      .once(req, async () => {
        const id = await req.listener.change(
          ['playlists'],
          (token) =>
            dialects.speak((dialect) => webApi.createPlaylist(token, req.listener.id, details, dialect)),
          scopes.editPlaylists,
        );
        return saying(`/playlists/${id}`, 'created');
      })
      .catch(whereRefused);
    if (outcome === null) return showForm(notTaken);
    const [path = ''] = outcome.split('?');
    if (wantsJson(req))
      res
        .status(201)
        .location(path)
        .json({ id: path.slice('/playlists/'.length) });
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
  router.get('/playlists/:id', htmlOrJson, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const page = pageNumber(req.query.page, furthestOffset / entriesPerPage + 1);
    if (req.query.said !== undefined) req.listener.forget([`playlist ${id}`]);
    await showPlaylist(req, res, id, page);
  });

  // One call to Spotify.
  router.post('/playlists/:id', ...forms.read, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const { details, problem } = readDetails(req.body);
    if (problem) return showForm(problem);
    const outcome = await forms
      .once(req, async () => {
        await req.listener.change(
          heldOf(id),
          (token) => webApi.changePlaylist(token, id, details),
          scopes.editPlaylists,
        );
        return saying(`/playlists/${id}`, 'changed');
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
  router.post('/playlists/:id/items', ...forms.read, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const uri = forms.field(req, 'uri');
    if (!isUri(uri)) throw new Problem(noUri);
    const outcome = await forms.once(req, async () => {
      await req.listener.change(
        heldOf(id),
        (token) => dialects.speak((dialect) => webApi.addToPlaylist(token, id, uri, dialect)),
        scopes.editPlaylists,
      );
      return saying(`/playlists/${id}`, 'added');
    });
    changed(req, res, id, outcome);
  });

  // One call to Spotify.
  router.post('/playlists/:id/remove', ...forms.read, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const [uri, snapshotId] = [forms.field(req, 'uri'), forms.field(req, 'snapshot')];
    if (!isUri(uri)) throw new Problem(noUri);
    if (snapshotId === '' || snapshotId.length > 200) throw new Problem(noSnapshot);
    // Back to the page of the playlist that the button was on.
    const asked = String(res.locals.returnTo);
    const place = asked.split('?')[0] === `/playlists/${id}` ? asked : `/playlists/${id}`;
    const outcome = await forms
      .once(req, async () => {
        await req.listener.change(
          heldOf(id),
          (token) =>
            dialects.speak((dialect) => webApi.removeFromPlaylist(token, id, { uri, snapshotId }, dialect)),
          scopes.editPlaylists,
        );
        return saying(place, 'removed');
      })
      .catch(whereRefused);
    if (outcome === null && wantsJson(req)) throw new Problem(changedMeanwhile);
    changed(req, res, id, outcome ?? saying(place, 'changed-meanwhile'));
  });

  return router;

  async function playlistsOf(req: Request, page: number) {
    const name = `playlists ${page}`;
    const { items, total } = await req.listener.askKept(
      name,
      momentMs,
      (token) => webApi.playlists(token, page),
      scopes.playlists,
    );
    return { items, total, pages: pagesOf(total, playlistsPerPage, page) };
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
    const playlist = await req.listener.askKept(
      `playlist ${id} card`,
      page === 1 ? momentMs : pagingMs,
      (token) => webApi.playlist(token, id),
      scopes.playlists,
    );
    const { items, total } = playlist.readable ? await entries() : { items: null, total: 0 };
    const said = sentence(saidHere, req.query.said);
    const last = lastPage(total, entriesPerPage);
    if (said && page > last) {
      // The only item of the last page was just removed.
      res.redirect(303, saying(pageOf(`/playlists/${id}`, last), String(req.query.said)));
      return;
    }
    const pages = pagesOf(total, entriesPerPage, page);
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
        return await req.listener.askKept(
          `playlist ${id} ${playlist.snapshotId} ${page}`,
          pagingMs,
          (token) =>
            dialects.speak((dialect) =>
              webApi.playlistEntries(token, id, (page - 1) * entriesPerPage, dialect),
            ),
          scopes.playlists,
        );
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return { items: null, total: 0 };
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

function idIn(req: Request): string {
  const id = String(req.params.id);
  if (!/^[A-Za-z\d]{1,64}$/.test(id)) throw new NoSuchPage('Not the id of a playlist');
  return id;
}

const saidHere: Readonly<Record<string, string>> = {
  created: 'Your new playlist is there.',
  changed: 'The playlist is changed.',
  added: 'It is added, at the end.',
  removed: 'It is removed, wherever in the playlist it stood.',
  'changed-meanwhile': 'Nothing was removed: the playlist has been changed meanwhile. This is how it is now.',
};

const back = { label: 'Go to your playlists', href: '/playlists' };

const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'That is nothing for a playlist',
  text: 'Give the URI of a track or an episode as "uri", such as spotify:track:… Files of your own cannot be added.',
  actions: [back],
};

const changedMeanwhile = {
  status: 409,
  reason: 'playlist-changed',
  title: 'The playlist has been changed meanwhile',
  text: 'Nothing was removed. Ask for the playlist again, and use its "snapshotId" of now.',
  actions: [back],
};

const noSnapshot = {
  status: 400,
  reason: 'no-snapshot',
  title: 'From which playlist exactly?',
  text: 'Give the "snapshotId" of the playlist as you saw it as "snapshot", so that nothing else is removed by mistake.',
  actions: [back],
};
