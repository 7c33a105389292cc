import type { Redis } from 'ioredis';
import { createApiVersions } from './access/api-version.ts';
import { createAppAccess } from './access/app-access.ts';
import { createAppApi } from './access/app-api.ts';
import { createBrowsers } from './access/browsers.ts';
import { createExportProgress } from './access/export-progress.ts';
import { createGrants } from './access/grants.ts';
import { createListenerAccess } from './access/listener-access.ts';
import { createListenerApi } from './access/listener-api.ts';
import { createQuotaGate } from './access/quota-gate.ts';
import { createRateLimiters, type Limits, limits as usualLimits } from './access/rate-limiter.ts';
import { createRecent } from './access/recent.ts';
import { createResponseCache } from './access/response-cache.ts';
import { createSeal } from './access/seal.ts';
import { createSessionRecords } from './access/session-records.ts';
import { type Timing, timing as usualTiming } from './access/timing.ts';
import { checkRedisChoice } from './checks/choice.ts';
import { checkRedis } from './checks/redis.ts';
import type { CheckResult } from './checks/result.ts';
import { checkSite } from './checks/site.ts';
import { checkSpotify, missingCredentials } from './checks/spotify.ts';
import type { Config, SpotifyApp } from './config.ts';
import { createFetchSubscriptions } from './live/fetch-subscriptions.ts';
import { createHub } from './live/hub.ts';
import { createStreams } from './live/sse.ts';
import { createBackgroundTasks } from './ops/background.ts';
import { aboutError, type Log } from './ops/log.ts';
import { liveChannel, permitChannel, withoutChannel } from './redis/channel.ts';
import { chooseRedis } from './redis/choice.ts';
import { createRedisClock } from './redis/clock.ts';
import { connectForCheck, connectRedis, connectSubscriber } from './redis/connect.ts';
import { dataFolder } from './redis/data-folder.ts';
import { createLock } from './redis/lock.ts';
import { createRecords } from './redis/records.ts';
import { keyPrefixIn, redisAddress } from './settings/redis-url.ts';
import { createAccounts } from './spotify/accounts.ts';
import { type CallResult, createHttp } from './spotify/http.ts';
import { createWebApi } from './spotify/web-api.ts';

export type Parts = ReturnType<typeof createParts>;

type Deps = {
  config: Config & { spotify: SpotifyApp };
  log: Log;
  /** Milliseconds since 1970. Tests pass their own clock; otherwise Redis's is used. */
  now?: () => number;
  timing?: Timing;
  limits?: Limits;
};

/** Creates everything that exists as long as the process. Connects to Redis, and calls nothing else yet. */
export function createParts({ config, log, now: ownNow, timing = usualTiming, limits = usualLimits }: Deps) {
  const { spotify } = config;
  const background = createBackgroundTasks({
    onFailure: (name, error) => log.warn('A background task failed', { name, ...aboutError(error) }),
  });
  const { redis, known } = connectRedis({
    url: config.redisUrl,
    prefix: config.redisPrefix,
    deadlineMs: timing.redisDeadlineMs,
    onDown({ code, problem, fix }) {
      log.error(`Redis ${problem}. Pages answer 503 until it recovers. ${fix}`, {
        at: redisAddress(config.redisUrl),
        cause: code,
      });
    },
    onUp: () => log.info('Redis answers again'),
    background,
  });
  const clock = createRedisClock(redis);
  // safeguard: shared-redis-clock
  const now = ownNow ?? clock.now;
  const seal = createSeal(config.secrets);
  const damaged = new Map<string, number>();
  const records = createRecords({
    redis,
    formerPrefix: keyPrefixIn(config.redisUrl),
    onDamaged(kind, why) {
      const sinceStart = (damaged.get(kind) ?? 0) + 1;
      damaged.set(kind, sinceStart);
      log.warn('Ignored a damaged record in Redis', { kind, why, sinceStart });
    },
  });

  const onCall = ({ call, status, ms }: CallResult) => log.debug('Called Spotify', { call, status, ms });

  const accounts = createAccounts({
    http: createHttp({ baseUrl: spotify.accountsUrl, deadlineMs: timing.accountsDeadlineMs, onCall }),
    accountsUrl: spotify.accountsUrl,
    clientId: spotify.clientId,
    clientSecret: spotify.clientSecret,
    redirectUri: config.redirectUri,
  });
  const sessionRecords = createSessionRecords({ records, now });
  const accountOf = async (sessionId: string) =>
    (await sessionRecords.read(sessionId))?.listener.accountId ?? null;
  const grants = createGrants({ redis, records, seal, now, accountOf });
  const browsers = createBrowsers({ redis, records, grants, now });
  const withLock = createLock({ records, leaseMs: timing.leaseMs, lockWaitMs: timing.lockWaitMs });
  const { clientId } = spotify;
  const quotaGate = createQuotaGate({ redis, records, clientId, now, dailyCalls: config.dailyCalls });
  const responseCache = createResponseCache({ now });
  const webApi = createWebApi({
    http: createHttp({ baseUrl: spotify.apiUrl, deadlineMs: timing.apiDeadlineMs, onCall }),
    otherOrigins: spotify.otherOrigins,
  });
  const listenerAccess = createListenerAccess({ grants, withLock, quotaGate, accounts, background, now });
  const { market } = config;
  const listenerApi = createListenerApi({
    access: listenerAccess,
    apiVersions: createApiVersions({ records, clientId }),
    webApi,
    responseCache,
    market,
    now,
  });
  const appApi = createAppApi({
    access: createAppAccess({ records, clientId, seal, withLock, quotaGate, accounts, background, now }),
    webApi,
    responseCache,
    market,
  });
  const streams = createStreams({ redis, records, background, heartbeatMs: timing.heartbeatMs });
  const hub = createHub({
    redis,
    records,
    subscriber: connectSubscriber(redis, timing.redisDeadlineMs),
    clientId,
    listenerApi,
    grants,
    sessionRecords,
    browsers,
    quotaGate,
    responseCache,
    background,
    now,
    timing: timing.live,
    onFault: (error) => log.warn('Polling failed', aboutError(error)),
    onChannelRefused: ({ code }) =>
      log.warn(
        `Redis does not permit this user to use the channel for live updates: ${withoutChannel}. ${permitChannel(liveChannel(redis, clientId))}`,
        { cause: code },
      ),
  });

  const fetchSubscriptions = createFetchSubscriptions({ hub, now, timing: timing.live });

  /** Closes all streams. Must come before closing the server, which waits for them. */
  function closeStreams(): void {
    hub.close();
    fetchSubscriptions.close();
    streams.close();
  }

  return {
    now,
    background,
    redis,
    records,
    sessionRecords,
    /** Resolves when it is known whether Redis answers, so that a server that waits for it doesn't start with an error page. */
    redisAnswered: known.then(() => (redis.status === 'ready' ? clock.isSet : undefined)),
    secrets: config.secrets,
    seal,
    accounts,
    grants,
    browsers,
    listenerAccess,
    listenerApi,
    appApi,
    quotaGate,
    hub,
    streams,
    fetchSubscriptions,
    recent: createRecent({ records, browsers, now }),
    exportProgress: createExportProgress({ records, browsers }),
    /** All searches use the app's one quota, so visitors without a sign-in share a part of it. */
    rateLimiters: createRateLimiters(redis, {
      ...limits,
      dailySearches: { ...limits.dailySearches, requests: config.dailySearches },
    }),
    afterCommandMs: timing.afterCommandMs,
    heartbeatMs: timing.heartbeatMs,
    firstByteMs: timing.firstByteMs,
    closeStreams,
    close() {
      closeStreams();
      clock.close();
      responseCache.close();
      redis.disconnect();
    },
  };
}

/** Checks everything that the app depends on. Uses its own connections, because the app's reconnect before they report what is wrong. */
export function createChecks(config: Config, now: () => number = Date.now) {
  const { spotify, missing, redirectUri, baseUrl, market, dailyCalls } = config;
  const { redisUrl, redisPrefix, findsRedis } = config;
  const choose = () => chooseRedis({ redisUrl, findsRedis, folder: dataFolder });
  const clientId = spotify?.clientId ?? null;

  return {
    /** Checks Redis. */
    redis: () =>
      checkRedisChoice(choose, (url) => withRedis(url, (redis) => checkRedis({ redis, url, clientId, now }))),

    /** Checks the app at Spotify. */
    async spotify(): Promise<CheckResult[]> {
      if (!spotify) return [missingCredentials(missing)];
      const { url } = await choose().catch(() => ({ url: redisUrl }));
      return withRedis(url, (redis) => askSpotify(spotify, redis));
    },

    /** Checks that BASE_URL leads to this site. */
    async site(): Promise<CheckResult[]> {
      return spotify ? [await checkSite({ baseUrl, redirectUri, ...spotify })] : [];
    },
  };

  async function askSpotify(app: SpotifyApp, redis: Redis): Promise<CheckResult[]> {
    let time: { at: number; ours: number } | null = null;
    const onCall = ({ date, ms }: CallResult) => {
      // Compares the middle of the call with the middle of the second in the header.
      if (date) time = { at: Date.parse(date) + 500, ours: now() - ms / 2 };
    };
    const { accountsUrl, apiUrl, clientId, otherOrigins } = app;
    const { accountsDeadlineMs, apiDeadlineMs } = usualTiming;
    const accounts = createHttp({ baseUrl: accountsUrl, deadlineMs: accountsDeadlineMs, onCall });
    // If Redis can't be reached, another check reports it.
    await redis.connect().catch(() => undefined);
    return checkSpotify({
      accounts: createAccounts({ http: accounts, redirectUri, ...app }),
      webApi: createWebApi({
        http: createHttp({ baseUrl: apiUrl, deadlineMs: apiDeadlineMs }),
        otherOrigins,
      }),
      quotaGate: createQuotaGate({
        redis,
        records: createRecords({ redis, formerPrefix: '', onDamaged: () => undefined }),
        clientId,
        now,
        dailyCalls,
      }),
      market,
      redirectUri,
      spotifysTime: () => time,
    });
  }

  /** Runs `work` with a connection that isn't open yet and doesn't retry. */
  async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = connectForCheck(url, redisPrefix);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
}
