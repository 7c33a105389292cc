import type { Cooldown } from '../access/errors.ts';
import { nullIfUnavailable } from '../redis/errors.ts';
import type { Playback } from '../spotify/parse.ts';
import type { Message } from './bus.ts';
import type { NextPoll } from './cadence.ts';
import { createEngine, type Deps } from './engine.ts';
import { createFeed, type Subscriber } from './feed.ts';
import { type Observation, observe, uriOf } from './observation.ts';
import { type Update, unknownState } from './state.ts';

/*
 *   pages, buttons ──record…──▶ ┌───────┐ ◀──subscribe── streams, pages that fetch
 *                               │  hub  │
 *                               └───┬───┘
 *                                   │ receive
 *                                   ▼
 *   Spotify ◀──poll── poller ──▶ feed: the state of one listener ──onUpdate──▶ subscribers
 *                       │           ▲
 *                       │           │ receive
 *                     lease        bus ◀──Redis pub/sub──▶ other processes
 *
 * Every process with subscribers of a listener has a feed for them. Only the process that holds the lease polls; it publishes what it finds
 * on the bus, which takes it to the feeds of the others. Observations that pages and buttons record travel the same way. Pure functions decide how a
 * state changes and whether subscribers get an update (state.ts, observation.ts), and when to poll (schedule.ts, cadence.ts). engine.ts
 * connects the parts.
 */

export type Hub = ReturnType<typeof createHub>;

/**
 * Keeps what listeners are playing current for their subscribers. Spotify is polled at most once for each listener, however many tabs,
 * sessions and processes are subscribed, and not at all for a listener without subscribers.
 */
export function createHub(deps: Deps) {
  const { background, now, timing, onFault } = deps;
  const engine = createEngine(deps);
  const { feeds, stored, queries, receive, announce } = engine;
  const { knownState, latestObservation, freshObservation, liveState, nextPollInMs } = queries;

  return {
    /** Sends the subscriber the live state, now if it is known and at every change, until the returned function is called. */
    subscribe(accountId: string, subscriber: Subscriber): () => void {
      const feed = feeds.get(accountId) ?? createFeed(accountId, performance.now() + timing.reloadEveryMs);
      feeds.set(accountId, feed);
      const { live } = feed.state;
      const isKnown = live.observation !== null;
      feed.subscribers.set(subscriber, isKnown ? live : null);
      if (isKnown) subscriber.onUpdate(live);
      else background.run('reload stored state', engine.reload(feed));
      background.run('check the sign-in of a subscriber', engine.endedSessions.check(subscriber.sessionId));
      return () => {
        feed.subscribers.delete(subscriber);
        // safeguard: stop-polling-without-subscribers
        if (feed.subscribers.size === 0 && !feed.isClosed) engine.closeFeed(feed);
      };
    },

    /** Has the process that holds the lease poll as soon as it may. */
    requestPoll(accountId: string): void {
      announce({ kind: 'poll', accountId, since: now() });
    },

    /** The listener has just pressed a button: answers to earlier requests are out of date, in every process. */
    recordCommand(accountId: string): void {
      announce({ kind: 'command', accountId, at: now() });
    },

    /** Records Spotify's answer to a request that a page made at `askedAt`, and publishes it. Returns the newest observation. */
    async record(accountId: string, playback: Playback, askedAt: number): Promise<Observation> {
      // If Redis is down, Spotify's answer can still be shown.
      const before = await latestObservation(accountId).catch(nullIfUnavailable);
      // The answer to a later request arrived first.
      if (before !== null && before.askedAt > askedAt) return before;
      const observation = observe(playback, { askedAt, answeredAt: now() }, before);
      const update = { ...unknownState, observation, throttledUntil: undefined };
      background.run('record an observation', passOn(accountId, update));
      return observation;
    },

    /**
     * A track has been saved to the listener's library, or removed from it. That says nothing about the player, so every process applies it to the
     * observation it has.
     */
    async recordSaved(accountId: string, uri: string, saved: boolean): Promise<void> {
      const message: Message = { kind: 'saved', accountId, uri, saved };
      receive(message);
      // If Redis is down, other processes ask Spotify again when the track changes.
      const observation = await latestObservation(accountId).catch(nullIfUnavailable);
      if (observation && uriOf(observation) === uri)
        await stored.write(accountId, { ...observation, saved }).catch(nullIfUnavailable);
      // safeguard: publish-saved-track
      await engine.send(message);
    },

    /** Records a cooldown that a page ran into, and publishes it. */
    async recordCooldown(accountId: string, { until, quota }: Cooldown): Promise<void> {
      const update = { ...knownState(accountId), cooldown: { until, quota }, throttledUntil: undefined };
      await passOn(accountId, update);
    },

    /**
     * Invalidates cached responses to a listener whose keys start with one of these, in every process. Resolves when the message has been sent; if
     * a process misses it, its responses live until their TTL.
     */
    async invalidate(accountId: string, keyPrefixes: readonly string[]): Promise<void> {
      const message: Message = { kind: 'invalidate', accountId, names: keyPrefixes };
      receive(message);
      // safeguard: invalidate-other-processes
      await engine.send(message);
    },

    /** Ends the streams of these sessions, in every process. */
    endStreams: engine.endStreams,

    /** Removes what is stored about a listener who has signed out everywhere. Throws RedisUnavailable. */
    removeListenerData: (accountId: string): Promise<void> => stored.remove(accountId),

    latestObservation,
    freshObservation,
    liveState,
    nextPollInMs,

    /** When to poll a listener next after this observation, for a page that shows everything. Throws RedisUnavailable. */
    nextPollFor: (observation: Observation): Promise<NextPoll> =>
      engine.nextPollFor(observation, 'everything'),

    /** Whether so few calls are used that some may be spent on conveniences. Throws RedisUnavailable. */
    isRelaxed: engine.isBudgetRelaxed,

    close: engine.close,
  };

  async function passOn(accountId: string, update: Update): Promise<void> {
    receive({ kind: 'update', accountId, update });
    await engine.publish(accountId, update).catch(onFault);
  }
}
