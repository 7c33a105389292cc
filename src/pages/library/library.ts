import { Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import type { Hub } from '../../live/hub.ts';
import { isUri } from '../../spotify/uri.ts';
import { furthestOffset, scopes, timeRanges, tracksPerPage, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage, Problem } from '../../web/error-pages.ts';
import { type Forms, saying, sentence } from '../../web/forms.ts';
import { lastPage, pageNumber, pageOf, pagesOf } from '../../web/paging.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Needs = { webApi: WebApi; dialects: Dialects; signedIn: SignedIn; forms: Forms; hub: Hub };

/** For how long Spotify's last answer is good: what is played most changes by the day, the rest at any moment. */
const momentMs = 1_000;
const topMs = 10 * 60_000;

/** What the listener saved, heard lately, and plays most. */
export function libraryPages({ webApi, dialects, signedIn, forms, hub }: Needs): Router {
  const router = Router();

  // One call to Spotify.
  router.get('/library', htmlOrJson, signedIn.middleware, async (req, res) => {
    const page = pageNumber(req.query.page, furthestOffset / tracksPerPage + 1);
    if (req.query.said !== undefined) req.listener.forget(['library']);
    const { items, total } = await req.listener.askKept(
      `library ${page}`,
      momentMs,
      (token) => webApi.savedTracks(token, page),
      scopes.library,
    );
    const said = sentence(saidHere, req.query.said);
    const last = lastPage(total, tracksPerPage);
    if (said && page > last) {
      // The only track of the last page was just removed.
      res.redirect(303, saying(pageOf('/library', last), String(req.query.said)));
      return;
    }
    const pages = pagesOf(total, tracksPerPage, page);
    const mayEdit = req.listener.may(scopes.editLibrary);

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/saved', { saved: items, page, pages, total, tracksPerPage, mayEdit, said }),
      json: () => res.json({ tracks: items, page, pages, total }),
    });
  });

  // One call to Spotify.
  router.get('/library/recent', htmlOrJson, signedIn.middleware, async (req, res) => {
    const played = await req.listener.askKept('recent', momentMs, webApi.recentlyPlayed, scopes.recent);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('library/recent', { played }),
      json: () => res.json({ tracks: played }),
    });
  });

  // One call to Spotify.
  router.get('/library/top', htmlOrJson, signedIn.middleware, async (req, res) => {
    const { of = 'tracks', range = 'medium_term' } = req.query;
    if (of !== 'tracks' && of !== 'artists') throw new NoSuchPage('No such list');
    const time = timeRanges.find((one) => one === range);
    if (!time) throw new NoSuchPage('No such time range');

    const { listener } = req;
    const name = `top ${of} ${time}`;
    const [artists, tracks] =
      of === 'artists'
        ? [await listener.askKept(name, topMs, (token) => webApi.topArtists(token, time), scopes.top)]
        : [
            undefined,
            await listener.askKept(name, topMs, (token) => webApi.topTracks(token, time), scopes.top),
          ];
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('library/top', { of, range: time, artists, tracks }),
      json: () => res.json({ range: time, artists, tracks }),
    });
  });

  for (const [path, wanted] of [
    ['/library/save', true],
    ['/library/remove', false],
  ] as const) {
    // One call to Spotify.
    router.post(path, ...forms.read, signedIn.middleware, async (req, res) => {
      const uri = forms.field(req, 'uri');
      if (!isUri(uri)) throw new Problem(noUri);

      const outcome = await forms.once(req, async () => {
        await req.listener.change(
          ['library', `saved ${uri}`, 'player'],
          (token) => dialects.speak((dialect) => webApi.setSaved(token, uri, wanted, dialect)),
          scopes.editLibrary,
        );
        await hub.learnSaved(req.listener.accountId, uri, wanted);
        return saying(String(res.locals.returnTo), wanted ? 'saved' : 'removed');
      });
      if (wantsJson(req)) res.json({ uri, saved: wanted });
      else res.redirect(303, outcome);
    });
  }

  return router;
}

const saidHere: Readonly<Record<string, string>> = {
  removed: 'It is no longer in your library.',
  saved: 'It is in your library again.',
};

const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'That is nothing that can be saved',
  text: 'Give the URI of a track or an episode as "uri", such as spotify:track:… Files of your own cannot be saved.',
  actions: [{ label: 'Go to the library', href: '/library' }],
};
