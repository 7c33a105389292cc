import { createHash } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import type { Hub } from '../../live/hub.ts';
import type { News } from '../../live/messages.ts';
import type { Seen } from '../../live/observation.ts';
import type { Stream, Streams } from '../../live/sse.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { nullIfUnavailable } from '../../redis/errors.ts';
import { MissingScope } from '../../spotify/errors.ts';
import { scopes } from '../../spotify/web-api.ts';
import { Problem } from '../../web/error-pages.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { type Card, cardOf, hasChanged, numbers, versionOf } from './card.ts';

type Deps = {
  signedIn: SignedIn;
  hub: Hub;
  streams: Streams;
  fetchSubscriptions: FetchSubscriptions;
  background: BackgroundTasks;
  now: () => number;
  /** What was played before it fell silent, as far as that is known without asking Spotify. */
  knownLately: (req: Request, seen: Seen) => Promise<Card['recent']>;
  /** What the view of a card needs. */
  forView: (req: Request, card: Card) => object;
};

/**
 * The time until a page fetches the card again: so long after the next poll is due, to find what it has brought, or where nobody here
 * knows when that is. Sooner than the least would only find the same; later than the most would miss what pages and buttons bring.
 */
const fetchMs = { afterPoll: 1_000, unknown: 10_000, least: 2_000, most: 60_000 };
/** A fetch that is late by more has stopped. */
const graceMs = 15_000;

/**
 * What keeps the page up to date: a stream of events, or, where a proxy holds streams back, fetches of the card. Neither calls
 * Spotify: the hub polls, once for all who watch a listener.
 */
export function livePages(deps: Deps): Router {
  const { signedIn, hub, streams, fetchSubscriptions, background, now, knownLately, forView } = deps;
  const router = Router();

  // safeguard: limit-live-updates-being-one-its-own
  router.get('/now-playing/events', signedIn.forUpdates, async (req, res) => {
    demandOwn(req);
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
        if (last !== null && !hasChanged(last, news)) return;
        last = news;
        // safeguard: reporting-card-could-not-be-sent
        if (news.seen) background.run('send a card', sendCard(stream, news.seen, news));
      },
      onEnd() {
        leave();
        stream.end('end');
      },
    });
    res.once('close', leave);
    // Someone who comes back to look is shown what is so now; who has just loaded the page was shown it there, and a stream that broke
    // and is made again is nobody's wish.
    // safeguard: odd-telling-stream-made-again-from-wish
    if (req.query.look === 'now' && !req.get('Last-Event-ID')) hub.look(accountId);

    async function sendCard(stream: Stream, seen: Seen, news: News): Promise<void> {
      try {
        // A card without what was played before is better than none.
        // safeguard: showing-card-without-what-redis-would-have
        const recent = await knownLately(req, seen).catch(nullIfUnavailable);
        const card = cardOf(seen, news, recent, now());
        const html = await render(req, res, card);
        // Something else has come in the meantime, and is on its way.
        if (last === news) stream.send('card', { html, version: versionOf(card), ...numbers(card) });
      } catch (error) {
        // A card that cannot be made ends this stream, and nothing else.
        res.destroy();
        throw error;
      }
    }
  });

  // The same without a stream. The subscription that it renews keeps the hub polling until the page has stopped asking.
  router.get('/now-playing/card', signedIn.forUpdates, async (req, res) => {
    demandOwn(req);
    const { accountId } = req.listener;
    fetchSubscriptions.renew(accountId, req.session.id, graceMs);
    const isWished = req.query.look === 'now';
    if (isWished) hub.look(accountId);
    const news = await hub.newsOf(accountId);
    const nextMs = isWished ? fetchMs.least : nextFetchIn(await hub.nextPollIn(accountId));
    const { seen } = news;
    const card = seen && cardOf(seen, news, await knownLately(req, seen), now());
    const version = card && versionOf(card);
    // safeguard: leaving-card-alone-shown-already
    const html = card && version !== req.query.version ? await render(req, res, card) : null;
    // safeguard: keeping-hub-polling-for-page-fetches
    fetchSubscriptions.renew(accountId, req.session.id, nextMs + graceMs);
    res.set('Cache-Control', 'private, no-store').json({ html, version, nextMs, ...(card && numbers(card)) });
  });

  // Someone has come back to a window whose events come by another one.
  router.post('/now-playing/look', signedIn.middleware, (req, res) => {
    hub.look(req.listener.accountId);
    res.status(204).end();
  });

  return router;

  function render(req: Request, res: Response, card: Card): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    res.render('now-playing/card', forView(req, card), (failure, html) =>
      failure ? reject(failure) : resolve(html),
    );
    return promise;
  }
}

/** When to fetch the card again, in milliseconds from now, where the next poll is due in so many; null where that is not known. */
function nextFetchIn(pollInMs: number | null): number {
  // safeguard: fetching-after-poll-and-not-before
  const wanted = pollInMs === null ? fetchMs.unknown : pollInMs + fetchMs.afterPoll;
  return Math.min(fetchMs.most, Math.max(fetchMs.least, wanted));
}

/** A name for this sign-in, which says nothing else: by it the windows of a browser know that they belong together. */
export function whoOf(req: Request): string {
  return createHash('sha256').update(req.session.id).digest('base64url').slice(0, 12);
}

/** Throws unless the window belongs to this sign-in, and the sign-in may see what plays. */
function demandOwn(req: Request): void {
  if (req.query.who !== undefined && req.query.who !== whoOf(req)) throw otherSignIn();
  if (!req.listener.may(scopes.player)) throw new MissingScope('Not granted', scopes.player);
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
