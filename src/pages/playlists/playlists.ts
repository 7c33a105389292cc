import { type Request, type Response, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import { Refused } from '../../spotify/errors.ts';
import { isUri } from '../../spotify/uri.ts';
import {
  entriesPerPage,
  furthestOffset,
  playlistsPerPage,
  scopes,
  type WebApi,
} from '../../spotify/web-api.ts';
import { NoSuchPage, Problem } from '../../web/error-pages.ts';
import { type Forms, saying } from '../../web/forms.ts';
import { pageNumber, pagesOf } from '../../web/paging.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { readDetails } from './details.ts';

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
    const said = saidHere[String(req.query.said)];

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/playlists', { playlists: items, page, pages, total, said }),
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
    if (problem) {
      if (wantsJson(req)) throw new Problem(problem);
      res.status(problem.status).render('playlists/new', { mayEdit: true, editScopes: [], details, problem });
      return;
    }
    const outcome = await forms.once(req, async () => {
      const id = await req.listener.ask(
        (token) =>
          dialects.speak((dialect) => webApi.createPlaylist(token, req.listener.id, details, dialect)),
        scopes.editPlaylists,
      );
      return saying(`/playlists/${id}`, 'created');
    });
    req.listener.forget('playlists');
    const [path = ''] = outcome.split('?');
    if (wantsJson(req))
      res
        .status(201)
        .location(path)
        .json({ id: path.slice('/playlists/'.length) });
    else res.redirect(303, outcome);
  });

  // Two calls to Spotify at first, then one a page; one where it does not tell what is in the playlist.
  router.get('/playlists/:id', htmlOrJson, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const page = pageNumber(req.query.page, furthestOffset / entriesPerPage + 1);
    if (req.query.said !== undefined) req.listener.forget(`playlist ${id}`);
    await showPlaylist(req, res, id, page);
  });

  // One call to Spotify.
  router.post('/playlists/:id', ...forms.read, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const { details, problem } = readDetails(req.body);
    if (problem) {
      if (wantsJson(req)) throw new Problem(problem);
      res.status(problem.status);
      return showPlaylist(req, res, id, 1, { details, problem });
    }
    const outcome = await forms.once(req, async () => {
      await req.listener.ask((token) => webApi.changePlaylist(token, id, details), scopes.editPlaylists);
      return saying(`/playlists/${id}`, 'changed');
    });
    changed(req, res, id, outcome);
  });

  // One call to Spotify.
  router.post('/playlists/:id/items', ...forms.read, signedIn.middleware, async (req, res) => {
    const id = idIn(req);
    const uri = forms.field(req, 'uri');
    if (!isUri(uri)) throw new Problem(noUri);
    const outcome = await forms.once(req, async () => {
      await req.listener.ask(
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
    const outcome = await forms.once(req, async () => {
      await req.listener.ask(
        (token) =>
          dialects.speak((dialect) => webApi.removeFromPlaylist(token, id, { uri, snapshotId }, dialect)),
        scopes.editPlaylists,
      );
      return saying(`/playlists/${id}`, 'removed');
    });
    changed(req, res, id, outcome);
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
    failed: Pick<ReturnType<typeof readDetails>, 'details' | 'problem'> | null = null,
  ): Promise<void> {
    // Who pages on looks at the playlist as it was on the first page.
    const playlist = await req.listener.askKept(
      `playlist ${id} card`,
      page === 1 ? momentMs : pagingMs,
      (token) => webApi.playlist(token, id),
      scopes.playlists,
    );
    const { items, total } = playlist.readable ? await entries() : { items: null, total: 0 };
    const pages = pagesOf(total, entriesPerPage, page);
    const isOwn = playlist.ownerId === req.listener.id;

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
          said: saidHere[String(req.query.said)],
          mayEdit:
            items !== null && (isOwn || playlist.collaborative) && req.listener.may(scopes.editPlaylists),
          wouldBeEditable: items !== null && isOwn,
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
        );
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return { items: null, total: 0 };
      }
    }
  }

  /** The end of every change to a playlist. */
  function changed(req: Request, res: Response, id: string, outcome: string): void {
    req.listener.forget('playlists');
    req.listener.forget(`playlist ${id}`);
    if (wantsJson(req)) res.json({ id });
    else res.redirect(303, outcome);
  }
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
  removed: 'It is removed.',
};

const back = { label: 'Go to your playlists', href: '/playlists' };

const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'That is nothing for a playlist',
  text: 'Give the URI of a track or an episode as "uri", such as spotify:track:… Files of your own cannot be added.',
  actions: [back],
};

const noSnapshot = {
  status: 400,
  reason: 'no-snapshot',
  title: 'From which playlist exactly?',
  text: 'Give the "snapshotId" of the playlist as you saw it as "snapshot", so that nothing else is removed by mistake.',
  actions: [back],
};
