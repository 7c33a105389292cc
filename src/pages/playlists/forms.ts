import * as v from '@badrap/valita';
import { type Request, type Response, Router } from 'express';
import type { RecentPlaylists } from '../../access/recent-playlists.ts';
import { routes } from '../../routes.ts';
import { BadRequest } from '../../spotify/errors.ts';
import { isId } from '../../spotify/uri.ts';
import { type ErrorPage, Problem } from '../../web/errors.ts';
import { acceptFields, flag, texts } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { type NoticeName, textOfNotice, withNotice } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId, readUris } from '../../web/spotify-params.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { AdditionUnknown, addToEnd } from './add-to-end.ts';
import { readDetails } from './details.ts';
import type { PlaylistPage } from './playlist.ts';
import { creationUnknown, notAccepted, noUri } from './problems.ts';
import type { UndoAddition } from './undo-addition.ts';
import { isAnswerLost } from './version.ts';

type Deps = {
  signedIn: SignedIn;
  forms: Forms;
  recentPlaylists: RecentPlaylists;
  undoAddition: UndoAddition;
  showFailedEdit: PlaylistPage['showFailedEdit'];
  now: () => number;
};

/** The possible results of the work of each form. */
const createdResult = v.object({
  id: v.string().assert(isId),
  added: v.union(v.literal('all'), v.literal('none'), v.literal('nothing to add'), v.literal('unknown')),
  undo: v.string().nullable(),
});
const doneResult = v.object({});

const detailFields = {
  name: v.string().optional(),
  description: v.string().optional(),
  public: flag.optional(),
};

/** The forms that create and change playlists. Each takes one call to Spotify. */
export function playlistFormPages(deps: Deps): Router {
  const { signedIn, forms, recentPlaylists, undoAddition, showFailedEdit, now } = deps;
  const router = Router();
  router.param('id', checkSpotifyId);
  const runCreate = forms.createRunOnce(createdResult);
  const runEdit = forms.createRunOnce(doneResult);

  const create = signedIn.page(async (req, res, listener) => {
    const { details, problem } = readDetails(req.form.fields);
    if (problem) return showForm(problem);
    const uris = req.form.fields.uri === undefined ? [] : readUris(req.form.fields.uri, noUri);
    const created = await runCreate(req, async () => {
      const id = await listener.spotify.createPlaylist(details);
      return { id, ...(await addToNew(req, listener, id, uris)) };
    }).catch((error: unknown) => ({ problem: problemOf(error) }));
    if ('problem' in created) return showForm(created.problem);
    const { id, added, undo } = created;
    const url = routes.playlist(id);
    // safeguard: created-without-items
    const notice =
      added === 'none'
        ? 'created-without-items'
        : added === 'unknown'
          ? 'created-items-unknown'
          : 'playlist-created';
    if (!wantsJson(req)) return res.redirect(303, withNotice(url, notice, { undo }));
    const text = added === 'all' ? `Created “${details.name}” and added to it.` : textOfNotice(notice);
    res
      .status(201)
      .location(url)
      .json({ id, text, undo, isAdded: added === 'all' ? true : added === 'none' ? false : null });

    /** The form again, filled in as it was sent. */
    function showForm(problem: ErrorPage): void {
      if (wantsJson(req)) throw new Problem(problem);
      const canEdit = listener.hasScopesFor('createPlaylist');
      res.status(problem.status).set('Cache-Control', 'private, no-store');
      res.render('playlists/new', { canEdit, details, problem, uris: [req.form.fields.uri ?? []].flat() });
    }
  });

  /** Adds items to a playlist that was just created. A failure isn't one of the whole: the playlist is there. */
  async function addToNew(req: Request, listener: SignedInListener, id: string, uris: string[]) {
    if (uris.length === 0) return { added: 'nothing to add' as const, undo: null };
    const since = now();
    const result = await addToEnd(listener, id, uris, since).catch((error: unknown) =>
      error instanceof AdditionUnknown ? ('unknown' as const) : ('none' as const),
    );
    // It only decides what is offered first.
    await recentPlaylists.add(listener.accountId, [id]).catch(() => undefined);
    if (typeof result === 'string') return { added: result, undo: null };
    return { added: 'all' as const, undo: await undoAddition.offer(req, uris, since, [result]) };
  }

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

  router.post(
    routes.playlists(),
    ...forms.read,
    acceptFields({ ...detailFields, uri: texts.optional() }),
    create,
  );
  router.post(routes.playlist(':id'), ...forms.read, acceptFields(detailFields), edit);
  return router;
}

/** Returns why a playlist wasn't created, or may not have been. Rethrows other errors. */
function problemOf(error: unknown): ErrorPage {
  if (error instanceof BadRequest) return notAccepted;
  // Sending the same again could create a second one.
  // safeguard: create-once-after-lost-answer
  if (isAnswerLost(error) && error.wasAsked) return creationUnknown;
  throw error;
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
