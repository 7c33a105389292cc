import type { Browsers } from '../access/browsers.ts';
import { Cooldown, GrantLost } from '../access/errors.ts';
import type { Grants } from '../access/grants.ts';
import type { ListenerApi } from '../access/listener-api.ts';
import type { Budget } from '../access/quota-budget.ts';
import { type BackgroundTasks, ShuttingDown } from '../ops/background.ts';
import { nullIfUnavailable, RedisUnavailable } from '../redis/errors.ts';
import { MissingScope, SpotifyUnavailable } from '../spotify/errors.ts';
import type { Playback } from '../spotify/parse.ts';
import { type Interest, isRelaxed, type NextPoll, nextPoll } from './cadence.ts';
import { broadcast, type Feed, interestIn, setState } from './feed.ts';
import type { Observation } from './observation.ts';
import { postponePoll, schedulePoll } from './schedule.ts';
import { applyAnswer, applyFailure, applyNoGrant, type Failure, startPoll } from './state.ts';

export type Poller = ReturnType<typeof createPoller>;

type GrantDeps = {
  listenerApi: Pick<ListenerApi, 'poll'>;
  grants: Grants;
  browsers: Browsers;
  endStreams: (sessionIds: readonly string[]) => void;
};

/** The calls for live updates, and how many listeners share them. */
type BudgetOfAll = { budget: Budget; listeners: number };

type Deps = GrantDeps & {
  /** How many calls live updates may make. Throws RedisUnavailable. */
  liveBudget: () => Promise<Budget>;
  /** How many listeners are being polled. Throws RedisUnavailable. */
  countPolled: () => Promise<number>;
  /** Stores the live state of a feed, and sends it to other processes. Throws RedisUnavailable. */
  publish: (feed: Feed) => Promise<void>;
  background: Pick<BackgroundTasks, 'run'>;
  now: () => number;
  onFault: (error: unknown) => void;
};

/** For how long a page may use what was known about the budget. It changes by a few calls in that time. */
const recentBudgetMs = 2_000;

/** Asks Spotify what listeners are playing, and decides when to ask next. */
export function createPoller(deps: Deps) {
  const { liveBudget, browsers, endStreams, countPolled, publish, background, now, onFault } = deps;
  let recent: { readAt: number; reading: Promise<BudgetOfAll> } | null = null;

  return { poll, schedule, nextPollFor, isBudgetRelaxed };

  /** Polls for a feed. Only the process that holds its lease may call this, and not while a poll of the feed is in flight. */
  async function poll(feed: Feed): Promise<void> {
    const askedAt = now();
    feed.isPolling = true;
    feed.state = startPoll(feed.state, askedAt);
    try {
      const playback = await askPlayer(deps, feed);
      if (playback === null) {
        feed.state = applyNoGrant(feed.state, now());
        return;
      }
      const { live } = feed.state;
      feed.state = applyAnswer(feed.state, playback, { askedAt, answeredAt: now() });
      const isOutOfDate = feed.state.live === live;
      await schedule(feed);
      if (isOutOfDate) return;
      broadcast(feed);
      await publish(feed).catch(onFault);
    } catch (error) {
      fail(feed, error);
    } finally {
      feed.isPolling = false;
    }
  }

  function fail(feed: Feed, error: unknown): void {
    const failure = failureOf(error);
    const { live } = feed.state;
    setState(feed, applyFailure(feed.state, failure, { now: now(), jitter: Math.random() }));
    if (failure.kind === 'spotify-down' || failure.kind === 'refused') onFault(error);
    // The streams end, and the page that the browser then loads says why.
    if (failure.kind === 'refused') {
      // safeguard: end-refused-streams
      background.run('end streams', browsers.sessionsOf(feed.accountId).then(endStreams));
    }
    if (feed.state.live !== live) background.run('publish live state', publish(feed));
  }

  /** Decides when to poll next; if Redis is down, in a minute. */
  async function schedule(feed: Feed): Promise<void> {
    feed.plannedInterest = interestIn(feed);
    const budget = readBudget();
    const { observation } = feed.state.live;
    const next = await nextPollFor(observation, feed.plannedInterest, budget).catch(nullIfUnavailable);
    if (next === null) {
      feed.state = postponePoll(feed.state, now());
      return;
    }
    const { live } = feed.state;
    setState(feed, schedulePoll(feed.state, next, now()));
    // Throttling has begun, ended or moved.
    if (feed.state.live !== live) background.run('publish live state', publish(feed));
  }

  /** When to poll a listener next after this observation; by the budget of up to two seconds ago if none is given. Throws RedisUnavailable. */
  async function nextPollFor(
    observation: Observation | null,
    interest: Interest,
    budget: Promise<BudgetOfAll> = recentBudget(),
  ): Promise<NextPoll> {
    return nextPoll({ now: now(), observation, interest, ...(await budget) });
  }

  /** Whether calls may be spent on conveniences. Throws RedisUnavailable. */
  async function isBudgetRelaxed(): Promise<boolean> {
    const { budget, listeners } = await readBudget();
    return isRelaxed(budget, listeners);
  }

  /** Each page would otherwise wait for it. Throws RedisUnavailable. */
  function recentBudget(): Promise<BudgetOfAll> {
    // safeguard: renew-recent-budget
    if (recent !== null && Math.abs(now() - recent.readAt) < recentBudgetMs) return recent.reading;
    const current = { readAt: now(), reading: readBudget() };
    recent = current;
    // safeguard: forget-failed-budget
    current.reading.catch(() => (recent = null));
    return current.reading;
  }

  async function readBudget(): Promise<BudgetOfAll> {
    const [listeners, budget] = await Promise.all([countPolled(), liveBudget()]);
    return { budget, listeners: Math.max(1, listeners) };
  }
}

/**
 * Asks Spotify with a grant of this listener that is valid and has the scope: first the grants of this process's subscribers, then those of
 * all the listener's sessions. Ends the streams of sessions without such a grant. Returns null if there is no such grant.
 */
async function askPlayer(deps: GrantDeps, { accountId, subscribers }: Feed): Promise<Playback | null> {
  const { listenerApi, grants, browsers, endStreams } = deps;
  const here = [...subscribers.keys()].map(({ sessionId }) => sessionId);
  const tried = new Set<string>();
  for (const sessions of [async () => here, () => browsers.sessionsOf(accountId)]) {
    for (const sessionId of await sessions()) {
      if (tried.has(sessionId)) continue;
      tried.add(sessionId);
      try {
        const stored = await grants.read(sessionId);
        // A damaged list may name a session of another listener, whose player these subscribers must not see.
        // safeguard: use-own-grants-only
        const isTheirs = stored?.accountId === accountId;
        if (isTheirs) return (await listenerApi.poll(sessionId, stored)).playback;
      } catch (error) {
        if (!(error instanceof GrantLost || error instanceof MissingScope)) throw error;
      }
      endStreams([sessionId]);
    }
  }
  return null;
}

function failureOf(error: unknown): Failure {
  if (error instanceof Cooldown) return { kind: 'cooldown', until: error.until, quota: error.quota };
  // safeguard: keep-refused-streams-while-stopping
  if (error instanceof RedisUnavailable || error instanceof ShuttingDown) return { kind: 'ours' };
  return { kind: error instanceof SpotifyUnavailable ? 'spotify-down' : 'refused' };
}
