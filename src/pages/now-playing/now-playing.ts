import { type Request, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import { GrantLost, SessionsUnavailable } from '../../access/errors.ts';
import type { Playback } from '../../spotify/answers.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Needs = { webApi: WebApi; dialects: Dialects; signedIn: SignedIn };

const momentMs = 1_000;
/** For how long it is known whether a track is saved; our own buttons make it asked anew. */
const savedMs = 10 * 60_000;

/** What the listener is playing. One call to Spotify, one more when the track is new: whether it is saved. */
export function nowPlayingPages({ webApi, dialects, signedIn }: Needs): Router {
  const router = Router();

  router.get('/now-playing', htmlOrJson, signedIn.middleware, async (req, res) => {
    const playback = await req.listener.askKept('player', momentMs, webApi.player, scopes.player);
    const saved = await isSaved(req, playback);
    const may = {
      control: req.listener.may(scopes.control),
      save: req.listener.may(scopes.editLibrary),
    };
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('now-playing/now-playing', { playback, saved, may, scopes, said: req.query.said }),
      json: () => res.json({ ...playback, saved }),
    });
  });

  /** Whether what plays is in the library; null where that cannot be said. Nothing that the page could not do without. */
  async function isSaved(req: Request, playback: Playback): Promise<boolean | null> {
    const uri = playback.state === 'nothing' ? null : playback.item?.uri;
    if (!uri || !req.listener.may(scopes.library)) return null;
    return req.listener.askKept(`saved ${uri}`, savedMs, (token) =>
      dialects
        .speak((dialect) => webApi.isSaved(token, uri, dialect))
        .catch((error: unknown) => {
          if (error instanceof GrantLost || error instanceof SessionsUnavailable) throw error;
          return null;
        }),
    );
  }

  return router;
}
