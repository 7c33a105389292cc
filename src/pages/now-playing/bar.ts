import { type Request, Router } from 'express';
import { nullWithoutSpotify } from '../../access/errors.ts';
import type { Hub } from '../../live/hub.ts';
import type { Observation } from '../../live/observation.ts';
import { unknownState } from '../../live/state.ts';
import { routes } from '../../routes.ts';
import { canPlay } from '../../web/can-play.ts';
import { cover } from '../../web/cover.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import { allowFraming } from '../../web/security.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { barCoverSize, type Card, cardOf, coversOf, playerData } from './card.ts';
import { controlsOf } from './controls.ts';
import { currentPlayback } from './current-playback.ts';

type Deps = { signedIn: SignedIn; hub: Hub; baseUrl: string; now: () => number };

/** A track that ended this long ago isn't shown anymore, as in the bar with scripts. */
const overMs = 60_000;
/** For this long, an answer whose end isn't known, or that nothing is playing, is taken to be true. */
const knownForMs = 10 * 60_000;

/**
 * The bar at the bottom of pages without scripts: another page, in a frame, so that no page waits for what it shows. It makes no call to Spotify
 * but the one that follows a command, which a page with scripts makes as well. Its forms lead back to the page around it.
 */
export function barPages({ signedIn, hub, baseUrl, now }: Deps): Router {
  const router = Router();

  const bar = signedIn.pageWithLazyRefresh(async (req, res, listener) => {
    listener.requireScopesFor('player');
    const observation = await observationFor(req, listener);
    const card = observation && cardOf(observation, unknownState, null, now());
    const known = card && isKnown(card, now()) ? card : null;
    // safeguard: frame-of-own-pages
    allowFraming(res);
    res.set('Cache-Control', 'private, no-store').render('now-playing/bar', {
      ...(known && { ...playerData(known), ...controlsOf(listener, known) }),
      playback: known?.playback ?? null,
      picture: known && cover(coversOf(known), barCoverSize),
      canControl: canPlay(listener),
      returnTo: safeReturnPath(req.query.returnTo, baseUrl),
    });
  });
  router.get(routes.playbackBar(), bar);

  return router;

  /** Returns the stored observation; after a command Spotify's answer, because the stored one is out of date. Null if that isn't known. */
  async function observationFor(req: Request, listener: SignedInListener): Promise<Observation | null> {
    // safeguard: bar-makes-no-calls
    if (req.query.ask !== 'yes') return hub.latestObservation(listener.accountId);
    // Another process may have handled the command.
    listener.invalidateHere('nowPlaying');
    const current = await currentPlayback(hub, listener).catch(nullWithoutSpotify);
    return current && current.live.cooldown === null ? current.observation : null;
  }
}

/** Whether this is probably still true. */
function isKnown({ playback, endsInMs, observedAt }: Card, now: number): boolean {
  const isRecent = now - observedAt < knownForMs;
  // A player that is stuck at the end of a track has always just ended it.
  // safeguard: no-outdated-bar
  return playback.state === 'playing' && endsInMs !== null
    ? endsInMs >= 0 || (endsInMs > -overMs && isRecent)
    : isRecent;
}
