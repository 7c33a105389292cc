import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'express';
import { nullWithoutSpotify } from '../../access/errors.ts';
import type { RecentlyPlayed } from '../../access/recently-played.ts';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import type { Hub } from '../../live/hub.ts';
import { type Observation, uriOf } from '../../live/observation.ts';
import type { Streams } from '../../live/sse.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { routes } from '../../routes.ts';
import type { TimestampedItem } from '../../spotify/types.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import { noticeIn } from '../../web/notices.ts';
import { signInHash } from '../../web/sign-in-hash.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { barPages } from './bar.ts';
import { type Card, cardOf, coversOf, playerData, versionOf } from './card.ts';
import { controlsOf, noticePlaceOf } from './controls.ts';
import { currentPlayback, playbackJson, refreshAfter } from './current-playback.ts';
import { livePages } from './live.ts';
import { wallPages } from './wall.ts';

type Deps = {
  signedIn: SignedIn;
  hub: Hub;
  streams: Streams;
  fetchSubscriptions: FetchSubscriptions;
  background: BackgroundTasks;
  recent: RecentlyPlayed;
  coverColors: CoverColors;
  baseUrl: string;
  now: () => number;
};

/** How long the page waits for details that it can do without. */
const optionalWaitMs = 1_500;

/**
 * The page of the current playback. Takes one call to Spotify and at most one more: whether the track is saved, if it is new; or the
 * recently played tracks, if nothing is playing and they weren't requested in the last few minutes.
 */
export function nowPlayingPages(deps: Deps): Router {
  const { signedIn, hub, streams, fetchSubscriptions, background, recent, coverColors, baseUrl, now } = deps;
  const router = Router();

  const page = signedIn.page(async (req, res, listener) => {
    // A button was pressed, perhaps handled by another process: cached responses here may be out of date.
    // safeguard: refetch-player-after-change
    if (noticeIn(req) !== null) listener.invalidateHere('nowPlaying');
    const current = await currentPlayback(hub, listener);
    const { observation, live } = current;
    const saved = observation.saved ?? (await nullIfSlow(isSaved(listener, observation)));
    res.set('Cache-Control', 'private, no-store').vary('Accept');
    // Not by res.format: it does not await its handlers, so a failure there would be unhandled.
    if (wantsJson(req)) return void res.json({ ...playbackJson(current), saved });
    // safeguard: await-redis-calls-of-page
    const next = await hub.nextPollFor(observation);
    // safeguard: await-optional-data
    const recent = await nullIfSlow(recentlyPlayed(listener, observation));
    const shownLive = { ...live, throttledUntil: next.throttledUntil };
    const card = cardOf({ ...observation, saved }, shownLive, recent, now());
    res.render('now-playing/now-playing', {
      ...cardLocals(listener, card),
      color: coverColors.of(coversOf(card)),
      noticePlace: noticePlaceOf(controlsOf(listener, card), res.locals.notice?.at),
      version: versionOf(card),
      refreshSeconds: req.query.refresh === 'off' ? null : refreshAfter(next.at, live.cooldown, now()),
      signIn: signInHash(req.session.id),
    });
  });
  router.get(routes.nowPlaying(), htmlOrJson, page);

  // Pages ask when a track has begun that no page was loaded for. The answer arrives by the stream as well, in every tab.
  const savedState = signedIn.page(async (_req, res, listener) => {
    // safeguard: saved-state-is-dropped-first
    if (!(await hub.isRelaxed())) return void res.status(204).end();
    const observation = await hub.latestObservation(listener.accountId);
    const saved = observation && (observation.saved ?? (await isSaved(listener, observation)));
    res.set('Cache-Control', 'private, no-store').json({ saved });
  });
  router.get(routes.nowPlayingSaved(), savedState);
  router.use(barPages({ signedIn, hub, baseUrl, now }));
  router.use(
    livePages({
      signedIn,
      hub,
      streams,
      fetchSubscriptions,
      background,
      coverColors,
      now,
      knownRecent,
      cardLocals,
    }),
  );
  router.use(wallPages({ signedIn, hub, fetchSubscriptions, coverColors, now }));

  return router;

  /** Whether the current item is in the library; null if unknown. Optional, so most failures read as unknown. */
  async function isSaved(listener: SignedInListener, observation: Observation): Promise<boolean | null> {
    const uri = uriOf(observation);
    if (!uri || !listener.hasScopesFor('isSaved')) return null;
    const ask = async () => {
      const saved = await listener.spotify.isSaved(uri);
      // While the request was in flight a button changed it, and its effect is already recorded.
      if (saved === null) return latestSaved(listener, uri);
      await hub.recordSaved(listener.accountId, uri, saved);
      return saved;
    };
    return ask().catch(nullWithoutSpotify);
  }

  async function latestSaved({ accountId }: SignedInListener, uri: string): Promise<boolean | null> {
    const latest = await hub.latestObservation(accountId);
    return latest && uriOf(latest) === uri ? latest.saved : null;
  }

  /**
   * Recently played tracks, if nothing is playing; null if unknown. Optional, so most failures read as unknown. Programs ask
   * /library/recent if they want them.
   */
  async function recentlyPlayed(
    listener: SignedInListener,
    observation: Observation,
  ): Promise<readonly TimestampedItem[] | null> {
    const known = await knownRecent(listener, observation);
    if (known !== null || !showsRecent(listener, observation)) return known;
    const askedAt = now();
    const ask = async () => recent.set(listener.accountId, await listener.spotify.recentlyPlayed(), askedAt);
    return ask().catch(nullWithoutSpotify);
  }

  /** The same, but only if a page has asked Spotify since the music stopped: a stream makes no calls. */
  async function knownRecent(
    listener: SignedInListener,
    observation: Observation,
  ): Promise<readonly TimestampedItem[] | null> {
    return showsRecent(listener, observation) ? recent.get(listener.accountId, observation.since) : null;
  }
}

function cardLocals(listener: SignedInListener, card: Card) {
  return { ...card, ...playerData(card), ...controlsOf(listener, card) };
}

function showsRecent(listener: SignedInListener, { playback }: Observation): boolean {
  return playback.state === 'nothing' && listener.hasScopesFor('recentlyPlayed');
}

/** The answer, or null if Spotify is slow: it is then cached for the next page, or arrives by the stream. */
async function nullIfSlow<T>(answer: Promise<T | null>): Promise<T | null> {
  const timeout = new AbortController();
  // Rejects when aborted, after the race is over.
  const late = sleep(optionalWaitMs, null, { signal: timeout.signal }).catch(() => null);
  // safeguard: optional-data-timeout
  return Promise.race([answer, late]).finally(() => timeout.abort());
}
