import type { Redis } from 'ioredis';
import type { Browsers } from '../access/browsers.ts';
import type { Grants } from '../access/grants.ts';
import type { ListenerApi } from '../access/listener-api.ts';
import type { Budget } from '../access/quota-budget.ts';
import type { QuotaGate } from '../access/quota-gate.ts';
import type { ResponseCache } from '../access/response-cache.ts';
import type { SessionRecords } from '../access/session-records.ts';
import type { Timing } from '../access/timing.ts';
import type { BackgroundTasks } from '../ops/background.ts';
import type { RedisClient } from '../redis/client.ts';
import type { RedisFault } from '../redis/errors.ts';
import type { Records } from '../redis/records.ts';
import { createBus, type Message } from './bus.ts';
import { createEndedSessions } from './ended-sessions.ts';
import { type Feed, interestIn } from './feed.ts';
import { createLeases, type Leases } from './lease.ts';
import { createPoller, type Poller } from './poller.ts';
import { createQueries } from './queries.ts';
import { createReceiver } from './receiver.ts';
import { isPollDue } from './schedule.ts';
import { isClockSetBack, resetClock, type Update } from './state.ts';
import { createStoredObservations } from './stored-observations.ts';

export type Deps = {
  redis: RedisClient;
  records: Records;
  /** A connection that Redis uses for pub/sub only. */
  subscriber: Redis;
  clientId: string;
  listenerApi: Pick<ListenerApi, 'poll'>;
  grants: Grants;
  sessionRecords: SessionRecords;
  browsers: Browsers;
  quotaGate: Pick<QuotaGate, 'cooldown'>;
  /** How many calls live updates may make. Throws RedisUnavailable. */
  liveBudget: () => Promise<Budget>;
  responseCache: Pick<ResponseCache, 'invalidate'>;
  background: Pick<BackgroundTasks, 'run'>;
  now: () => number;
  timing: Timing['live'];
  onFault: (error: unknown) => void;
  /** Called if Redis does not permit pub/sub: this process then relies on reading the stored state. */
  onChannelRefused: (fault: RedisFault) => void;
};

/** Connects the parts of the hub: feeds, poller, leases and bus, and the clock that drives them. */
export function createEngine(deps: Deps) {
  const { redis, records, subscriber, clientId, listenerApi, grants, sessionRecords, browsers } = deps;
  const { quotaGate, liveBudget, responseCache, background, now, timing, onFault } = deps;
  const feeds = new Map<string, Feed>();
  const stored = createStoredObservations({ records, browsers, now });
  const bus = createBus({
    redis,
    subscriber,
    records,
    clientId,
    background,
    onMessage: (message) => receive(message),
    onJoined() {
      for (const feed of feeds.values()) background.run('reload stored state', reload(feed));
      endedSessions.sweepNow();
    },
    onFault,
    onRefused: deps.onChannelRefused,
  });
  const leases = createLeases({
    redis,
    records,
    clientId,
    now,
    timing,
    // A page or another process may have asked Spotify a moment ago.
    async prepare(feed) {
      await reload(feed);
      await poller.schedule(feed);
    },
  });
  const poller = createPoller({
    listenerApi,
    grants,
    browsers,
    liveBudget,
    countPolled: leases.countPolled,
    publish: ({ accountId, state }) => publish(accountId, state.live),
    endStreams,
    background,
    now,
    onFault,
  });
  const { holdsLease } = leases;
  const { schedule, nextPollFor, isBudgetRelaxed } = poller;
  const { receive, reload } = createReceiver({
    feeds,
    stored,
    quotaGate,
    responseCache,
    holdsLease,
    schedule,
    background,
    now,
  });
  const endedSessions = createEndedSessions({
    grants,
    sessionRecords,
    feeds,
    isJoined: bus.isJoined,
    endStreamsHere: (sessionIds) => receive({ kind: 'end', sessionIds }),
    background,
  });
  const tickTimer = startTicking({ feeds, leases, poller, reload, background, now, timing });

  return {
    feeds,
    stored,
    queries: createQueries({ feeds, stored, holdsLease, nextPollFor, reload, now }),
    nextPollFor,
    isBudgetRelaxed,
    endedSessions,
    receive,
    reload,
    send: bus.send,
    announce,
    endStreams,
    publish,
    closeFeed,

    close(): void {
      clearInterval(tickTimer);
      endedSessions.close();
      bus.close();
      for (const feed of feeds.values()) closeFeed(feed);
    },
  };

  /** Applies a message here and sends it to the other processes. */
  function announce(message: Message): void {
    receive(message);
    background.run('send a message', bus.send(message));
  }

  function endStreams(sessionIds: readonly string[]): void {
    announce({ kind: 'end', sessionIds });
  }

  /** Stores the observation of an update and sends the update to the other processes. Throws RedisUnavailable. */
  async function publish(accountId: string, update: Update): Promise<void> {
    if (update.observation) await stored.write(accountId, update.observation);
    await bus.publish({ kind: 'update', accountId, update });
  }

  function closeFeed(feed: Feed): void {
    feed.isClosed = true;
    feeds.delete(feed.accountId);
    leases.releaseLease(feed);
  }
}

type TickDeps = {
  feeds: ReadonlyMap<string, Feed>;
  leases: Leases;
  poller: Poller;
  reload: (feed: Feed) => Promise<void>;
  background: Pick<BackgroundTasks, 'run'>;
  now: () => number;
  timing: Timing['live'];
};

/** Checks on each tick what is due for each feed: the lease, a poll if this process holds it, else a reload of the stored state. */
function startTicking({ feeds, leases, poller, reload, background, now, timing }: TickDeps): NodeJS.Timeout {
  let lastTickAt = now();
  return setInterval(() => {
    // safeguard: reset-after-clock-change
    if (isClockSetBack(now(), lastTickAt))
      for (const feed of feeds.values()) feed.state = resetClock(feed.state);
    lastTickAt = now();
    for (const feed of feeds.values()) tick(feed);
  }, timing.tickMs).unref();

  function tick(feed: Feed): void {
    const monotonic = performance.now();
    if (monotonic >= feed.lease.dueAt) {
      feed.lease.dueAt = monotonic + timing.extendLeaseEveryMs;
      // safeguard: report-failed-lease
      background.run('acquire the lease', leases.acquireLease(feed));
    }
    if (leases.holdsLease(feed)) {
      if (feed.isPolling) return;
      if (isPollDue(feed.state, now())) background.run('poll', poller.poll(feed));
      // A page that shows everything was opened or closed.
      // safeguard: replan-for-interest
      else if (feed.plannedInterest !== interestIn(feed))
        background.run('schedule the next poll', poller.schedule(feed));
    } else if (monotonic >= feed.reloadDueAt) {
      feed.reloadDueAt = monotonic + timing.reloadEveryMs;
      background.run('reload stored state', reload(feed));
    }
  }
}
