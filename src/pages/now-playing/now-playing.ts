import { type Request, Router } from 'express';
import type { Dialects } from '../../access/dialects.ts';
import type { Door } from '../../access/door.ts';
import { CoolDown, GrantLost, SessionsUnavailable } from '../../access/errors.ts';
import { nextLook, type Seen } from '../../live/cadence.ts';
import { type Hub, isOther, type News } from '../../live/hub.ts';
import type { Streams } from '../../live/stream.ts';
import type { Playback } from '../../spotify/answers.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import { Problem } from '../../web/error-pages.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson } from '../../web/wants-json.ts';

type Needs = {
  webApi: WebApi;
  dialects: Dialects;
  signedIn: SignedIn;
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
  said: unknown;
};

const momentMs = 1_000;
/** What a page may take to load and to open its stream. */
const loadingMs = 10_000;
/** For how long it is known whether a track is saved; our own buttons make it asked anew. */
const savedMs = 10 * 60_000;
/** A page without scripts loads itself anew no more often than this. */
const leastRefreshMs = 20_000;

/** What the listener is playing. One call to Spotify, one more when the track is new: whether it is saved. */
export function nowPlayingPages({ webApi, dialects, signedIn, hub, streams, door, now }: Needs): Router {
  const router = Router();

  router.get('/now-playing', htmlOrJson, signedIn.middleware, async (req, res) => {
    // One of our buttons was pressed, maybe in another process: what is kept here may be out of date.
    if (req.query.said !== undefined) req.listener.forget('saved ');
    const { seen, waitingUntil } = await look(req);
    const card: Card = {
      ...facts(seen),
      saved: await isSaved(req, seen.playback),
      news: { waitingUntil, silent: false, sparingUntil: null },
      said: req.query.said,
    };
    res.set('Cache-Control', 'private, no-store');
    await res.format({
      async html() {
        const still = req.query.still !== undefined;
        const refreshSeconds = still ? null : await refreshAfter(seen, waitingUntil);
        res.render('now-playing/now-playing', { ...forView(req, card), refreshSeconds });
      },
      json() {
        const { playback, saved } = card;
        const seenAt = new Date(seen.at).toISOString();
        const until = waitingUntil === null ? null : new Date(waitingUntil).toISOString();
        res.json({ ...playback, saved, seenAt, waitingUntil: until });
      },
    });
  });

  // No call to Spotify of its own: the hub looks, once for all who watch.
  router.get('/now-playing/events', signedIn.middleware, (req, res) => {
    const { accountId } = req.listener;
    const sessionId = req.session.id;
    let last: News | null = null;
    const stream = streams.begin(res, sessionId, () => leave()) ?? tooMany();
    const leave = hub.watch(accountId, {
      sessionId,
      onNews(news) {
        if (last !== null && !isNews(last, news)) return;
        last = news;
        if (news.seen) sendCard(news.seen, news);
      },
      onEnd: () => stream.end('end'),
    });
    // Somebody who comes back to look is shown what is so now; who has just loaded the page was shown it there.
    hub.look(accountId, req.query.look === 'now' ? momentMs : loadingMs);

    function sendCard(seen: Seen, { waitingUntil, silent, sparingUntil }: News): void {
      const saved = req.listener.kept<boolean | null>(savedName(seen.playback), savedMs) ?? null;
      const card = {
        ...facts(seen),
        saved,
        news: { waitingUntil, silent, sparingUntil },
        said: req.query.said,
      };
      res.render('now-playing/card', forView(req, card), (failure, html) => {
        if (failure) throw failure;
        stream.send('card', { html, ...numbers(card) });
      });
    }
  });

  return router;

  /** What Spotify says, or what it said last where we were asked to wait. */
  async function look(req: Request): Promise<{ seen: Seen; waitingUntil: number | null }> {
    const { accountId } = req.listener;
    try {
      const seen =
        hub.fresh(accountId) ?? (await req.listener.askKept('player', momentMs, asked, scopes.player));
      return { seen, waitingUntil: null };
    } catch (error) {
      const seen = error instanceof CoolDown ? await hub.latest(accountId) : null;
      if (seen === null || !(error instanceof CoolDown)) throw error;
      return { seen, waitingUntil: error.until };
    }

    async function asked(token: string): Promise<Seen> {
      const playback = await webApi.player(token);
      hub.learn(accountId, playback);
      return { playback, at: now() };
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
    return { ...card, ...numbers(card), may, scopes };
  }

  /** Whether what plays is in the library; null where that cannot be said. Nothing that the page could not do without. */
  async function isSaved(req: Request, playback: Playback): Promise<boolean | null> {
    const uri = uriOf(playback);
    if (!uri || !req.listener.may(scopes.library)) return null;
    const ask = (token: string) => dialects.speak((dialect) => webApi.isSaved(token, uri, dialect));
    return req.listener.askKept(savedName(playback), savedMs, ask).catch((error: unknown) => {
      if (error instanceof GrantLost || error instanceof SessionsUnavailable) throw error;
      return null;
    });
  }

  /** After how many seconds a page without scripts is to load itself anew. */
  async function refreshAfter(seen: Seen, waitingUntil: number | null): Promise<number> {
    const circumstances = { now: now(), unchangedSince: seen.at, overdueLooks: 0, watched: 1 };
    const { at } = nextLook({ ...circumstances, seen, budget: await door.budget() });
    return Math.ceil(Math.max(leastRefreshMs, (waitingUntil ?? at) - now()) / 1000);
  }
}

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

function uriOf(playback: Playback): string | null {
  return playback.state === 'nothing' ? null : (playback.item?.uri ?? null);
}

function savedName(playback: Playback): string {
  return `saved ${uriOf(playback)}`;
}

/** Whether there is something new to be seen. */
function isNews(before: News, after: News): boolean {
  const notes = ({ waitingUntil, silent, sparingUntil }: News) =>
    JSON.stringify([waitingUntil, silent, sparingUntil !== null]);
  if (notes(before) !== notes(after)) return true;
  return after.seen !== null && (before.seen === null || isOther(before.seen, after.seen));
}

function tooMany(): never {
  throw new Problem({
    status: 429,
    reason: 'too-many-streams',
    title: 'This is open in too many places',
    text: 'Close some of the windows that show what is playing.',
    retryAfterSeconds: 60,
    actions: [{ label: 'Go to what is playing', href: '/now-playing' }],
  });
}
