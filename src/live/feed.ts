import { randomUUID } from 'node:crypto';
import type { Interest } from './cadence.ts';
import { hasChanged, initialState, type ListenerState, type LiveState } from './state.ts';

/** One open stream, or one page that fetches. */
export type Subscriber = {
  sessionId: string;
  /** May change while subscribed. */
  readonly interest: Interest;
  /** Called with the live state on subscribing, if anything is known then, and with every change after that. */
  onUpdate(live: LiveState): void;
  /** Called when the sign-in of the subscriber has ended. */
  onEnd(): void;
};

/** This process's view of the lease for a listener. Times are by `performance.now()`. */
type Lease = {
  /** The id under which this feed owns the lease. */
  readonly owner: string;
  /** When to take or extend it. */
  dueAt: number;
  heldUntil: number;
  /** Since when Redis has failed to take it; null if it has not. */
  failingSince: number | null;
  /** Whether any process has a subscriber who is interested in everything. */
  isInterestFull: boolean;
};

/** A listener with subscribers in this process. */
export type Feed = {
  readonly accountId: string;
  /** Each subscriber with the live state it was last sent; null if none yet. */
  readonly subscribers: Map<Subscriber, LiveState | null>;
  readonly lease: Lease;
  state: ListenerState;
  isPolling: boolean;
  /** The interest that the next poll was planned for. */
  plannedInterest: Interest;
  /** When to read the stored state again, by `performance.now()`. */
  reloadDueAt: number;
  /** The last subscriber has left. */
  isClosed: boolean;
};

/** Returns a feed without subscribers, about which nothing is known yet. `reloadDueAt` is by `performance.now()`. */
export function createFeed(accountId: string, reloadDueAt: number): Feed {
  return {
    accountId,
    subscribers: new Map(),
    lease: { owner: randomUUID(), dueAt: 0, heldUntil: 0, failingSince: null, isInterestFull: false },
    state: initialState,
    isPolling: false,
    plannedInterest: 'everything',
    reloadDueAt,
    isClosed: false,
  };
}

/** The interest of the subscribers in all processes, as far as this one knows. */
export function interestIn({ subscribers, lease }: Feed): Interest {
  // safeguard: interest-of-other-processes
  const isEverything = lease.isInterestFull || hasFullInterest(subscribers);
  return isEverything ? 'everything' : 'track-ends';
}

export function hasFullInterest(subscribers: Feed['subscribers']): boolean {
  return subscribers.keys().some(({ interest }) => interest === 'everything');
}

/** Sends the live state to the subscribers for whom it has changed. */
export function broadcast(feed: Feed): void {
  const { subscribers, state } = feed;
  for (const [subscriber, sent] of subscribers) {
    if (sent !== null && !hasChanged(sent, state.live)) continue;
    subscribers.set(subscriber, state.live);
    subscriber.onUpdate(state.live);
  }
}

/** Replaces the state of a feed and sends its subscribers what has changed for them. */
export function setState(feed: Feed, state: ListenerState): void {
  const isSame = state.live === feed.state.live;
  feed.state = state;
  if (!isSame) broadcast(feed);
}
