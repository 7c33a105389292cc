import { Router } from 'express';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { furthestOffset, timeRanges, tracksPerPage } from '../../spotify/limits.ts';
import { NoSuchPage, Problem } from '../../web/errors.ts';
import { type Forms, saying, sentence } from '../../web/forms.ts';
import { namedEntry } from '../../web/named.ts';
import { atLeast, lastPage, pageNumber, pagesOf } from '../../web/paging.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = { signedIn: SignedIn; forms: Forms; hub: Hub };

/** What the listener saved, heard lately, and plays most. */
export function libraryPages({ signedIn, forms, hub }: Deps): Router {
  const router = Router();

  // One call to Spotify.
  const saved = signedIn.page(async (req, res, listener) => {
    const page = pageNumber(req.query.page, furthestOffset / tracksPerPage + 1);
    // safeguard: refetch-library-after-change
    if (req.query.said !== undefined) listener.invalidateHere('library');
    const from = (page - 1) * tracksPerPage;
    const tracks = await listener.spotify.savedTracks(page);
    const { items, total } = tracks;
    const known = atLeast(tracks, from, tracksPerPage);
    const said = sentence(saidHere, req.query.said);
    const last = lastPage(known, tracksPerPage);
    if (said && page > last) {
      // The only track of the last page was just removed.
      res.redirect(303, saying(routes.library({ page: last }), String(req.query.said)));
      return;
    }
    const pages = pagesOf(known, tracksPerPage, page);
    const mayEdit = listener.hasScopesFor('removeFromLibrary');

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/saved', { saved: items, page, pages, total, tracksPerPage, mayEdit, said }),
      json: () => res.json({ tracks: items, page, pages, total }),
    });
  });
  router.get(routes.library(), htmlOrJson, saved);

  // One call to Spotify.
  const recent = signedIn.page(async (_req, res, { spotify }) => {
    const played = await spotify.recentlyPlayed();
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('library/recent', { played }),
      json: () => res.json({ tracks: played }),
    });
  });
  router.get(routes.recentlyPlayed(), htmlOrJson, recent);

  // One call to Spotify.
  const top = signedIn.page(async (req, res, { spotify }) => {
    const { of = 'tracks', range = 'medium_term' } = req.query;
    if (of !== 'tracks' && of !== 'artists') throw new NoSuchPage('No such list');
    const time = timeRanges.find((one) => one === range);
    if (!time) throw new NoSuchPage('No such time range');

    const [artists, tracks] =
      of === 'artists' ? [await spotify.topArtists(time)] : [undefined, await spotify.topTracks(time)];
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('library/top', { of, range: time, artists, tracks }),
      json: () => res.json({ range: time, artists, tracks }),
    });
  });
  router.get(routes.topItems(), htmlOrJson, top);

  for (const [path, wanted] of [
    [routes.saveToLibrary(), true],
    [routes.removeFromLibrary(), false],
  ] as const) {
    // One call to Spotify, and to remove most tracks of the list one more to new apps: see createRelinking.
    const change = signedIn.page(async (req, res, listener) => {
      const entry = namedEntry(req.body, noUri);
      let { uri } = entry;

      const outcome = await forms.once(req, async () => {
        const original = wanted ? uri : await listener.spotify.originalInLibrary(entry);
        if (original === null) {
          await listener.invalidate('library');
          if (wantsJson(req)) throw new Problem(changedMeanwhile);
          return saying(String(res.locals.returnTo), 'changed-meanwhile');
        }
        uri = original;
        await (wanted ? listener.spotify.saveToLibrary(uri) : listener.spotify.removeFromLibrary(uri));
        await hub.recordSaved(listener.accountId, uri, wanted);
        return saying(String(res.locals.returnTo), wanted ? 'saved' : 'removed');
      });
      if (wantsJson(req)) res.json({ uri, saved: wanted });
      else res.redirect(303, outcome);
    });
    router.post(path, ...forms.read, change);
  }

  return router;
}

const saidHere: Readonly<Record<string, string>> = {
  removed: 'It is no longer in your library.',
  saved: 'It is in your library again.',
  'changed-meanwhile': 'Nothing was removed, because your library has changed. This is how it is now.',
};

const changedMeanwhile = {
  status: 409,
  reason: 'library-changed',
  title: 'Your library has changed',
  text: 'Nothing was removed. Read the list again, and use the place that the track has now.',
  actions: [{ label: 'Go to the library', href: routes.library() }],
};

const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'That is nothing that can be saved',
  text: 'Give the URI of a track or an episode as "uri", such as spotify:track:… Files of your own cannot be saved.',
  actions: [{ label: 'Go to the library', href: routes.library() }],
};
