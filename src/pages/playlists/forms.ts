import * as v from '@badrap/valita';
import { type Request, type Response, Router } from 'express';
import { routes } from '../../routes.ts';
import { BadRequest } from '../../spotify/errors.ts';
import { isId } from '../../spotify/uri.ts';
import { type ErrorPage, Problem } from '../../web/errors.ts';
import type { Forms } from '../../web/forms.ts';
import { type NoticeName, withNotice } from '../../web/notices.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { checkSpotifyId, readEntry, readUri } from '../../web/spotify-params.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { readDetails } from './details.ts';
import { showFailedEdit } from './playlist.ts';
import { noSnapshot, notAccepted, noUri, playlistChanged } from './problems.ts';

type Deps = { signedIn: SignedIn; forms: Forms };

const maxSnapshotLength = 200;

/** The possible results of the work of each form. */
const createdResult = v.object({ id: v.string().assert(isId) });
const doneResult = v.object({});
const removedResult = v.object({
  notice: v.union(v.literal('item-removed'), v.literal('playlist-changed')),
});

/** The forms that create and change playlists. Each takes one call to Spotify. */
export function playlistFormPages({ signedIn, forms }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  const runCreate = forms.createRunOnce(createdResult);
  const runEdit = forms.createRunOnce(doneResult);
  const runAdd = forms.createRunOnce(doneResult);
  const runRemove = forms.createRunOnce(removedResult);

  const create = signedIn.page(async (req, res, listener) => {
    const { details, problem } = readDetails(req.form.fields);
    if (problem) return showForm(problem);
    const created = await runCreate(req, async () => {
      const id = await listener.spotify.createPlaylist(details);
      return { id };
    }).catch(nullIfRejected);
    if (created === null) return showForm(notAccepted);
    const url = routes.playlist(created.id);
    if (wantsJson(req)) res.status(201).location(url).json(created);
    else res.redirect(303, withNotice(url, 'playlist-created'));

    /** The form again, filled in as it was sent. */
    function showForm(problem: ErrorPage): void {
      if (wantsJson(req)) throw new Problem(problem);
      const canEdit = listener.hasScopesFor('createPlaylist');
      res.status(problem.status).set('Cache-Control', 'private, no-store');
      res.render('playlists/new', { canEdit, details, problem });
    }
  });

  const edit = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const { details, problem } = readDetails(req.form.fields);
    if (problem) return showForm(problem);
    const edited = await runEdit(req, async () => {
      await listener.spotify.changePlaylist(id, details);
      return {};
    }).catch(nullIfRejected);
    if (edited === null) return showForm(notAccepted);
    finish(req, res, routes.playlist(id), 'playlist-saved');

    async function showForm(problem: ErrorPage): Promise<void> {
      if (wantsJson(req)) throw new Problem(problem);
      await showFailedEdit(req, res, listener, { details, problem });
    }
  });

  const add = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const uri = readUri(req.form.text('uri'), noUri);
    await runAdd(req, async () => {
      await listener.spotify.addToPlaylist(id, uri);
      return {};
    });
    finish(req, res, routes.playlist(id), 'item-added');
  });

  // For most tracks one more call for new apps: see createRelinking.
  const remove = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const entry = readEntry(req.form.fields, noUri);
    const snapshotId = req.form.text('snapshot');
    if (snapshotId === '' || snapshotId.length > maxSnapshotLength) throw new Problem(noSnapshot);

    const { notice } = await runRemove(req, async () => {
      const uri = await listener.spotify.originalInPlaylist(id, entry);
      if (uri === null) return refuseOutdated();
      await listener.spotify.removeFromPlaylist(id, { uri, snapshotId });
      return { notice: 'item-removed' };
    }).catch((error: unknown) => {
      if (error instanceof BadRequest) return refuseOutdated();
      throw error;
    });
    finish(req, res, pageOfPlaylist(req, id), notice);

    /** Nothing is removed: the page shows the playlist as it is now. Throws {@link Problem} for programs. */
    async function refuseOutdated(): Promise<{ notice: 'playlist-changed' }> {
      await listener.invalidate('playlist', id);
      if (wantsJson(req)) throw new Problem(playlistChanged);
      return { notice: 'playlist-changed' };
    }
  });

  router.post(routes.playlists(), ...forms.read, create);
  router.post(routes.playlist(':id'), ...forms.read, edit);
  router.post(routes.playlistItems(':id'), ...forms.read, add);
  router.post(routes.removeFromPlaylist(':id'), ...forms.read, remove);
  return router;
}

/** The page of the playlist that the button was on. */
function pageOfPlaylist({ form: { returnTo } }: Request, id: string): string {
  const playlist = routes.playlist(id);
  return returnTo.split('?')[0] === playlist ? returnTo : playlist;
}

/** Answers after a change to a playlist. */
function finish(req: Request, res: Response, url: string, notice: NoticeName): void {
  if (wantsJson(req)) res.json({ id: req.params.id });
  else res.redirect(303, withNotice(url, notice));
}

/** Null if Spotify rejected what the form sent. Throws every other error. */
function nullIfRejected(error: unknown): null {
  if (error instanceof BadRequest) return null;
  throw error;
}
