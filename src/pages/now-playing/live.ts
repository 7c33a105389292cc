import { createHash } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import type { Hub } from '../../live/hub.ts';
import type { Observation } from '../../live/observation.ts';
import type { Stream, Streams } from '../../live/sse.ts';
import type { LiveState } from '../../live/state.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { nullIfUnavailable } from '../../redis/errors.ts';
import { routes } from '../../routes.ts';
import { Problem } from '../../web/errors.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { type Card, cardOf, playerData, versionOf } from './card.ts';

type Deps = {
  signedIn: SignedIn;
  hub: Hub;
  streams: Streams;
  fetchSubscriptions: FetchSubscriptions;
  background: BackgroundTasks;
  now: () => number;
  /** Recently played tracks, if nothing is playing and they are known without asking Spotify. */
  knownRecent: (listener: SignedInListener, observation: Observation) => Promise<Card['recent']>;
  /** The locals of the card's view. */
  cardLocals: (listener: SignedInListener, card: Card) => object;
};

/**
 * When a page fetches the card again: shortly after the next poll is due, to find its result, or after a fixed time if this process does
 * not know when that is. Before `min` it would find nothing new; after `max` it would miss what pages and buttons bring.
 */
const fetchMs = { afterPoll: 1_000, unknown: 10_000, min: 2_000, max: 60_000 };
/** If a page's fetch is overdue by more than this, the page has been closed. */
const graceMs = 15_000;

/**
 * Live updates of the card: a stream of events or, behind a proxy that buffers streams, fetches of the card. Neither calls Spotify: the
 * hub polls, once for all subscribers of a listener.
 */
export function livePages(deps: Deps): Router {
  const { signedIn, hub, streams, fetchSubscriptions, background, now, knownRecent, cardLocals } = deps;
  const router = Router();

  // safeguard: separate-stream-limit
  const events = signedIn.liveUpdates(async (req, res, listener) => {
    requireSameSignIn(req, listener);
    if (req.method === 'HEAD') return void res.type('text/event-stream').end();
    const { accountId } = listener;
    const sessionId = req.session.id;
    let latest: LiveState | null = null;
    const stream = await streams.begin(res, sessionId);
    if (stream === 'gone') return;
    if (stream === 'too many') throw tooManyStreams();
    const unsubscribe = hub.subscribe(accountId, {
      sessionId,
      onUpdate(live) {
        latest = live;
        // safeguard: report-unsent-card
        if (live.observation) background.run('send a card', sendCard(stream, live.observation, live));
      },
      onEnd() {
        unsubscribe();
        stream.end('end');
      },
    });
    res.once('close', unsubscribe);
    // Someone who returns to the tab should see what is playing now. A reconnect by the browser itself (it sends Last-Event-ID) needs no poll.
    // safeguard: no-poll-on-reconnect
    if (req.query.poll === 'now' && !req.get('Last-Event-ID')) hub.requestPoll(accountId);

    async function sendCard(stream: Stream, observation: Observation, live: LiveState): Promise<void> {
      try {
        // A card without recently played tracks is better than none.
        // safeguard: card-without-recent-tracks
        const recent = await knownRecent(listener, observation).catch(nullIfUnavailable);
        const card = cardOf(observation, live, recent, now());
        const html = await render(res, listener, card);
        // Otherwise a newer card is on its way.
        if (latest === live) stream.send('card', { html, version: versionOf(card), ...playerData(card) });
      } catch (error) {
        // A card that cannot be rendered ends this stream and nothing else.
        res.destroy();
        throw error;
      }
    }
  });
  router.get(routes.nowPlayingEvents(), events);

  // For pages without a stream. The subscription keeps the hub polling until the page stops fetching.
  const fetchCard = signedIn.liveUpdates(async (req, res, listener) => {
    requireSameSignIn(req, listener);
    const { accountId } = listener;
    fetchSubscriptions.extend(accountId, req.session.id, graceMs);
    const isPollRequested = req.query.poll === 'now';
    if (isPollRequested) hub.requestPoll(accountId);
    const live = await hub.liveState(accountId);
    const nextMs = isPollRequested ? fetchMs.min : nextFetchInMs(await hub.nextPollInMs(accountId));
    const { observation } = live;
    const card = observation && cardOf(observation, live, await knownRecent(listener, observation), now());
    const version = card && versionOf(card);
    // safeguard: skip-unchanged-card
    const html = card && version !== req.query.version ? await render(res, listener, card) : null;
    // safeguard: poll-for-fetching-pages
    fetchSubscriptions.extend(accountId, req.session.id, nextMs + graceMs);
    const data = card && playerData(card);
    res.set('Cache-Control', 'private, no-store').json({ html, version, nextMs, ...data });
  });
  router.get(routes.nowPlayingCard(), fetchCard);

  // Someone has returned to a tab whose events arrive through another tab.
  const poll = signedIn.page((_req, res, { accountId }) => {
    hub.requestPoll(accountId);
    res.status(204).end();
  });
  router.post(routes.nowPlayingPoll(), poll);

  return router;

  function render(res: Response, listener: SignedInListener, card: Card): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    res.render('now-playing/card', cardLocals(listener, card), (failure, html) =>
      failure ? reject(failure) : resolve(html),
    );
    return promise;
  }
}

/** Returns in how many milliseconds to fetch the card again; `pollInMs` is null if it is not known when the next poll is due. */
function nextFetchInMs(pollInMs: number | null): number {
  // safeguard: fetch-after-poll
  const wanted = pollInMs === null ? fetchMs.unknown : pollInMs + fetchMs.afterPoll;
  return Math.min(fetchMs.max, Math.max(fetchMs.min, wanted));
}

/** Returns a short hash that tells the tabs of a browser whether they belong to the same sign-in. It reveals nothing about the session. */
export function signInHash(req: Request): string {
  return createHash('sha256').update(req.session.id).digest('base64url').slice(0, 12);
}

/** Throws unless the tab belongs to this sign-in, and the sign-in may see what is playing. */
function requireSameSignIn(req: Request, listener: SignedInListener): void {
  if (req.query.signIn !== undefined && req.query.signIn !== signInHash(req)) throw otherSignIn();
  listener.requireScopesFor('player');
}

function otherSignIn(): Problem {
  return new Problem({
    status: 403,
    reason: 'other-sign-in',
    title: 'Someone else is signed in now',
    text: 'This window is from an earlier sign-in. Reload the page.',
    actions: [{ label: 'Now playing', href: routes.nowPlaying() }],
  });
}

function tooManyStreams(): Problem {
  return new Problem({
    status: 429,
    reason: 'too-many-streams',
    title: 'Now playing is open in too many windows',
    text: 'Close some of them, then reload this page.',
    retryAfterSeconds: 60,
    actions: [{ label: 'Now playing', href: routes.nowPlaying() }],
  });
}
