import { createHash } from 'node:crypto';
import { type Request, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import type { Door } from '../../access/door.ts';
import { CoolDown, GrantLost, SessionsUnavailable } from '../../access/errors.ts';
import type { Kept } from '../../access/kept.ts';
import { nextLook } from '../../live/cadence.ts';
import type { Hub, News } from '../../live/hub.ts';
import { isOther, type Seen, uriOf } from '../../live/seen.ts';
import type { Stream, Streams } from '../../live/stream.ts';
import type { Playback } from '../../spotify/answers.ts';
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
  door: Door;
  now: () => number;
};

/** What the card shows, on the page and in the stream. */
type Card = {
  playback: Playback;
  /** How far it is now, in milliseconds; null where that cannot be told. */
  progressMs: number | null;
  /** Null where it is not known whether the track is in the library. */
  saved: boolean | null;
  news: Omit<News, 'seen'>;
  seenAt: number;
};

const momentMs = 1_000;
/** For how long it is known whether a track is saved; our own buttons make it asked anew. */
const savedMs = 10 * 60_000;
/** What a page may take to load and to open its stream. */
const loadingMs = 10_000;
/** A page without scripts loads itself anew no more often than this. */
const leastRefreshMs = 20_000;

/** What the listener is playing. One call to Spotify, one more when the track is new: whether it is saved. */
export function nowPlayingPages({
  webApi,
  dialects,
  signedIn,
  kept,
  hub,
  streams,
  door,
  now,
}: Needs): Router {
  const router = Router();

  router.get('/now-playing', htmlOrJson, signedIn.middleware, async (req, res) => {
    // One of our buttons was pressed, maybe in another process: what is kept here may be out of date.
    if (req.query.said !== undefined) req.listener.forget('saved ');
    const { seen, news } = await look(req);
    const saved = seen.saved ?? (await isSaved(req, seen));
    const card: Card = { ...facts(seen), saved, news };
    res.set('Cache-Control', 'private, no-store');
    await res.format({
      async html() {
        const still = req.query.still !== undefined;
        const refreshSeconds = still ? null : await refreshAfter(seen, news.waitingUntil);
        const who = createHash('sha256').update(req.session.id).digest('base64url').slice(0, 12);
        res.render('now-playing/now-playing', {
          ...forView(req, card),
          refreshSeconds,
          who,
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
        if (news.seen) sendCard(stream, news.seen, news);
      },
      onEnd() {
        leave();
        stream.end('end');
      },
    });
    res.once('close', leave);
    // Somebody who comes back to look is shown what is so now; who has just loaded the page was shown it there.
    hub.look(accountId, req.query.look === 'now' ? momentMs : loadingMs);

    function sendCard(stream: Stream, seen: Seen, news: News): void {
      const card = { ...facts(seen), saved: seen.saved, news };
      res.render('now-playing/card', forView(req, card), (failure, html) => {
        // A card that cannot be made ends this stream, and nothing else.
        if (failure) next(failure);
        else stream.send('card', { html, ...numbers(card) });
      });
    }
  });

  // Somebody has come back to a window whose events come by another one.
  router.post('/now-playing/look', signedIn.middleware, (req, res) => {
    hub.look(req.listener.accountId, momentMs);
    res.status(204).end();
  });

  return router;

  /** What Spotify says, or what it said last where we were asked to wait. */
  async function look(req: Request): Promise<{ seen: Seen; news: Card['news'] }> {
    const { accountId } = req.listener;
    try {
      const seen =
        hub.fresh(accountId) ?? (await req.listener.askKept('player', momentMs, asked, scopes.player));
      return { seen, news: noNews };
    } catch (error) {
      const seen = error instanceof CoolDown ? await hub.latest(accountId) : null;
      if (seen === null || !(error instanceof CoolDown)) throw error;
      return { seen, news: { ...noNews, waitingUntil: error.until, quota: error.quota } };
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
      if (error instanceof GrantLost || error instanceof SessionsUnavailable) throw error;
      return null;
    }
  }

  /** After how many seconds a page without scripts is to load itself anew. */
  async function refreshAfter(seen: Seen, waitingUntil: number | null): Promise<number> {
    const { at } = nextLook({ now: now(), seen, budget: await door.budget(), watched: 1 });
    // Not all at once when it is over that Spotify asked us to wait.
    const then = waitingUntil === null ? at : waitingUntil + 1_000 + Math.random() * 30_000;
    return Math.ceil(Math.max(leastRefreshMs, then - now()) / 1000);
  }
}

const noNews: Card['news'] = { waitingUntil: null, quota: false, silent: false, sparingUntil: null };

/** The few numbers that the progress bar needs, and the title of the page. */
function numbers({ playback, progressMs }: Card) {
  const item = playback.state === 'nothing' ? null : playback.item;
  return {
    what: item?.name ?? null,
    by:
      item === null
        ? null
        : item.kind === 'episode'
          ? (item.show?.name ?? null)
          : (item.artists[0]?.name ?? null),
    uri: item?.uri ?? null,
    playing: playback.state === 'playing',
    progressMs,
    durationMs: item?.durationMs ?? null,
  };
}

/** Whether there is something new to be seen. */
function isNews(before: News, after: News): boolean {
  const notes = ({ seen, waitingUntil, quota, silent, sparingUntil }: News) =>
    JSON.stringify([seen?.saved, waitingUntil, quota, silent, sparingUntil !== null]);
  if (notes(before) !== notes(after)) return true;
  return after.seen !== null && (before.seen === null || isOther(before.seen, after.seen));
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
