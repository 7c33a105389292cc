import { type Request, Router } from 'express';
import type { ApiVersions } from '../../access/api-version.ts';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { furthestOffset, scopes, timeRanges, tracksPerPage, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage, Problem } from '../../web/errors.ts';
import { type Forms, saying, sentence } from '../../web/forms.ts';
import { namedEntry } from '../../web/named.ts';
import { atLeast, lastPage, pageNumber, pagesOf } from '../../web/paging.ts';
import { createRelinking, type ShownEntry } from '../../web/relinking.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = {
  webApi: WebApi;
  apiVersions: ApiVersions;
  signedIn: SignedIn;
  forms: Forms;
  hub: Hub;
  market: string;
};

/** For how long Spotify's last answer is good: what is played most changes by the day, the rest at any moment. */
const momentMs = 1_000;
const topMs = 10 * 60_000;

/** What the listener saved, heard lately, and plays most. */
export function libraryPages({ webApi, apiVersions, signedIn, forms, hub, market }: Deps): Router {
  const router = Router();
  const relinking = createRelinking({ apiVersions, market });

  // One call to Spotify.
  router.get(routes.library(), htmlOrJson, signedIn.middleware, async (req, res) => {
    const page = pageNumber(req.query.page, furthestOffset / tracksPerPage + 1);
    // safeguard: refetch-library-after-change
    if (req.query.said !== undefined) req.listener.forget(['library']);
    const from = (page - 1) * tracksPerPage;
    const saved = await req.listener.askCached(
      `library ${page}`,
      momentMs,
      (token) => webApi.savedTracks(token, { from, market }),
      scopes.library,
    );
    const { items, total } = saved;
    const known = atLeast(saved, from, tracksPerPage);
    const said = sentence(saidHere, req.query.said);
    const last = lastPage(known, tracksPerPage);
    if (said && page > last) {
      // The only track of the last page was just removed.
      res.redirect(303, saying(routes.library({ page: last }), String(req.query.said)));
      return;
    }
    const pages = pagesOf(known, tracksPerPage, page);
    const mayEdit = req.listener.may(scopes.editLibrary);

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('library/saved', { saved: items, page, pages, total, tracksPerPage, mayEdit, said }),
      json: () => res.json({ tracks: items, page, pages, total }),
    });
  });

  // One call to Spotify.
  router.get(routes.recentlyPlayed(), htmlOrJson, signedIn.middleware, async (req, res) => {
    const played = await req.listener.askCached('recent', momentMs, webApi.recentlyPlayed, scopes.recent);
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('library/recent', { played }),
      json: () => res.json({ tracks: played }),
    });
  });

  // One call to Spotify.
  router.get(routes.topItems(), htmlOrJson, signedIn.middleware, async (req, res) => {
    const { of = 'tracks', range = 'medium_term' } = req.query;
    if (of !== 'tracks' && of !== 'artists') throw new NoSuchPage('No such list');
    const time = timeRanges.find((one) => one === range);
    if (!time) throw new NoSuchPage('No such time range');

    const { listener } = req;
    const name = `top ${of} ${time}`;
    const [artists, tracks] =
      of === 'artists'
        ? [await listener.askCached(name, topMs, (token) => webApi.topArtists(token, time), scopes.top)]
        : [
            undefined,
            await listener.askCached(name, topMs, (token) => webApi.topTracks(token, time), scopes.top),
          ];
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('library/top', { of, range: time, artists, tracks }),
      json: () => res.json({ range: time, artists, tracks }),
    });
  });

  for (const [path, wanted] of [
    [routes.saveToLibrary(), true],
    [routes.removeFromLibrary(), false],
  ] as const) {
    // One call to Spotify, and to remove most tracks of the list one more to new apps: see createRelinking.
    router.post(path, ...forms.read, signedIn.middleware, async (req, res) => {
      const entry = namedEntry(req.body, noUri);
      let { uri } = entry;

      const outcome = await forms.once(req, async () => {
        const held = wanted ? uri : await heldUri(req, entry);
        if (held === null) {
          await req.listener.invalidate(['library']);
          if (wantsJson(req)) throw new Problem(changedMeanwhile);
          return saying(String(res.locals.returnTo), 'changed-meanwhile');
        }
        uri = held;
        await req.listener.change(
          // safeguard: invalidate-player-after-save
          ['library', 'saved ', 'player'],
          (token) => apiVersions.speak((apiVersion) => webApi.setSaved(token, held, wanted, apiVersion)),
          scopes.editLibrary,
        );
        await hub.recordSaved(req.listener.accountId, uri, wanted);
        return saying(String(res.locals.returnTo), wanted ? 'saved' : 'removed');
      });
      if (wantsJson(req)) res.json({ uri, saved: wanted });
      else res.redirect(303, outcome);
    });
  }

  return router;

  function heldUri(req: Request, entry: ShownEntry): Promise<string | null> {
    return relinking.heldUri(entry, (stretch) =>
      req.listener.ask(
        (token) => webApi.savedTracks(token, stretch),
        [...scopes.library, ...scopes.editLibrary],
      ),
    );
  }
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
