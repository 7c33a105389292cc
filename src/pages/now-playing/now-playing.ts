import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'express';
import { Cooldown, GrantLost } from '../../access/errors.ts';
import { scopesFor } from '../../access/listener-calls.ts';
import type { Recent } from '../../access/recent.ts';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import { type Hub, nothingKnown } from '../../live/hub.ts';
import { type Seen, uriOf } from '../../live/observation.ts';
import type { Streams } from '../../live/sse.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import type { TimestampedItem } from '../../spotify/types.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { type Card, cardOf, numbers, versionOf } from './card.ts';
import { livePages, whoOf } from './live.ts';

type Deps = {
  signedIn: SignedIn;
  hub: Hub;
  streams: Streams;
  fetchSubscriptions: FetchSubscriptions;
  background: BackgroundTasks;
  recent: Recent;
  now: () => number;
};

/** For how long a page waits for what it could do without. */
const lockWaitMs = 1_500;
/** A page without scripts loads itself anew no more often than this. */
const leastRefreshMs = 20_000;

/**
 * What the listener is playing. One call to Spotify, and at most one more: whether the track is saved, when it is new; what was
 * played lately, when nothing plays and that was not asked in the last minutes.
 */
export function nowPlayingPages(deps: Deps): Router {
  const { signedIn, hub, streams, fetchSubscriptions, background, recent, now } = deps;
  const router = Router();

  const page = signedIn.page(async (req, res, listener) => {
    // One of our buttons was pressed, maybe in another process: what is held here may be out of date.
    // safeguard: asking-player-again-on-page-after-change
    if (req.query.said !== undefined) listener.invalidateHere('nowPlaying');
    const { seen, news } = await look(listener);
    const saved = seen.saved ?? (await soon(isSaved(listener, seen)));
    res.set('Cache-Control', 'private, no-store').vary('Accept');
    // Not by res.format: nothing awaits what it calls, and a failure there would be nobody's.
    if (wantsJson(req)) {
      const seenAt = new Date(seen.at).toISOString();
      const until = news.waitingUntil === null ? null : new Date(news.waitingUntil).toISOString();
      res.json({ ...seen.playback, saved, seenAt, waitingUntil: until });
      return;
    }
    // safeguard: awaiting-all-page-asks-redis
    const next = await hub.nextFor(seen);
    // safeguard: finishing-what-awaited-before-page-answered
    const recent = await soon(playedLately(listener, seen));
    const card = cardOf({ ...seen, saved }, { ...news, sparingUntil: next.sparingUntil }, recent, now());
    const still = req.query.still !== undefined;
    res.render('now-playing/now-playing', {
      ...forView(listener, card),
      version: versionOf(card),
      refreshSeconds: still ? null : refreshAfter(next.at, news.waitingUntil),
      heartbeatMs: streams.heartbeatMs,
      who: whoOf(req),
      said: req.query.said,
    });
  });
  router.get('/now-playing', htmlOrJson, page);

  router.use(
    livePages({ signedIn, hub, streams, fetchSubscriptions, background, now, knownLately, forView }),
  );

  return router;

  /** What Spotify says, or what it said last where we were asked to wait. */
  async function look(listener: SignedInListener): Promise<{ seen: Seen; news: Card['news'] }> {
    const { accountId } = listener;
    try {
      // Another browser of the listener's may have been allowed more.
      // safeguard: odd-keeping-from-browser-what-it-was
      const known = listener.hasScopesFor('player') ? hub.fresh(accountId) : null;
      const seen =
        known ??
        (await listener.spotify.player(({ playback, askedAt }) => hub.learn(accountId, playback, askedAt)));
      return { seen, news: nothingKnown };
    } catch (error) {
      const seen = error instanceof Cooldown ? await hub.latest(accountId) : null;
      if (seen === null || !(error instanceof Cooldown)) throw error;
      await hub.learnWait(accountId, error);
      return { seen, news: { ...nothingKnown, waitingUntil: error.until, quota: error.quota } };
    }
  }

  function forView(listener: SignedInListener, card: Card) {
    const may = { control: listener.hasScopesFor('play'), save: listener.hasScopesFor('saveToLibrary') };
    const scopes = { control: scopesFor('play'), editLibrary: scopesFor('saveToLibrary') };
    const premium = !listener.isWithoutPremium();
    return { ...card, ...numbers(card), may, premium, scopes };
  }

  /** Whether what plays is in the library; null where that cannot be said. Nothing that the page could not do without. */
  async function isSaved(listener: SignedInListener, seen: Seen): Promise<boolean | null> {
    const uri = uriOf(seen);
    if (!uri || !listener.hasScopesFor('isSaved')) return null;
    try {
      const saved = await listener.spotify.isSaved(uri);
      // A button has changed it since Spotify was asked, and the hub knows the result.
      if (saved === null) return await savedSince(listener, uri);
      await hub.learnSaved(listener.accountId, uri, saved);
      return saved;
    } catch (error) {
      if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
      return null;
    }
  }

  async function savedSince({ accountId }: SignedInListener, uri: string): Promise<boolean | null> {
    const latest = await hub.latest(accountId);
    return latest && uriOf(latest) === uri ? latest.saved : null;
  }

  /**
   * What was played before it fell silent; null where that cannot be said. Nothing that the page could not do without. Programs
   * are not told: they ask for /library/recent when they want it.
   */
  async function playedLately(
    listener: SignedInListener,
    seen: Seen,
  ): Promise<readonly TimestampedItem[] | null> {
    const known = await knownLately(listener, seen);
    if (known !== null || !tellsLately(listener, seen)) return known;
    const askedAt = now();
    try {
      const played = await listener.spotify.recentlyPlayed();
      return await recent.set(listener.accountId, played, askedAt);
    } catch (error) {
      if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
      return null;
    }
  }

  /** The same, as far as a page has asked since it fell silent: all that a stream may show, because it makes no calls of its own. */
  async function knownLately(
    listener: SignedInListener,
    seen: Seen,
  ): Promise<readonly TimestampedItem[] | null> {
    return tellsLately(listener, seen) ? recent.get(listener.accountId, seen.since) : null;
  }

  function tellsLately(listener: SignedInListener, { playback }: Seen): boolean {
    return playback.state === 'nothing' && listener.hasScopesFor('recentlyPlayed');
  }

  /** After how many seconds a page without scripts is to load itself anew. */
  function refreshAfter(at: number, waitingUntil: number | null): number {
    // Not all at once when it is over that Spotify asked us to wait.
    const then = waitingUntil === null ? at : waitingUntil + 1_000 + Math.random() * 30_000;
    return Math.ceil(Math.max(leastRefreshMs, then - now()) / 1000);
  }
}

/** What comes soon, else null: where Spotify is slow it is kept for the next page, or comes by the stream. */
async function soon<T>(answer: Promise<T | null>): Promise<T | null> {
  const enough = new AbortController();
  // Rejects when it is aborted, where nobody waits for it any more.
  const late = sleep(lockWaitMs, null, { signal: enough.signal }).catch(() => null);
  // safeguard: not-waiting-long-for-what-page-could
  return Promise.race([answer, late]).finally(() => enough.abort());
}
