import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Access } from '../access/access.ts';
import type { Browsers } from '../access/browsers.ts';
import { Cooldown, GrantLost } from '../access/errors.ts';
import type { Grants } from '../access/grants.ts';
import type { QuotaGate } from '../access/quota-gate.ts';
import type { ResponseCache } from '../access/response-cache.ts';
import type { SessionRecords } from '../access/session-records.ts';
import type { Timing } from '../access/timing.ts';
import { type BackgroundTasks, ShuttingDown } from '../ops/background.ts';
import { keepJoined, liveChannel, noMessage } from '../redis/channel.ts';
import { nullIfUnavailable, type RedisFault, RedisUnavailable, redisCall } from '../redis/errors.ts';
import { keys } from '../redis/keys.ts';
import { ownerCodec } from '../redis/lock.ts';
import type { KeyType, Records } from '../redis/records.ts';
import { MissingScope, SpotifyUnavailable } from '../spotify/errors.ts';
import type { Playback } from '../spotify/parse.ts';
import { scopes, type WebApi } from '../spotify/web-api.ts';
import { type NextLook, nextLook } from './cadence.ts';
import { type Heard, type Message, messageCodec, type News } from './messages.ts';
import { isOther, type Seen, seenCodec, seenNow, uriOf } from './observation.ts';

export type Hub = ReturnType<typeof createHub>;

/** Somebody who watches: one stream. */
export type Watcher = {
  sessionId: string;
  /** Called at once where something is known, and then whenever there may be something new to see. */
  onNews(news: News): void;
  /** Called when the sign-in it belongs to has ended. */
  onEnd(): void;
};

type Deps = {
  redis: Redis;
  records: Records;
  /** A connection of its own, which Redis keeps for listening. */
  subscriber: Redis;
  clientId: string;
  access: Access;
  grants: Grants;
  sessionRecords: SessionRecords;
  browsers: Browsers;
  quotaGate: QuotaGate;
  webApi: WebApi;
  kept: ResponseCache;
  background: Pick<BackgroundTasks, 'run'>;
  now: () => number;
  timing: Timing['live'];
  onFault: (error: unknown) => void;
  /** Called when Redis lets this process publish or hear nothing: then it looks by itself at what the messages would say. */
  onChannelRefused: (fault: RedisFault) => void;
};

/** One listener that somebody watches in this process. */
type Watched = {
  accountId: string;
  /** By which the lease is taken. */
  owner: string;
  watchers: Set<Watcher>;
  news: News;
  /** When the listener last changed something with a button of ours: what was asked for before is not true any more. */
  changedAt: number;
  /** What was seen before that, until it is known whether Spotify shows the change. */
  changedFrom: Seen | null;
  /** Somebody wants to see what was asked for after this. */
  wantedSince: number;
  /** By the monotonic clock: when to take or keep the lease, and until when it is ours. */
  leaseDueAt: number;
  leaseUntil: number;
  recallDueAt: number;
  lookAt: number;
  /** Whatever is wished for, no look before this: the last one was a moment ago, or failed. */
  notBefore: number;
  looking: boolean;
  failures: number;
  /** Since when the lease could not be asked for. */
  stalledSince: number | null;
};

/** A message before it is addressed. */
type Sent = Message extends infer M ? (M extends Message ? Omit<M, 'from'> : never) : never;

const keptSeenMs = 6 * 60 * 60 * 1000;
/** How often streams of sign-ins that have ended are looked for. */
const sweepMs = 60_000;
/** The same while no messages come: a sign-out elsewhere is still to end streams within seconds. */
const deafSweepMs = 5_000;
/** What was seen so lately is good enough for a page. */
const freshMs = 2_000;
/** While looks are rare, one that is wished for is worth a call only when the last one is older than this. */
const sparingFreshMs = 60_000;
/** A change that Spotify does not show yet is looked for once more, this long after it was made. */
const settleMs = 2_000;
/** Clocks of processes differ by less; what is further ahead of ours was written by one that was wrong. */
const clocksDifferMs = 5_000;
/** No two looks are closer than this. */
const leastMs = 1_500;
/** A look further off than this is due to a clock that has jumped. */
const longestMs = 49 * 60 * 60 * 1000;
const failureMs = [5_000, 15_000, 60_000, 120_000, 300_000];
const longestFailureMs = 600_000;

/** Whether what was said before is not about right any more. */
function isElsewhen(moment: number | null, before: number | null): boolean {
  if (moment === null || before === null) return moment !== before;
  return Math.abs(moment - before) > 10 * 60_000;
}

/** When to look again once Spotify's wait is over: a moment later than it said, and not all listeners at the same one. */
function afterWait(until: number): number {
  return until + 1_000 + Math.random() * 4_000;
}

// Returns whose it is then. One without a TTL was taken by no process of ours, and would stand for ever.
const takeLease = `
  local owner = redis.call('GET', KEYS[1])
  -- safeguard: lease-one-who-looks
  -- safeguard: end-lease
  if owner and owner ~= ARGV[1] and redis.call('PTTL', KEYS[1]) ~= -1 then return owner end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]`;

const watchedSet: KeyType = { kind: 'subscribed', type: 'zset' };

const noteWatched = `
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4])
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

/** What those are told who watch a listener of whom nothing is known yet. */
export const nothingKnown: News = {
  seen: null,
  waitingUntil: null,
  quota: false,
  silent: false,
  sparingUntil: null,
  stalled: false,
};

/**
 * What listeners play, kept fresh for those who watch: at most one look at Spotify for each listener, however many tabs, sessions and
 * processes watch. A lease in Redis says which process looks; it passes on what it saw. Nobody watching means no calls.
 */
export function createHub(deps: Deps) {
  const {
    redis,
    records,
    subscriber,
    clientId,
    access,
    grants,
    sessionRecords,
    browsers,
    quotaGate,
    webApi,
  } = deps;
  const { kept, background, now, onFault, onChannelRefused } = deps;
  const { tickMs, leaseMs, leaseEveryMs, recallEveryMs, stalledAfterMs } = deps.timing;
  const me = randomUUID();
  const channel = liveChannel(redis, clientId);
  const watchedKey = keys.subscribed(clientId);
  const seenRecords = records.of({
    kind: 'now-playing',
    key: keys.nowPlaying,
    codec: seenCodec,
    ttlMs: () => keptSeenMs,
  });
  const leases = records.of({ kind: 'lease', key: keys.lease, codec: ownerCodec, ttlMs: () => leaseMs });
  const tryLease = records.script([leases.type], takeLease);
  const addWatched = records.script([watchedSet], noteWatched);
  const all = new Map<string, Watched>();
  let lastTickAt = now();
  let sweepDueAt = performance.now() + sweepMs;

  subscriber.on('message', (_channel, text) => {
    if (text === noMessage) return;
    try {
      const message = records.message('message', messageCodec, text);
      if (message !== null) hear(message);
    } catch (error) {
      onFault(error);
    }
  });
  const messages = keepJoined({
    redis,
    subscriber,
    channel,
    // What was said while nobody listened is made up for.
    onJoined() {
      for (const watched of all.values()) background.run('recall what plays', recall(watched));
      sweepNow();
    },
    onRefused: onChannelRefused,
    background,
  });
  const ticking = setInterval(tick, tickMs).unref();
  const sweeping = setInterval(() => {
    // safeguard: looking-for-ended-sign-ins-while-no
    if (!messages.hears() || performance.now() >= sweepDueAt) sweepNow();
  }, deafSweepMs).unref();

  return {
    /** Tells this watcher what the listener plays, now and at every change, until the function it gives is called. */
    watch(accountId: string, watcher: Watcher): () => void {
      const watched = all.get(accountId) ?? newlyWatched(accountId);
      all.set(accountId, watched);
      watched.watchers.add(watcher);
      if (watched.news.seen !== null) watcher.onNews(watched.news);
      else background.run('recall what plays', recall(watched));
      background.run('check the sign-in of a subscriber', endIfSignedOut(watcher.sessionId));
      return () => {
        watched.watchers.delete(watcher);
        // safeguard: looking-for-nobody-when-nobody-watches
        if (watched.watchers.size === 0 && all.get(accountId) === watched) leave(watched);
      };
    },

    /** Has somebody look at once, in whatever process: as soon as two looks may follow each other. */
    look(accountId: string): void {
      const since = now();
      want(accountId, since);
      say({ kind: 'look', accountId, since });
    },

    /** Notes, in every process, that what was asked for until now is out of date: the listener has just changed it. */
    changed(accountId: string): void {
      outOfDate(accountId, now());
      say({ kind: 'changed', accountId, since: now() });
    },

    /** Takes in what a page was told by Spotify, which it asked at `askedAt`, and passes it on; gives what is known then. */
    async learn(accountId: string, playback: Playback, askedAt: number): Promise<Seen> {
      // Without Redis, what Spotify has just said can still be shown.
      const before = await this.latest(accountId).catch(nullIfUnavailable);
      // Somebody has asked later and was answered sooner.
      if (before !== null && before.askedAt > askedAt) return before;
      const seen = seenNow(playback, now(), askedAt, before);
      background.run('pass on what plays', passOn(accountId, { ...nothingKnown, seen }));
      return seen;
    },

    /**
     * Passes on that a track is in the listener's library, or is not: it matters while that track plays. It says nothing about when
     * the player was asked, so processes that know of a later answer take it in as well.
     */
    async learnSaved(accountId: string, uri: string, saved: boolean): Promise<void> {
      setSaved(accountId, uri, saved);
      const seen = await this.latest(accountId).catch(nullIfUnavailable);
      // Without Redis nobody else can be told; they ask again when the track changes.
      if (seen && uriOf(seen) === uri) await store(accountId, { ...seen, saved }).catch(nullIfUnavailable);
      await send({ kind: 'saved', accountId, uri, saved });
    },

    /**
     * Drops what is held of Spotify's answers to this listener under names that begin like these, here and in every other process.
     * Resolves when the others have been told; one that misses the message goes on with what it holds until its TTL.
     */
    async invalidate(accountId: string, names: readonly string[]): Promise<void> {
      invalidateHere(accountId, names);
      await send({ kind: 'invalidate', accountId, names });
    },

    /** Passes on that Spotify asked a page to wait. */
    async learnWait(accountId: string, { until, quota }: Cooldown): Promise<void> {
      await passOn(accountId, { ...known(accountId), waitingUntil: until, quota });
    },

    /** What was last seen, here or elsewhere; null where that is too long ago. Throws RedisUnavailable. */
    async latest(accountId: string): Promise<Seen | null> {
      return all.get(accountId)?.news.seen ?? (await recorded(accountId));
    },

    nextFor,

    /** What subscribers of this process are shown. */
    async newsOf(accountId: string): Promise<News> {
      const watched = all.get(accountId);
      // One that has just subscribed is not told before the stored state has been read.
      if (watched?.news.seen === null) await recall(watched);
      return known(accountId);
    },

    /**
     * In how many milliseconds the next poll of this listener is due; less than none while it is being made, null where another
     * process plans it and it is overdue. Throws RedisUnavailable.
     */
    async nextPollIn(accountId: string): Promise<number | null> {
      const watched = all.get(accountId);
      if (watched && leads(watched)) return watched.lookAt - now();
      const { seen, waitingUntil } = known(accountId);
      const next = await nextFor(seen);
      const inMs = Math.max(next.at, waitingUntil ?? 0) - now();
      return inMs >= 0 ? inMs : null;
    },

    /** What this process knows without asking anybody, if it is still what plays. */
    fresh(accountId: string): Seen | null {
      const watched = all.get(accountId);
      const seen = watched?.news.seen;
      const age = seen ? now() - seen.at : -1;
      return seen && seen.askedAt > watched.changedAt && age >= 0 && age < freshMs ? seen : null;
    },

    endStreams,

    /** Forgets what a listener played. Throws RedisUnavailable. */
    forget: (accountId: string): Promise<void> => seenRecords.remove(accountId),

    close(): void {
      clearInterval(ticking);
      clearInterval(sweeping);
      messages.close();
      for (const watched of all.values()) leave(watched);
      subscriber.disconnect();
    },
  };

  function newlyWatched(accountId: string): Watched {
    return {
      accountId,
      owner: randomUUID(),
      watchers: new Set(),
      news: nothingKnown,
      changedAt: 0,
      changedFrom: null,
      wantedSince: 0,
      leaseDueAt: 0,
      leaseUntil: 0,
      recallDueAt: performance.now() + recallEveryMs,
      lookAt: 0,
      notBefore: 0,
      looking: false,
      failures: 0,
      stalledSince: null,
    };
  }

  function known(accountId: string): News {
    return all.get(accountId)?.news ?? nothingKnown;
  }

  /** Takes in what a page was told, and passes it on. */
  async function passOn(accountId: string, news: Omit<News, 'sparingUntil'>): Promise<void> {
    const heard: Heard = { ...news, sparingUntil: undefined };
    hearNews(accountId, heard);
    await publish(accountId, heard).catch(onFault);
  }

  function leads({ leaseUntil }: Watched): boolean {
    return performance.now() < leaseUntil;
  }

  /** Takes in what is known already: a page has asked a moment ago, another process looks, or Spotify asked to wait. */
  async function recall(watched: Watched): Promise<void> {
    const { accountId } = watched;
    const known = await Promise.all([recorded(accountId), quotaGate.closed()]).catch(nullIfUnavailable);
    // Without Redis it stays as it is; the next recall makes up for it.
    if (known === null) return;
    const [seen, closed] = known;
    const { news } = watched;
    const newer = seen !== null && (news.seen === null || seen.askedAt > news.seen.askedAt);
    const waits = closed !== null && closed.until !== news.waitingUntil;
    if (!newer && !waits) return;
    // safeguard: odd-telling-new-windows-wait
    const wait = { waitingUntil: closed?.until ?? null, quota: closed?.quota ?? false };
    hearNews(accountId, { ...news, seen: newer ? seen : news.seen, ...wait, silent: false, stalled: false });
  }

  /** The record of what was last seen. Throws RedisUnavailable. */
  async function recorded(accountId: string): Promise<Seen | null> {
    const seen = await seenRecords.read(accountId);
    return seen && !isAhead(seen) ? seen : null;
  }

  function isAhead({ askedAt }: Seen): boolean {
    return askedAt > now() + clocksDifferMs;
  }

  function leave(watched: Watched): void {
    all.delete(watched.accountId);
    if (!leads(watched)) return;
    watched.leaseUntil = 0;
    const left = Promise.all([release(watched), redis.zrem(watchedKey, watched.accountId)]);
    // Without Redis both end by themselves: the lease with its time, the place in the list with its score.
    left.catch(() => undefined);
  }

  function release({ accountId, owner }: Watched): Promise<unknown> {
    return leases.removeIf(accountId, owner);
  }

  function tick(): void {
    // The clock was put back: what is known is from a time that is still to come, and all plans with it.
    // safeguard: odd-noticing-clock-was-put-back
    if (now() < lastTickAt - clocksDifferMs) for (const watched of all.values()) forget(watched);
    lastTickAt = now();
    for (const watched of all.values()) {
      const monotonic = performance.now();
      if (monotonic >= watched.leaseDueAt) {
        watched.leaseDueAt = monotonic + leaseEveryMs;
        // safeguard: reporting-lease-could-not-be-taken
        background.run('take the lease', lead(watched));
      }
      if (!leads(watched)) {
        if (monotonic < watched.recallDueAt) continue;
        watched.recallDueAt = monotonic + recallEveryMs;
        background.run('recall what plays', recall(watched));
      } else if (!watched.looking) {
        if (watched.lookAt - now() > longestMs) watched.lookAt = 0;
        if (now() >= watched.lookAt) background.run('poll', look(watched));
      }
    }
  }

  function forget(watched: Watched): void {
    const { news } = watched;
    Object.assign(watched, { changedAt: 0, changedFrom: null, wantedSince: 0, lookAt: 0, notBefore: 0 });
    watched.news = { ...nothingKnown, stalled: news.stalled };
  }

  async function lead(watched: Watched): Promise<void> {
    const { accountId, owner } = watched;
    const askedAt = performance.now();
    try {
      const holder = String(await tryLease([leases.key(accountId)], owner, leaseMs));
      if (all.get(accountId) !== watched) {
        await release(watched);
        return;
      }
      watched.stalledSince = null;
      if (watched.news.stalled) amend(watched, { stalled: false });
      if (holder !== owner) {
        // One that is no owner is removed, and the next try succeeds.
        // safeguard: check-leases-owner
        await leases.settle(accountId, holder);
        watched.leaseUntil = 0;
        return;
      }
      if (!leads(watched)) {
        // What a page or another process saw a moment ago need not be asked for again.
        await recall(watched);
        await plan(watched);
        // Who watched may have gone meanwhile.
        if (all.get(accountId) !== watched) {
          await release(watched);
          return;
        }
      }
      watched.leaseUntil = askedAt + leaseMs;
      await addWatched([watchedKey], now(), now() + leaseMs, 2 * leaseMs, accountId);
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      // Without Redis the lease ends by itself: nobody looks.
      watched.stalledSince ??= askedAt;
      if (watched.news.stalled || askedAt - watched.stalledSince < stalledAfterMs) return;
      // safeguard: odd-saying-nobody-can-look
      amend(watched, { stalled: true });
    }
  }

  async function look(watched: Watched): Promise<void> {
    watched.looking = true;
    const askedAt = now();
    watched.notBefore = askedAt + leastMs;
    try {
      const playback = await ask(watched);
      watched.failures = 0;
      if (playback === null) {
        watched.lookAt = now() + 10_000;
        return;
      }
      const before = watched.news.seen;
      // Meanwhile a page has asked later, or the listener has changed something: then that is what counts.
      // safeguard: not-believing-look-from-before-change
      if (askedAt < watched.changedAt || (before !== null && askedAt < before.askedAt)) {
        await plan(watched);
        return;
      }
      if (askedAt >= watched.wantedSince) watched.wantedSince = 0;
      const seen = seenNow(playback, now(), askedAt, before);
      watched.news = { ...nothingKnown, seen, sparingUntil: watched.news.sparingUntil };
      await plan(watched);
      tell(watched);
      await publish(watched.accountId, watched.news).catch(onFault);
    } catch (error) {
      failed(watched, error);
    } finally {
      watched.looking = false;
    }
  }

  /** Asks with a sign-in of the listener's that still holds and allows it; null where there is none. */
  async function ask({ accountId, watchers }: Watched): Promise<Playback | null> {
    const here = [...watchers].map(({ sessionId }) => sessionId);
    const tried = new Set<string>();
    for (const sessions of [async () => here, () => browsers.sessionsOf(accountId)]) {
      for (const sessionId of await sessions()) {
        if (tried.has(sessionId)) continue;
        tried.add(sessionId);
        try {
          const stored = await grants.read(sessionId);
          // Whatever lists this session: what the player of somebody else does is not for those who watch here.
          // safeguard: asking-with-listeners-own-grants-only
          const isTheirs = stored?.accountId === accountId;
          if (isTheirs && scopes.player.every((scope) => stored.scopes.includes(scope))) {
            const grant = await access.open(sessionId, stored, { renewFirst: true });
            return await grant.ask(webApi.player);
          }
        } catch (error) {
          if (!(error instanceof GrantLost || error instanceof MissingScope)) throw error;
        }
        // The page says what is the matter with this one.
        endStreams([sessionId]);
      }
    }
    return null;
  }

  function failed(watched: Watched, error: unknown): void {
    const { news } = watched;
    if (error instanceof Cooldown) {
      watched.lookAt = afterWait(error.until);
      watched.news = { ...news, waitingUntil: error.until, quota: error.quota };
    } else {
      // safeguard: odd-asking-failing-spotify-ever-more-seldom
      watched.lookAt = now() + (failureMs[watched.failures] ?? longestFailureMs);
      watched.failures += 1;
      // safeguard: ending-no-stream-because-this-process-stops
      if (error instanceof RedisUnavailable || error instanceof ShuttingDown) return;
      onFault(error);
      if (error instanceof SpotifyUnavailable) {
        // One answer that does not come is nothing to speak of.
        if (watched.failures > 1) watched.news = { ...news, silent: true };
      } else {
        // Nothing that passes: not invited any more, the owner without Premium. Pages have words for each.
        // safeguard: odd-ending-streams-refused-for-good
        background.run('end streams', browsers.sessionsOf(watched.accountId).then(endStreams));
      }
    }
    watched.notBefore = watched.lookAt;
    if (watched.news === news) return;
    tell(watched);
    background.run('publish what plays', publish(watched.accountId, watched.news));
  }

  /** Decides when to look next; without Redis, in a while. */
  async function plan(watched: Watched): Promise<void> {
    const { seen } = watched.news;
    const next = await nextFor(seen).catch(nullIfUnavailable);
    if (next === null) {
      watched.lookAt = now() + 60_000;
      return;
    }
    const { at, sparingUntil } = next;
    if (isElsewhen(sparingUntil, watched.news.sparingUntil)) {
      amend(watched, { sparingUntil });
      background.run('publish what plays', publish(watched.accountId, watched.news));
    }
    const { changedFrom, changedAt } = watched;
    if (seen && changedFrom && seen.askedAt > changedAt) {
      watched.changedFrom = null;
      // safeguard: odd-looking-once-more-for-change-not
      if (!isOther(changedFrom, seen))
        watched.wantedSince = Math.max(watched.wantedSince, changedAt + settleMs);
    }
    // safeguard: look-who-comes-back-alone
    const wished = isWanted(watched) ? Math.max(now(), watched.wantedSince) : Number.POSITIVE_INFINITY;
    const waited = watched.news.waitingUntil === null ? Number.POSITIVE_INFINITY : watched.notBefore;
    // safeguard: odd-looking-when-wait-over
    watched.lookAt = Math.max(Math.min(at, wished, waited), watched.notBefore);
  }

  /** When to look next at a listener of whom this is known. Throws RedisUnavailable. */
  async function nextFor(seen: Seen | null): Promise<NextLook> {
    const counted = records.onType(watchedSet, watchedKey, () => redis.zcount(watchedKey, now(), '+inf'));
    const [budget, watched] = await Promise.all([quotaGate.budget(), counted]);
    return nextLook({ now: now(), seen, budget, watched: Math.max(1, watched) });
  }

  function isWanted({ news, wantedSince, changedAt }: Watched): boolean {
    if (news.waitingUntil !== null && news.waitingUntil > now()) return false;
    // Who has pressed a button is owed to see what it did.
    // safeguard: odd-looking-after-button-while-calls-few
    const sparing = news.sparingUntil !== null && wantedSince !== changedAt + settleMs;
    const since = sparing ? Math.min(wantedSince, now() - sparingFreshMs) : wantedSince;
    return wantedSince > 0 && (news.seen === null || news.seen.askedAt <= since);
  }

  async function publish(accountId: string, news: Heard): Promise<void> {
    const { seen } = news;
    if (seen) await store(accountId, seen);
    await redisCall(
      redis.publish(channel, messageCodec.encode({ from: me, kind: 'news', accountId, news }, channel)),
    );
  }

  async function store(accountId: string, seen: Seen): Promise<void> {
    await browsers.keepWhileSignedIn(accountId, seenRecords, seen);
  }

  function say(message: Sent): void {
    background.run('send a message', send(message));
  }

  async function send(message: Sent): Promise<void> {
    const sent = redis.publish(channel, messageCodec.encode({ from: me, ...message }, channel));
    // Pub/sub is lossy anyway: processes re-read the stored state, and what they hold has a TTL.
    await redisCall(sent).catch(nullIfUnavailable);
  }

  function hear(message: Message): void {
    if (message.from === me) return;
    switch (message.kind) {
      case 'end':
        endHere(message.sessionIds);
        break;
      case 'look':
        want(message.accountId, message.since);
        break;
      case 'changed':
        outOfDate(message.accountId, message.since);
        break;
      case 'saved':
        // safeguard: telling-windows-elsewhere-track-saved
        setSaved(message.accountId, message.uri, message.saved);
        break;
      case 'invalidate':
        // safeguard: invalidating-it-in-other-processes
        invalidateHere(message.accountId, message.names);
        break;
      case 'news':
        hearNews(message.accountId, message.news);
    }
  }

  /** What somebody else saw: another process, or a page. */
  function hearNews(accountId: string, news: Heard): void {
    const watched = all.get(accountId);
    if (!watched) return;
    const { seen } = watched.news;
    // Messages may overtake each other, and a look may take longer than a change.
    if (seen && news.seen && news.seen.askedAt < seen.askedAt) return;
    if (news.seen && (news.seen.askedAt < watched.changedAt || isAhead(news.seen))) return;
    const { sparingUntil = watched.news.sparingUntil } = news;
    // Who passes on that Spotify asked to wait may have seen nothing.
    // safeguard: odd-keeping-what-was-seen-where-only
    watched.news = { ...news, seen: news.seen ?? seen, sparingUntil };
    if (news.waitingUntil !== null) watched.notBefore = afterWait(news.waitingUntil);
    else if (!news.silent) {
      // Spotify has answered somebody: whatever kept us from asking is over.
      watched.notBefore = Math.min(watched.notBefore, now() + leastMs);
      watched.failures = 0;
    }
    if (news.seen && news.seen.askedAt >= watched.wantedSince) watched.wantedSince = 0;
    tell(watched);
    if (leads(watched) && !watched.looking) background.run('plan the next poll', plan(watched));
  }

  function setSaved(accountId: string, uri: string, saved: boolean): void {
    const watched = all.get(accountId);
    const seen = watched?.news.seen;
    if (watched && seen && uriOf(seen) === uri) amend(watched, { seen: { ...seen, saved } });
  }

  function invalidateHere(accountId: string, names: readonly string[]): void {
    for (const name of names) kept.forget(accountId, name);
  }

  function amend(watched: Watched, part: Partial<News>): void {
    watched.news = { ...watched.news, ...part };
    tell(watched);
  }

  function tell({ watchers, news }: Watched): void {
    for (const watcher of watchers) watcher.onNews(news);
  }

  function outOfDate(accountId: string, since: number): void {
    const watched = all.get(accountId);
    if (!watched) return;
    watched.changedAt = Math.max(watched.changedAt, since);
    watched.changedFrom = watched.news.seen;
  }

  function want(accountId: string, since: number): void {
    const watched = all.get(accountId);
    if (!watched) return;
    watched.wantedSince = Math.max(watched.wantedSince, since);
    if (!isWanted(watched)) return;
    watched.lookAt = Math.min(watched.lookAt, Math.max(now(), watched.wantedSince, watched.notBefore));
  }

  /** Ends the streams of these sessions, in every process. */
  function endStreams(sessionIds: readonly string[]): void {
    endHere(sessionIds);
    say({ kind: 'end', sessionIds });
  }

  function endHere(sessionIds: readonly string[]): void {
    for (const { watchers } of all.values()) {
      // safeguard: ending-streams-with-their-sign-in
      for (const watcher of [...watchers]) if (sessionIds.includes(watcher.sessionId)) watcher.onEnd();
    }
  }

  function sweepNow(): void {
    sweepDueAt = performance.now() + sweepMs;
    background.run('sweep streams', sweep());
  }

  /** A sign-out that is made while a stream is being opened does not find it. */
  async function endIfSignedOut(sessionId: string): Promise<void> {
    // Without Redis, the sweep finds it later.
    const standing = await grants.standing([sessionId]).catch(nullIfUnavailable);
    if (standing && !standing.has(sessionId)) endHere([sessionId]);
  }

  /** Ends the streams of sessions that are over, by their own time or because the message that said so was lost. */
  async function sweep(): Promise<void> {
    const watchers = [...all.values()].flatMap((watched) => [...watched.watchers]);
    const sessionIds = [...new Set(watchers.map(({ sessionId }) => sessionId))];
    for (let from = 0; from < sessionIds.length; from += 500) {
      const some = sessionIds.slice(from, from + 500);
      const standing = await grants.standing(some);
      const sessions = await Promise.all(some.map(sessionRecords.readText));
      endHere(some.filter((one, index) => !standing.has(one) || sessions[index] === null));
    }
  }
}
