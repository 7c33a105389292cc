import { setTimeout as sleep } from 'node:timers/promises';
import { type Request, Router } from 'express';
import type { ApiVersions } from '../../access/api-version.ts';
import { Cooldown, GrantLost } from '../../access/errors.ts';
import type { Recent } from '../../access/recent.ts';
import type { ResponseCache } from '../../access/response-cache.ts';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import { type Hub, nothingKnown } from '../../live/hub.ts';
import { type Seen, uriOf } from '../../live/observation.ts';
import type { Streams } from '../../live/sse.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import type { Dated } from '../../spotify/parse.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import { isWithoutPremium } from '../../web/premium.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { type Card, cardOf, numbers, versionOf } from './card.ts';
import { livePages, whoOf } from './live.ts';

type Deps = {
  webApi: WebApi;
  apiVersions: ApiVersions;
  signedIn: SignedIn;
  kept: ResponseCache;
  hub: Hub;
  streams: Streams;
  fetchSubscriptions: FetchSubscriptions;
  background: BackgroundTasks;
  recent: Recent;
  now: () => number;
};

const momentMs = 1_000;
/** For how long it is known whether a track is saved; our own buttons make it asked anew. */
const savedMs = 10 * 60_000;
/** For how long a page waits for what it could do without. */
const lockWaitMs = 1_500;
/** A page without scripts loads itself anew no more often than this. */
const leastRefreshMs = 20_000;

/**
 * What the listener is playing. One call to Spotify, and at most one more: whether the track is saved, when it is new; what was
 * played lately, when nothing plays and that was not asked in the last minutes.
 */
export function nowPlayingPages(deps: Deps): Router {
  const { webApi, apiVersions, signedIn, kept, hub, streams, fetchSubscriptions, background, recent, now } =
    deps;
  const router = Router();

  router.get('/now-playing', htmlOrJson, signedIn.middleware, async (req, res) => {
    // One of our buttons was pressed, maybe in another process: what is held here may be out of date.
    // safeguard: asking-player-again-on-page-after-change
    if (req.query.said !== undefined) req.listener.forget(['saved ', 'player']);
    const { seen, news } = await look(req);
    const saved = seen.saved ?? (await soon(isSaved(req, seen)));
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
    const recent = await soon(playedLately(req, seen));
    const card = cardOf({ ...seen, saved }, { ...news, sparingUntil: next.sparingUntil }, recent, now());
    const still = req.query.still !== undefined;
    res.render('now-playing/now-playing', {
      ...forView(req, card),
      version: versionOf(card),
      refreshSeconds: still ? null : refreshAfter(next.at, news.waitingUntil),
      heartbeatMs: streams.heartbeatMs,
      who: whoOf(req),
      said: req.query.said,
    });
  });

  router.use(
    livePages({ signedIn, hub, streams, fetchSubscriptions, background, now, knownLately, forView }),
  );

  return router;

  /** What Spotify says, or what it said last where we were asked to wait. */
  async function look(req: Request): Promise<{ seen: Seen; news: Card['news'] }> {
    const { accountId } = req.listener;
    try {
      // Another browser of the listener's may have been allowed more.
      // safeguard: odd-keeping-from-browser-what-it-was
      const known = req.listener.may(scopes.player) ? hub.fresh(accountId) : null;
      const seen = known ?? (await req.listener.askCached('player', momentMs, asked, scopes.player));
      return { seen, news: nothingKnown };
    } catch (error) {
      const seen = error instanceof Cooldown ? await hub.latest(accountId) : null;
      if (seen === null || !(error instanceof Cooldown)) throw error;
      await hub.learnWait(accountId, error);
      return { seen, news: { ...nothingKnown, waitingUntil: error.until, quota: error.quota } };
    }

    async function asked(token: string): Promise<Seen> {
      const askedAt = now();
      return hub.learn(accountId, await webApi.player(token), askedAt);
    }
  }

  function forView(req: Request, card: Card) {
    const may = { control: req.listener.may(scopes.control), save: req.listener.may(scopes.editLibrary) };
    const premium = !isWithoutPremium(kept, req.listener.accountId);
    return { ...card, ...numbers(card), may, premium, scopes };
  }

  /** Whether what plays is in the library; null where that cannot be said. Nothing that the page could not do without. */
  async function isSaved(req: Request, seen: Seen): Promise<boolean | null> {
    const uri = uriOf(seen);
    if (!uri || !req.listener.may(scopes.library)) return null;
    const ask = (token: string) => apiVersions.speak((apiVersion) => webApi.isSaved(token, uri, apiVersion));
    try {
      const name = `saved ${uri}`;
      const saved = await req.listener.askCached(name, savedMs, ask);
      // Not held: a button has changed it since Spotify was asked, and what that did is known already.
      // safeguard: believing-button-before-answer-was-on-its
      if (req.listener.peek(name, savedMs) === undefined) return await savedSince(req, uri);
      await hub.learnSaved(req.listener.accountId, uri, saved);
      return saved;
    } catch (error) {
      if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
      return null;
    }
  }

  async function savedSince(req: Request, uri: string): Promise<boolean | null> {
    const latest = await hub.latest(req.listener.accountId);
    return latest && uriOf(latest) === uri ? latest.saved : null;
  }

  /**
   * What was played before it fell silent; null where that cannot be said. Nothing that the page could not do without. Programs
   * are not told: they ask for /library/recent when they want it.
   */
  async function playedLately(req: Request, seen: Seen): Promise<readonly Dated[] | null> {
    const known = await knownLately(req, seen);
    if (known !== null || !tellsLately(req, seen)) return known;
    const askedAt = now();
    try {
      const played = await req.listener.askCached('recent', momentMs, webApi.recentlyPlayed, scopes.recent);
      return await recent.keep(req.listener.accountId, played, askedAt);
    } catch (error) {
      if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
      return null;
    }
  }

  /** The same, as far as a page has asked since it fell silent: all that a stream may show, because it makes no calls of its own. */
  async function knownLately(req: Request, seen: Seen): Promise<readonly Dated[] | null> {
    return tellsLately(req, seen) ? recent.of(req.listener.accountId, seen.since) : null;
  }

  function tellsLately(req: Request, { playback }: Seen): boolean {
    return playback.state === 'nothing' && req.listener.may(scopes.recent);
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
