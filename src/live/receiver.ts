import type { QuotaGate } from '../access/quota-gate.ts';
import type { ResponseCache } from '../access/response-cache.ts';
import type { BackgroundTasks } from '../ops/background.ts';
import { nullIfUnavailable } from '../redis/errors.ts';
import type { Message } from './bus.ts';
import { type Feed, setState } from './feed.ts';
import { requestPoll } from './schedule.ts';
import {
  applyCommand,
  applySaved,
  applyUpdate,
  type ListenerState,
  type Update,
  updateFromStored,
} from './state.ts';
import type { StoredObservations } from './stored-observations.ts';

type Deps = {
  feeds: ReadonlyMap<string, Feed>;
  stored: StoredObservations;
  quotaGate: Pick<QuotaGate, 'cooldown'>;
  responseCache: Pick<ResponseCache, 'invalidate'>;
  holdsLease: (feed: Feed) => boolean;
  /** Updates the plan for the next poll of a feed. */
  schedule: (feed: Feed) => Promise<void>;
  background: Pick<BackgroundTasks, 'run'>;
  now: () => number;
};

/** Applies messages, and the state stored in Redis, to the feeds of this process. */
export function createReceiver(deps: Deps) {
  const { feeds, stored, quotaGate, responseCache, holdsLease, schedule, background, now } = deps;

  return { receive, reload };

  /** Applies a message to this process: one from another process, or one that this process sends as well. */
  function receive(message: Message): void {
    if (message.kind === 'end') endStreamsHere(message.sessionIds);
    else if (message.kind === 'invalidate') {
      for (const prefix of message.names) responseCache.invalidate(message.accountId, prefix);
    } else {
      const feed = feeds.get(message.accountId);
      if (!feed) return;
      if (message.kind === 'update') receiveUpdate(feed, message.update);
      else setState(feed, stateAfter(feed.state, message, now()));
    }
  }

  function receiveUpdate(feed: Feed, update: Update): void {
    const next = applyUpdate(feed.state, update, { now: now(), jitter: Math.random() });
    if (next === feed.state) return;
    setState(feed, next);
    if (holdsLease(feed) && !feed.isPolling) background.run('schedule the next poll', schedule(feed));
  }

  /** Reads the stored observation and the cooldown: messages may have been lost, or none sent since the feed was opened. */
  async function reload(feed: Feed): Promise<void> {
    const read = Promise.all([stored.read(feed.accountId), quotaGate.cooldown('player-read')]);
    // If Redis is down, the next reload makes up for it.
    const found = await read.catch(nullIfUnavailable);
    if (found === null) return;
    const [observation, gateCooldown] = found;
    const cooldown = gateCooldown && { until: gateCooldown.until, quota: gateCooldown.quota };
    const storedUpdate = updateFromStored(feed.state.live, observation, cooldown);
    if (storedUpdate !== null) receiveUpdate(feed, storedUpdate);
  }

  function endStreamsHere(sessionIds: readonly string[]): void {
    for (const { subscribers } of feeds.values()) {
      // safeguard: end-streams-at-sign-out
      for (const one of [...subscribers.keys()]) if (sessionIds.includes(one.sessionId)) one.onEnd();
    }
  }
}

type StateMessage = Extract<Message, { kind: 'poll' | 'command' | 'saved' }>;

function stateAfter(state: ListenerState, message: StateMessage, now: number): ListenerState {
  switch (message.kind) {
    case 'poll':
      return requestPoll(state, message.since, now);
    case 'command':
      return applyCommand(state, message.at);
    case 'saved':
      return applySaved(state, message.uri, message.saved);
  }
}
