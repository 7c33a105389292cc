import { type Request, Router } from 'express';
import type { Interest } from '../../live/cadence.ts';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import type { Hub } from '../../live/hub.ts';
import type { Observation } from '../../live/observation.ts';
import type { Stream, Streams } from '../../live/sse.ts';
import type { LiveState } from '../../live/state.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { nullIfUnavailable } from '../../redis/errors.ts';
import { routes } from '../../routes.ts';
import { cover } from '../../web/cover.ts';
import { type CoverColors, noColor } from '../../web/cover-colors.ts';
import { Problem } from '../../web/errors.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { barCoverSize, type Card, cardOf, coversOf, playerData, versionOf } from './card.ts';
import { controlsOf } from './controls.ts';
import { render } from './render.ts';
import { requireSameSignIn } from './same-sign-in.ts';

type Deps = {
  signedIn: SignedIn;
  hub: Hub;
  streams: Streams;
  fetchSubscriptions: FetchSubscriptions;
  background: BackgroundTasks;
  coverColors: CoverColors;
  now: () => number;
  /** Recently played tracks, if nothing is playing and they are known without asking Spotify. */
  knownRecent: (listener: SignedInListener, observation: Observation) => Promise<Card['recent']>;
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
  const { signedIn, hub, streams, fetchSubscriptions, background, coverColors } = deps;
  const { now, knownRecent, cardLocals } = deps;
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
    const interest = interestOf(req);
    const unsubscribe = hub.subscribe(accountId, {
      sessionId,
      interest,
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
        const card = await cardFor(observation, live);
        const html =
          interest === 'everything'
            ? await render(res, 'now-playing/card', cardLocals(listener, card))
            : null;
        // Otherwise a newer card is on its way.
        if (latest !== live) return;
        // A bar doesn't have its own color.
        const color = interest === 'everything' ? coverColors.of(coversOf(card)) : '';
        stream.send('card', { html, color, ...cardData(listener, card) });
        if (interest !== 'everything' || color !== noColor) return;
        const found = await coverColors.find(coversOf(card));
        if (found === noColor || latest !== live) return;
        // The same card, with its progress as of now.
        const later = cardData(listener, await cardFor(observation, live));
        // safeguard: color-after-card
        stream.send('card', { html: null, color: found, ...later });
      } catch (error) {
        // A card that cannot be rendered ends this stream and nothing else.
        res.destroy();
        throw error;
      }
    }

    /** A bar shows no recently played tracks. A card without them is better than none. */
    async function cardFor(observation: Observation, live: LiveState): Promise<Card> {
      if (interest !== 'everything') return cardOf(observation, live, null, now());
      // safeguard: card-without-recent-tracks
      const recent = await knownRecent(listener, observation).catch(nullIfUnavailable);
      return cardOf(observation, live, recent, now());
    }
  });
  router.get(routes.nowPlayingEvents(), events);

  // For pages without a stream. The subscription keeps the hub polling until the page stops fetching.
  const fetchCard = signedIn.liveUpdates(async (req, res, listener) => {
    requireSameSignIn(req, listener);
    const { accountId } = listener;
    const interest = interestOf(req);
    fetchSubscriptions.extend(accountId, req.session.id, graceMs, interest);
    const isPollRequested = req.query.poll === 'now';
    if (isPollRequested) hub.requestPoll(accountId);
    const live = await hub.liveState(accountId);
    const nextMs = isPollRequested ? fetchMs.min : nextFetchInMs(await hub.nextPollInMs(accountId));
    const { observation } = live;
    const card = observation && cardOf(observation, live, await knownRecent(listener, observation), now());
    const data = card && cardData(listener, card);
    // safeguard: skip-unchanged-card
    const needsHtml = card && interest === 'everything' && data?.version !== req.query.version;
    const html = needsHtml ? await render(res, 'now-playing/card', cardLocals(listener, card)) : null;
    const color = card && interest === 'everything' ? coverColors.of(coversOf(card)) : '';
    // safeguard: poll-for-fetching-pages
    fetchSubscriptions.extend(accountId, req.session.id, nextMs + graceMs, interest);
    res.set('Cache-Control', 'private, no-store').json({ html, color, nextMs, ...data });
  });
  router.get(routes.nowPlayingCard(), fetchCard);

  // Someone has returned to a tab whose events arrive through another tab.
  const poll = signedIn.page((_req, res, { accountId }) => {
    hub.requestPoll(accountId);
    res.status(204).end();
  });
  router.post(routes.nowPlayingPoll(), poll);

  return router;
}

/** Returns in how many milliseconds to fetch the card again; `pollInMs` is null if it is not known when the next poll is due. */
function nextFetchInMs(pollInMs: number | null): number {
  // safeguard: fetch-after-poll
  const wanted = pollInMs === null ? fetchMs.unknown : pollInMs + fetchMs.afterPoll;
  return Math.min(fetchMs.max, Math.max(fetchMs.min, wanted));
}

/** Data for the scripts of a card and of a bar. */
function cardData(listener: SignedInListener, card: Card) {
  const { takesCommands, canSkip, volume } = controlsOf(listener, card);
  const image = cover(coversOf(card), barCoverSize)?.src ?? null;
  return { version: versionOf(card), ...playerData(card), takesCommands, canSkip, volume, cover: image };
}

/** A page that has only the bar says so. */
function interestOf({ query }: Request): Interest {
  return query.for === 'bar' ? 'track-ends' : 'everything';
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
