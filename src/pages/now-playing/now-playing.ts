import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Request, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import { CoolDown, GrantLost } from '../../access/errors.ts';
import type { Kept } from '../../access/kept.ts';
import type { Recent } from '../../access/recent.ts';
import { type Hub, nothingKnown } from '../../live/hub.ts';
import type { News } from '../../live/messages.ts';
import { isOther, type Seen, uriOf } from '../../live/seen.ts';
import type { Stream, Streams } from '../../live/stream.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import type { Dated, Playback } from '../../spotify/answers.ts';
import { MissingScope } from '../../spotify/errors.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import { Problem } from '../../web/error-pages.ts';
import { isWithoutPremium } from '../../web/premium.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Needs = {
  webApi: WebApi;
  dialects: Dialects;
  signedIn: SignedIn;
  kept: Kept;
  hub: Hub;
  streams: Streams;
  recent: Recent;
  now: () => number;
};

/** What the card shows, on the page and in the stream. */
type Card = {
  playback: Playback;
  /** How far it is now, in milliseconds; null where that cannot be told. */
  progressMs: number | null;
  /** Null where it is not known whether the track is in the library. */
  saved: boolean | null;
  /** What was played before, where nothing plays; null where that is not known. */
  recent: readonly Dated[] | null;
  news: Omit<News, 'seen'>;
  seenAt: number;
};

const momentMs = 1_000;
/** For how long it is known whether a track is saved; our own buttons make it asked anew. */
const savedMs = 10 * 60_000;
/** For how long a page waits for what it could do without. */
const patienceMs = 1_500;
/** A page without scripts loads itself anew no more often than this. */
const leastRefreshMs = 20_000;

/**
 * What the listener is playing. One call to Spotify, and at most one more: whether the track is saved, when it is new; what was
 * played lately, when nothing plays and that was not asked in the last minutes.
 */
export function nowPlayingPages({
  webApi,
  dialects,
  signedIn,
  kept,
  hub,
  streams,
  recent,
  now,
}: Needs): Router {
  const router = Router();

  router.get('/now-playing', htmlOrJson, signedIn.middleware, async (req, res) => {
    // One of our buttons was pressed, maybe in another process: what is kept here may be out of date.
    if (req.query.said !== undefined) req.listener.forget('saved ');
    const { seen, news } = await look(req);
    const saved = seen.saved ?? (await soon(isSaved(req, seen)));
    const card: Card = { ...facts(seen), saved, recent: null, news };
    res.set('Cache-Control', 'private, no-store');
    await res.format({
      async html() {
        const still = req.query.still !== undefined;
        const next = await hub.nextFor(seen);
        card.news = { ...news, sparingUntil: next.sparingUntil };
        const refreshSeconds = still ? null : refreshAfter(next.at, news.waitingUntil);
        card.recent = await soon(playedLately(req, seen));
        res.render('now-playing/now-playing', {
          ...forView(req, card),
          refreshSeconds,
          who: whoOf(req),
          said: req.query.said,
        });
      },
      json() {
        const { playback } = card;
        const seenAt = new Date(seen.at).toISOString();
        const until = news.waitingUntil === null ? null : new Date(news.waitingUntil).toISOString();
        res.json({ ...playback, saved, seenAt, waitingUntil: until });
      },
    });
  });

  // No call to Spotify of its own: the hub looks, once for all who watch.
  router.get('/now-playing/events', signedIn.middleware, async (req, res, next) => {
    if (req.query.who !== undefined && req.query.who !== whoOf(req)) throw otherSignIn();
    if (!req.listener.may(scopes.player)) throw new MissingScope('Not granted', scopes.player);
    if (req.method === 'HEAD') return void res.type('text/event-stream').end();
    const { accountId } = req.listener;
    const sessionId = req.session.id;
    let last: News | null = null;
    const stream = await streams.begin(res, sessionId);
    if (stream === 'gone') return;
    if (stream === 'too many') throw tooMany();
    const leave = hub.watch(accountId, {
      sessionId,
      onNews(news) {
        if (last !== null && !isNews(last, news)) return;
        last = news;
        if (news.seen) void sendCard(stream, news.seen, news);
      },
      onEnd() {
        leave();
        stream.end('end');
      },
    });
    res.once('close', leave);
    // Somebody who comes back to look is shown what is so now; who has just loaded the page was shown it there, and a stream that broke
    // and is made again is nobody's wish.
    if (req.query.look === 'now' && !req.get('Last-Event-ID')) hub.look(accountId);

    async function sendCard(stream: Stream, seen: Seen, news: News): Promise<void> {
      const recent = await knownLately(req, seen).catch(() => null);
      // Something else has come meanwhile, and is on its way.
      if (last !== news) return;
      const card = { ...facts(seen), saved: seen.saved, recent, news };
      res.render('now-playing/card', forView(req, card), (failure, html) => {
        // A card that cannot be made ends this stream, and nothing else.
        if (failure) next(failure);
        else stream.send('card', { html, ...numbers(card) });
      });
    }
  });

  // Somebody has come back to a window whose events come by another one.
  router.post('/now-playing/look', signedIn.middleware, (req, res) => {
    hub.look(req.listener.accountId);
    res.status(204).end();
  });

  return router;

  /** What Spotify says, or what it said last where we were asked to wait. */
  async function look(req: Request): Promise<{ seen: Seen; news: Card['news'] }> {
    const { accountId } = req.listener;
    try {
      // Another browser of the listener's may have been allowed more.
      const known = req.listener.may(scopes.player) ? hub.fresh(accountId) : null;
      const seen = known ?? (await req.listener.askKept('player', momentMs, asked, scopes.player));
      return { seen, news: nothingKnown };
    } catch (error) {
      const seen = error instanceof CoolDown ? await hub.latest(accountId) : null;
      if (seen === null || !(error instanceof CoolDown)) throw error;
      await hub.learnWait(accountId, error);
      return { seen, news: { ...nothingKnown, waitingUntil: error.until, quota: error.quota } };
    }

    async function asked(token: string): Promise<Seen> {
      const askedAt = now();
      return hub.learn(accountId, await webApi.player(token), askedAt);
    }
  }

  function facts(seen: Seen): Pick<Card, 'playback' | 'progressMs' | 'seenAt'> {
    const { playback, at } = seen;
    if (playback.state === 'nothing' || playback.progressMs === null) {
      return { playback, progressMs: null, seenAt: at };
    }
    const since = playback.state === 'playing' ? now() - at : 0;
    const end = playback.item?.durationMs ?? Number.POSITIVE_INFINITY;
    return { playback, progressMs: Math.min(playback.progressMs + since, end), seenAt: at };
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
    const ask = (token: string) => dialects.speak((dialect) => webApi.isSaved(token, uri, dialect));
    try {
      const saved = await req.listener.askKept(`saved ${uri}`, savedMs, ask);
      await hub.learnSaved(req.listener.accountId, uri, saved);
      return saved;
    } catch (error) {
      if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
      return null;
    }
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
      const played = await req.listener.askKept('recent', momentMs, webApi.recentlyPlayed, scopes.recent);
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
  const late = sleep(patienceMs, null, { signal: enough.signal }).catch(() => null);
  return Promise.race([answer, late]).finally(() => enough.abort());
}

/** The few numbers that the progress bar needs, and the title of the page. */
function numbers({ playback, progressMs }: Card) {
  const item = playback.state === 'nothing' ? null : playback.item;
  return {
    what: item?.name ?? null,
    by:
      item === null
        ? null
        : item.kind === 'track'
          ? (item.artists[0]?.name ?? null)
          : (item.show?.name ?? item.authors[0]?.name ?? null),
    uri: item?.uri ?? null,
    playing: playback.state === 'playing',
    progressMs,
    durationMs: item?.durationMs ?? null,
  };
}

/** Whether there is something new to be seen. */
function isNews(before: News, after: News): boolean {
  const notes = ({ seen, waitingUntil, quota, silent, sparingUntil, stalled }: News) =>
    JSON.stringify([seen?.saved, waitingUntil, quota, silent, sparingUntil, stalled]);
  if (notes(before) !== notes(after)) return true;
  return after.seen !== null && (before.seen === null || isOther(before.seen, after.seen));
}

/** A name for this sign-in, which says nothing else: by it the windows of a browser know that they belong together. */
function whoOf(req: Request): string {
  return createHash('sha256').update(req.session.id).digest('base64url').slice(0, 12);
}

function otherSignIn(): Problem {
  return new Problem({
    status: 403,
    reason: 'other-sign-in',
    title: 'Somebody else is signed in by now',
    text: 'This window is from an earlier sign-in. Load the page anew.',
    actions: [{ label: 'Go to what is playing', href: '/now-playing' }],
  });
}

function tooMany(): Problem {
  return new Problem({
    status: 429,
    reason: 'too-many-streams',
    title: 'This is open in too many places',
    text: 'Close some of the windows that show what is playing.',
    retryAfterSeconds: 60,
    actions: [{ label: 'Go to what is playing', href: '/now-playing' }],
  });
}
