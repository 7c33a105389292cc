import * as v from '@badrap/valita';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { maxOffset, timeRanges, tracksPerPage } from '../../spotify/limits.ts';
import { canPlay } from '../../web/can-play.ts';
import { NoSuchPage, Problem } from '../../web/errors.ts';
import type { Forms } from '../../web/forms.ts';
import { moveNotice, noticeIn, withNotice } from '../../web/notices.ts';
import { lastPage, minTotalOf, pageNumber, pagesOf } from '../../web/paging.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { readEntry } from '../../web/spotify-params.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = { signedIn: SignedIn; forms: Forms; hub: Hub };

/** The listener's saved tracks, recently played tracks, and top tracks and artists. */
export function libraryPages({ signedIn, forms, hub }: Deps): Router {
  const router = Router();
  router.get(routes.library(), htmlOrJson, signedIn.page(showSaved));
  router.get(routes.recentlyPlayed(), htmlOrJson, signedIn.page(showRecentlyPlayed));
  router.get(routes.topItems(), htmlOrJson, signedIn.page(showTopItems));
  router.post(routes.saveToLibrary(), ...forms.read, change({ isSaving: true }));
  router.post(routes.removeFromLibrary(), ...forms.read, change({ isSaving: false }));
  return router;

  /** One call to Spotify. To remove most tracks of the list, one more for new apps: see createRelinking. */
  function change({ isSaving }: { isSaving: boolean }): RequestHandler {
    const runOnce = forms.createRunOnce(changeResult);
    return signedIn.page(async (req, res, listener) => {
      const entry = readEntry(req.form.fields, noUri);

      const { uri, notice } = await runOnce(req, async () => {
        const original = isSaving ? entry.uri : await listener.spotify.originalInLibrary(entry);
        if (original === null) return refuseOutdated(req, listener, entry.uri);
        if (isSaving) await listener.spotify.saveToLibrary(original);
        else await listener.spotify.removeFromLibrary(original);
        await hub.recordSaved(listener.accountId, original, isSaving);
        return { uri: original, notice: isSaving ? 'track-saved' : 'track-removed' };
      });
      if (wantsJson(req)) res.json({ uri, saved: isSaving });
      else res.redirect(303, withNotice(req.form.returnTo, notice));
    });
  }
}

const changeResult = v.object({
  uri: v.string(),
  notice: v.union(v.literal('track-saved'), v.literal('track-removed'), v.literal('library-changed')),
});
type ChangeResult = v.Infer<typeof changeResult>;

/** Nothing is removed: the page shows the library as it is now. Throws {@link Problem} for programs. */
async function refuseOutdated(req: Request, listener: SignedInListener, uri: string): Promise<ChangeResult> {
  await listener.invalidate('library');
  if (wantsJson(req)) throw new Problem(libraryChanged);
  return { uri, notice: 'library-changed' };
}

/** One call to Spotify. */
async function showSaved(req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const page = pageNumber(req.query.page, maxOffset / tracksPerPage + 1);
  const notice = noticeIn(req);
  // safeguard: refetch-library-after-change
  if (notice !== null) listener.invalidateHere('library');
  const tracks = await listener.spotify.savedTracks(page);
  const { items: saved, total } = tracks;
  const minTotal = minTotalOf(tracks, (page - 1) * tracksPerPage, tracksPerPage);
  const last = lastPage(minTotal, tracksPerPage);
  if (notice !== null && page > last) {
    // The only track of the last page was just removed.
    res.redirect(303, moveNotice(req, routes.library({ page: last })));
    return;
  }
  const pages = pagesOf(minTotal, tracksPerPage, page);
  const canEdit = listener.hasScopesFor('removeFromLibrary');

  res.set('Cache-Control', 'private, no-store').format({
    html: () =>
      res.render('library/saved', {
        saved,
        page,
        pages,
        total,
        tracksPerPage,
        canEdit,
        canPlay: canPlay(listener),
      }),
    json: () => res.json({ tracks: saved, page, pages, total }),
  });
}

/** One call to Spotify. */
async function showRecentlyPlayed(_req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const played = await listener.spotify.recentlyPlayed();
  res.set('Cache-Control', 'private, no-store').format({
    html: () => res.render('library/recent', { played, canPlay: canPlay(listener) }),
    json: () => res.json({ tracks: played }),
  });
}

/** One call to Spotify. */
async function showTopItems(req: Request, res: Response, listener: SignedInListener): Promise<void> {
  const { spotify } = listener;
  const { of = 'tracks', range: rangeName = 'medium_term' } = req.query;
  if (of !== 'tracks' && of !== 'artists') throw new NoSuchPage('No such list');
  const range = timeRanges.find((one) => one === rangeName);
  if (!range) throw new NoSuchPage('No such time range');

  const [artists, tracks] =
    of === 'artists' ? [await spotify.topArtists(range)] : [undefined, await spotify.topTracks(range)];
  res.set('Cache-Control', 'private, no-store').format({
    html: () => res.render('library/top', { of, range, artists, tracks, canPlay: canPlay(listener) }),
    json: () => res.json({ range, artists, tracks }),
  });
}

const goToLibrary = { label: 'Go to your library', href: routes.library() };

const libraryChanged = {
  status: 409,
  reason: 'library-changed',
  title: 'Your library has changed',
  text: 'Nothing was removed. Request the list again, and use the current place of the track.',
  actions: [goToLibrary],
};

const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'This can’t be saved',
  text: 'Send the URI of a track or an episode as "uri", such as spotify:track:… Local files can’t be saved.',
  actions: [goToLibrary],
};
