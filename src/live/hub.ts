import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Access } from '../access/access.ts';
import type { Browsers } from '../access/browsers.ts';
import type { Door } from '../access/door.ts';
import { CoolDown, fromRedis, GrantLost, readText, SessionsUnavailable } from '../access/errors.ts';
import type { Grants } from '../access/grants.ts';
import type { Playback } from '../spotify/answers.ts';
import type { WebApi } from '../spotify/web-api.ts';
import { endOf, nextLook, type Seen } from './cadence.ts';

export type Hub = ReturnType<typeof createHub>;

/** What those who watch a listener are told. Moments are milliseconds since 1970. */
export type News = {
  seen: Seen | null;
  /** Until when Spotify asked us to wait. */
  waitingUntil: number | null;
  /** Whether Spotify has given no answer lately. */
  silent: boolean;
  /** Until about when looks are rare, because few calls are left. */
  sparingUntil: number | null;
};

/** Somebody who watches: one stream. */
export type Watcher = {
  sessionId: string;
  /** Called at once, and then whenever there is something new to see. */
  onNews(news: News): void;
  /** Called when the sign-in it belongs to has ended. */
  onEnd(): void;
};

type Needs = {
  redis: Redis;
  /** A connection of its own, which Redis keeps for listening. */
  subscriber: Redis;
  clientId: string;
  access: Access;
  grants: Grants;
  browsers: Browsers;
  door: Door;
  webApi: WebApi;
  now: () => number;
  onFault: (error: unknown) => void;
};

/** One listener that somebody watches in this process. */
type Watched = {
  accountId: string;
  watchers: Set<Watcher>;
  news: News;
  /** What was seen before the listener changed it. */
  outdated: Seen | null;
  unchangedSince: number;
  overdueLooks: number;
  /** Whether this process is the one that looks, as far as it knows. */
  leading: boolean;
  /** By the monotonic clock: when to take or keep the lease. */
  leaseDueAt: number;
  lookAt: number;
  looking: boolean;
  failures: number;
};

/** What processes tell each other; each hears its own messages too, and has done already what they ask for. */
type Message = { from: string } & (
  | { kind: 'news'; accountId: string; news: News }
  | { kind: 'look'; accountId: string; unlessSince: number }
  | { kind: 'changed'; accountId: string }
  | { kind: 'end'; sessionIds: readonly string[] }
);

const tickMs = 200;
/** The one who looks keeps a lease; when its process dies, another one takes over after this long. */
const leaseMs = 6_000;
const leaseEveryMs = 2_000;
const keptSeenMs = 6 * 60 * 60 * 1000;
/** How often streams of sign-ins that have ended are looked for, should the message that said so have been lost. */
const sweepMs = 60_000;
/** What was seen so lately is good enough for a page. */
const freshMs = 2_000;
/** While looks are rare, one that is wished for is worth a call only when the last one is older than this. */
const sparingFreshMs = 60_000;
/** However wrong the rest may be, no two looks are closer than this. */
const leastMs = 1_500;
const failureMs = [5_000, 15_000, 60_000, 120_000];

const takeLease = `
  local owner = redis.call('GET', KEYS[1])
  if owner and owner ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1`;
const leaveLease = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

/**
 * What listeners play, kept fresh for those who watch: at most one look at Spotify for each listener, however many tabs, sessions and
 * processes watch. A lease in Redis says which process looks; it passes on what it saw. Nobody watching means no calls.
 */
export function createHub(needs: Needs) {
  const { redis, subscriber, clientId, access, grants, browsers, door, webApi, now, onFault } = needs;
  const me = randomUUID();
  const { keyPrefix = '' } = redis.options;
  const channel = `${keyPrefix}live:${clientId}`;
  const watchedKey = `watched:${clientId}`;
  const seenKey = (accountId: string) => `now-playing:${accountId}`;
  const leaseKey = (accountId: string) => `look:${accountId}`;
  const all = new Map<string, Watched>();
  let closed = false;

  subscriber.on('message', (_channel, text) => hear(JSON.parse(text) as Message));
  // Made again by itself after every loss of the connection.
  subscriber.subscribe(channel).catch(() => undefined);
  const ticking = setInterval(tick, tickMs).unref();
  const sweeping = setInterval(() => void sweep().catch(() => undefined), sweepMs).unref();

  return {
    /** Tells this watcher what the listener plays, now and at every change, until the function it gives is called. */
    watch(accountId: string, watcher: Watcher): () => void {
      const watched = all.get(accountId) ?? newlyWatched(accountId);
      all.set(accountId, watched);
      watched.watchers.add(watcher);
      if (watched.news.seen !== null) watcher.onNews(watched.news);
      else void recall(watched);
      return () => {
        watched.watchers.delete(watcher);
        if (watched.watchers.size === 0 && all.get(accountId) === watched) leave(watched);
      };
    },

    /** Has somebody look at once, in whatever process, unless the last look is no older than `goodForMs`. */
    look(accountId: string, goodForMs: number): void {
      const unlessSince = now() - goodForMs;
      lookSoon(accountId, unlessSince);
      say({ from: me, kind: 'look', accountId, unlessSince });
    },

    /** Notes, in every process, that what was seen is out of date: the listener has just changed it. */
    changed(accountId: string): void {
      outOfDate(accountId);
      say({ from: me, kind: 'changed', accountId });
    },

    /** Passes on what a page was told by Spotify. */
    learn(accountId: string, playback: Playback): void {
      const news = { seen: { playback, at: now() }, waitingUntil: null, silent: false, sparingUntil: null };
      hearNews(accountId, news);
      void publish(accountId, news).catch(onFault);
    },

    /** What was last seen, here or elsewhere; null where that is too long ago. Throws SessionsUnavailable. */
    async latest(accountId: string): Promise<Seen | null> {
      return all.get(accountId)?.news.seen ?? seenIn(await readText(redis, seenKey(accountId)));
    },

    /** What this process knows without asking anybody, if it is still what plays. */
    fresh(accountId: string): Seen | null {
      const watched = all.get(accountId);
      const seen = watched?.news.seen;
      return seen && seen !== watched.outdated && now() - seen.at < freshMs ? seen : null;
    },

    /**
     * Ends what these sessions of a listener watch, in every process; where they were the `last`, what the listener played is
     * forgotten. Throws SessionsUnavailable.
     */
    async end(accountId: string, sessionIds: readonly string[], last: boolean): Promise<void> {
      endHere(sessionIds);
      say({ from: me, kind: 'end', sessionIds });
      if (last) await fromRedis(redis.del(seenKey(accountId)));
    },

    /** How many watch in this process. */
    watching: () => [...all.values()].reduce((sum, { watchers }) => sum + watchers.size, 0),

    close(): void {
      closed = true;
      clearInterval(ticking);
      clearInterval(sweeping);
      for (const watched of all.values()) leave(watched);
      subscriber.disconnect();
    },
  };

  function newlyWatched(accountId: string): Watched {
    return {
      accountId,
      watchers: new Set(),
      news: { seen: null, waitingUntil: null, silent: false, sparingUntil: null },
      outdated: null,
      unchangedSince: now(),
      overdueLooks: 0,
      leading: false,
      leaseDueAt: 0,
      lookAt: 0,
      looking: false,
      failures: 0,
    };
  }

  /** Begins with what is known already: a page has asked a moment ago, or another process looks. */
  async function recall(watched: Watched): Promise<void> {
    const seen = seenIn(await readText(redis, seenKey(watched.accountId)).catch(() => null));
    if (seen !== null && watched.news.seen === null) hearNews(watched.accountId, { ...watched.news, seen });
  }

  function leave(watched: Watched): void {
    all.delete(watched.accountId);
    if (!watched.leading) return;
    watched.leading = false;
    redis.eval(leaveLease, 1, leaseKey(watched.accountId), me).catch(() => undefined);
    redis.zrem(watchedKey, watched.accountId).catch(() => undefined);
  }

  function tick(): void {
    for (const watched of all.values()) {
      if (performance.now() >= watched.leaseDueAt) {
        watched.leaseDueAt = performance.now() + leaseEveryMs;
        void lead(watched);
      }
      if (watched.leading && !watched.looking && now() >= watched.lookAt) void look(watched);
    }
  }

  async function lead(watched: Watched): Promise<void> {
    const { accountId } = watched;
    try {
      const got = await redis.eval(takeLease, 1, leaseKey(accountId), me, String(leaseMs));
      if (all.get(accountId) !== watched)
        return void (await redis.eval(leaveLease, 1, leaseKey(accountId), me));
      if (got === 1 && !watched.leading) {
        // What a page or another process saw a moment ago need not be asked for again.
        if (watched.news.seen === null) await recall(watched);
        await plan(watched);
      }
      watched.leading = got === 1;
      if (!watched.leading) return;
      await redis.zadd(watchedKey, now() + leaseMs, accountId);
      await redis.pexpire(watchedKey, 2 * leaseMs);
    } catch {
      // Without Redis nobody leads, and nobody looks.
      watched.leading = false;
    }
  }

  async function look(watched: Watched): Promise<void> {
    const { accountId } = watched;
    watched.looking = true;
    try {
      const playback = await ask(watched);
      watched.failures = 0;
      if (playback === null) {
        watched.lookAt = now() + 10_000;
        return;
      }
      const seen = { playback, at: now() };
      const before = watched.news.seen;
      const overdue = before !== null && isOverdue(before, seen);
      watched.overdueLooks = overdue ? watched.overdueLooks + 1 : 0;
      note(watched, { seen, waitingUntil: null, silent: false, sparingUntil: null });
      await plan(watched);
      tell(watched);
      await publish(accountId, watched.news);
    } catch (error) {
      await failed(watched, error).catch(onFault);
    } finally {
      watched.looking = false;
    }
  }

  /** Asks with a sign-in of the listener's that still holds; null where there is none. */
  async function ask({ accountId, watchers }: Watched): Promise<Playback | null> {
    const here = [...watchers].map(({ sessionId }) => sessionId);
    const tried = new Set<string>();
    for (const sessions of [async () => here, () => browsers.sessionsOf(accountId)]) {
      for (const sessionId of await sessions()) {
        if (tried.has(sessionId)) continue;
        tried.add(sessionId);
        try {
          const grant = await access.open(sessionId, { renewFirst: true });
          if (grant) return await grant.ask(webApi.player);
        } catch (error) {
          if (!(error instanceof GrantLost)) throw error;
        }
        endHere([sessionId]);
      }
    }
    return null;
  }

  async function failed(watched: Watched, error: unknown): Promise<void> {
    const { news } = watched;
    if (error instanceof CoolDown) {
      // A moment later than Spotify said, and not all listeners at the same one.
      watched.lookAt = error.until + 1_000 + Math.random() * 4_000;
      watched.news = { ...news, waitingUntil: error.until };
    } else {
      watched.lookAt = now() + (failureMs[watched.failures] ?? 120_000);
      watched.failures += 1;
      if (error instanceof SessionsUnavailable) return;
      onFault(error);
      // One answer that does not come is nothing to speak of.
      if (watched.failures < 2 || news.silent) return;
      watched.news = { ...news, silent: true };
    }
    tell(watched);
    await publish(watched.accountId, watched.news);
  }

  /** Decides when to look next. */
  async function plan(watched: Watched): Promise<void> {
    const [budget, count] = await Promise.all([
      door.budget(),
      fromRedis(redis.zcount(watchedKey, now(), '+inf')),
    ]);
    const { seen } = watched.news;
    const { unchangedSince, overdueLooks } = watched;
    const next = nextLook({
      now: now(),
      seen,
      unchangedSince,
      overdueLooks,
      budget,
      watched: Math.max(1, count),
    });
    watched.lookAt = Math.max(next.at, (seen?.at ?? 0) + leastMs);
    watched.news.sparingUntil = next.sparing ? now() + budget.freesInMs : null;
  }

  async function publish(accountId: string, news: News): Promise<void> {
    const { seen } = news;
    if (seen)
      await browsers.keepWhileSignedIn(accountId, seenKey(accountId), JSON.stringify(seen), keptSeenMs);
    await fromRedis(
      redis.publish(channel, JSON.stringify({ from: me, kind: 'news', accountId, news } satisfies Message)),
    );
  }

  function say(message: Message): void {
    redis.publish(channel, JSON.stringify(message)).catch(() => undefined);
  }

  function hear(message: Message): void {
    if (closed || message.from === me) return;
    if (message.kind === 'end') endHere(message.sessionIds);
    else if (message.kind === 'look') lookSoon(message.accountId, message.unlessSince);
    else if (message.kind === 'changed') outOfDate(message.accountId);
    else hearNews(message.accountId, message.news);
  }

  /** What somebody else saw: another process, or a page. */
  function hearNews(accountId: string, news: News): void {
    const watched = all.get(accountId);
    if (!watched) return;
    const { seen } = watched.news;
    // Messages may overtake each other on their way.
    if (seen && news.seen && news.seen.at < seen.at) return;
    note(watched, news);
    tell(watched);
    if (watched.leading && !watched.looking) void plan(watched).catch(() => undefined);
  }

  function note(watched: Watched, news: News): void {
    const { seen } = watched.news;
    if (news.seen && (!seen || isOther(seen, news.seen))) watched.unchangedSince = news.seen.at;
    watched.news = news;
  }

  function tell({ watchers, news }: Watched): void {
    for (const watcher of watchers) watcher.onNews(news);
  }

  function outOfDate(accountId: string): void {
    const watched = all.get(accountId);
    if (watched) watched.outdated = watched.news.seen;
  }

  function lookSoon(accountId: string, unlessSince: number): void {
    const watched = all.get(accountId);
    if (!watched?.leading) return;
    const { seen, waitingUntil, sparingUntil } = watched.news;
    if (waitingUntil !== null && waitingUntil > now()) return;
    const since = sparingUntil === null ? unlessSince : Math.min(unlessSince, now() - sparingFreshMs);
    if (seen === null || seen.at <= since) watched.lookAt = Math.min(watched.lookAt, now());
  }

  function endHere(sessionIds: readonly string[]): void {
    for (const { watchers } of all.values()) {
      for (const watcher of watchers) if (sessionIds.includes(watcher.sessionId)) watcher.onEnd();
    }
  }

  async function sweep(): Promise<void> {
    const sessionIds = [
      ...new Set([...all.values()].flatMap(({ watchers }) => [...watchers].map((one) => one.sessionId))),
    ];
    for (let from = 0; from < sessionIds.length; from += 500) {
      const some = sessionIds.slice(from, from + 500);
      const standing = await grants.standing(some);
      endHere(some.filter((one) => !standing.has(one)));
    }
  }
}

/** Whether something else is to be seen: not only the same, further on. */
export function isOther(before: Seen, after: Seen): boolean {
  const [a, b] = [before.playback, after.playback];
  if (a.state === 'nothing' || b.state === 'nothing') return a.state !== b.state;
  const facts = ({ state, kind, item, device, disallows }: typeof a) =>
    JSON.stringify([state, kind, item, device, disallows]);
  if (facts(a) !== facts(b)) return true;
  const expected = (a.progressMs ?? 0) + (a.state === 'playing' ? after.at - before.at : 0);
  return Math.abs((b.progressMs ?? 0) - expected) > 2_500;
}

/** Whether the track that should have been over by now is still there, at its end. */
function isOverdue(before: Seen, after: Seen): boolean {
  const [expected, end] = [endOf(before), endOf(after)];
  const [a, b] = [before.playback, after.playback];
  if (expected === null || end === null || a.state === 'nothing' || b.state === 'nothing') return false;
  return expected <= after.at && end - after.at <= 1_500 && a.item?.uri === b.item?.uri;
}

function seenIn(record: string | null): Seen | null {
  if (!record) return null;
  try {
    const { playback, at } = JSON.parse(record) as Partial<Seen>;
    return playback && typeof at === 'number' ? { playback, at } : null;
  } catch {
    return null;
  }
}
