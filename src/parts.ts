import { createBrowsers } from './access/browsers.ts';
import { callOutcomes } from './access/call-outcome.ts';
import { createExportProgress } from './access/export-progress.ts';
import { createGrants } from './access/grants.ts';
import type { People } from './access/people.ts';
import { liveBudget } from './access/quota-budget.ts';
import { quotaFamilies } from './access/quota-families.ts';
import { createQuotaGate } from './access/quota-gate.ts';
import { createQuotaLedger } from './access/quota-ledger.ts';
import { quotaInUse } from './access/quota-summary.ts';
import {
  createRateLimiters,
  type Limits,
  limits as usualLimits,
  withDailySearches,
} from './access/rate-limiter.ts';
import { createRecentPlaylists } from './access/recent-playlists.ts';
import { createRecentlyPlayed } from './access/recently-played.ts';
import { createResponseCache } from './access/response-cache.ts';
import { createSeal } from './access/seal.ts';
import { createSessionRecords } from './access/session-records.ts';
import { createSpotifyAccess } from './access/spotify-access.ts';
import { type Timing, timing as usualTiming } from './access/timing.ts';
import type { Config, SpotifyApp } from './config.ts';
import { createFetchSubscriptions } from './live/fetch-subscriptions.ts';
import { createHub } from './live/hub.ts';
import { createStreams, type Streams } from './live/sse.ts';
import { type BackgroundTasks, createBackgroundTasks } from './ops/background.ts';
import { damageReporter, errorFields, type Log } from './ops/log.ts';
import { createMetrics, type Metrics } from './ops/metrics.ts';
import { traceparent } from './ops/trace.ts';
import { createExports } from './pages/export/worker.ts';
import { liveChannel, missingChannel } from './redis/channel.ts';
import type { RedisClient } from './redis/client.ts';
import { createRedisClock } from './redis/clock.ts';
import { connectRedis, connectSubscriber } from './redis/connect.ts';
import { diagnose } from './redis/diagnose.ts';
import { nullIfUnavailable } from './redis/errors.ts';
import { createLock } from './redis/lock.ts';
import { createRecords } from './redis/records.ts';
import { formatRedisAddress, keyPrefixIn } from './settings/redis-url.ts';
import { createAccounts } from './spotify/accounts.ts';
import { type CallResult, createHttp } from './spotify/http.ts';
import { createImageDownload } from './spotify/images.ts';
import { createWebApi } from './spotify/web-api.ts';

export type Parts = ReturnType<typeof createParts>;

type Deps = {
  config: Config & { spotify: SpotifyApp };
  log: Log;
  /** Milliseconds since 1970. Tests pass their own clock; otherwise Redis's is used. */
  now?: () => number;
  timing?: Timing;
  limits?: Limits;
  /** Called when Redis serves pages again. */
  onRedisUp?: () => void;
};

/** Creates everything that lives as long as the process. Only connects to Redis, and calls nothing else yet. */
export function createParts({ config, log, now: ownNow, ...given }: Deps) {
  const { timing = usualTiming, limits = usualLimits, onRedisUp: onUp } = given;
  const { dailyCalls } = config;
  const { clientId } = config.spotify;
  const background = createBackgroundTasks({
    onFailure: (name, error) => log.warn('A background task failed', { name, ...errorFields(error) }),
  });
  const metrics = measure(config, () => now());
  const { redis, isUsable, firstReport } = connectToRedis({ config, log, timing, background, metrics, onUp });
  const clock = createRedisClock(redis);
  // safeguard: shared-redis-clock
  const now = ownNow ?? clock.now;
  const formerPrefix = keyPrefixIn(config.redisUrl);
  const records = createRecords({ redis, formerPrefix, onDamaged: damageReporter(log) });
  const seal = createSeal(config.secrets);
  const { accounts, webApi, downloadImage } = createSpotifyClients({ config, log, timing });
  const sessionRecords = createSessionRecords({ records, now });
  const accountOf = async (sessionId: string) =>
    (await sessionRecords.read(sessionId))?.listener.accountId ?? null;
  const grants = createGrants({ redis, records, seal, clientId, now, accountOf });
  const browsers = createBrowsers({ redis, records, grants, now });
  const withLock = createLock({ records, leaseMs: timing.leaseMs, lockWaitMs: timing.lockWaitMs });
  const quotaLedger = createQuotaLedger({ redis, records, name: config.ledgerName, now });
  const { countCall: onCall, countRefresh: onRefresh } = metrics;
  const quotaGate = createQuotaGate({ records, ledger: quotaLedger, clientId, now, onCall });
  const responseCache = createResponseCache({ now });
  const { listenerAccess, listenerApi, appApi } = createSpotifyAccess({
    clientId,
    market: config.market,
    records,
    grants,
    seal,
    withLock,
    quotaGate,
    accounts,
    webApi,
    responseCache,
    background,
    now,
    onRefresh,
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
    liveBudget: async () => liveBudget(await quotaLedger.read(), dailyCalls, now()),
    responseCache,
    background,
    now,
    timing: timing.live,
    onFault: (error) => log.warn('Live updates failed', errorFields(error)),
    onChannelRefused: ({ code: cause }) => log.warn(missingChannel(liveChannel(redis, clientId)), { cause }),
  });
  const fetchSubscriptions = createFetchSubscriptions({ hub, now, timing: timing.live });

  const exportJobs = createExports(
    { redis, records, seal, clientId, background, now },
    { grants, sessionRecords, access: listenerAccess, listenerApi, invalidate: hub.invalidate },
    { ledger: quotaLedger, dailyCalls, now },
    timing,
  );

  /** Closes all streams. Must come before closing the server, which waits for them. */
  function closeStreams(): void {
    exportJobs.worker.close();
    hub.close();
    fetchSubscriptions.close();
    streams.close();
  }

  return {
    now,
    timing,
    background,
    metrics,
    whyNotReady: () => whyNotReady(redis, streams),
    readMetrics: () =>
      readMetrics({ redis, metrics, quotaGate, quotaLedger, grants, streams, dailyCalls, now }),
    redis,
    isRedisUsable: isUsable,
    records,
    sessionRecords,
    /** Resolves when it is known whether Redis answers, so that a server that waits for it doesn't start with an error page. */
    redisAnswered: firstReport.then(() => (redis.status === 'ready' ? clock.firstSync : undefined)),
    seal,
    accounts,
    downloadImage,
    grants,
    browsers,
    listenerAccess,
    listenerApi,
    appApi,
    quotaGate,
    quotaLedger,
    hub,
    streams,
    fetchSubscriptions,
    recent: createRecentlyPlayed({ records, browsers, now }),
    recentPlaylists: createRecentPlaylists({ records, browsers }),
    exportProgress: createExportProgress({ records, browsers }),
    exportJobs,
    /** All searches draw on the app's single quota, so visitors who aren't signed in share a fixed part of it. */
    rateLimiters: createRateLimiters(redis, withDailySearches(limits, config.dailySearches)),
    closeStreams,
    close() {
      closeStreams();
      clock.close();
      responseCache.close();
      redis.disconnect();
    },
  };
}

/** Removes what is stored about a listener who has signed out everywhere. Throws RedisUnavailable. */
export async function removeListenerData(
  parts: Parts,
  accountId: string,
  people: Pick<People, 'forget'>,
): Promise<void> {
  const { hub, recent, recentPlaylists, exportProgress: progress, exportJobs } = parts;
  await hub.removeListenerData(accountId);
  // safeguard: forget-history-after-last-session
  await recent.remove(accountId);
  // safeguard: forget-playlists-after-last-session
  await recentPlaylists.remove(accountId);
  // safeguard: forget-progress-after-last-session
  await progress.remove(accountId);
  // safeguard: forget-job-after-last-session
  await exportJobs.jobs.remove(accountId);
  // safeguard: forget-person-after-last-session
  await people.forget(accountId);
}

/** Why this process can't serve pages; null if it can. */
async function whyNotReady(redis: RedisClient, streams: Pick<Streams, 'isClosed'>): Promise<string | null> {
  // safeguard: not-ready-while-stopping
  if (streams.isClosed()) return 'Turntable is stopping';
  // safeguard: readiness-tries-commands
  const fault = await diagnose(redis);
  return fault && `Redis ${fault.problem}`;
}

type MetricsDeps = Pick<
  Parts,
  'redis' | 'metrics' | 'quotaGate' | 'quotaLedger' | 'grants' | 'streams' | 'now'
> & {
  dailyCalls: number;
};

/** Returns what was measured, and the current state. */
async function readMetrics(deps: MetricsDeps): Promise<string> {
  const { redis, metrics, quotaGate, quotaLedger, grants, streams, dailyCalls, now } = deps;
  const [why, ledger, expiringGrants, accountsPausedUntil] = await Promise.all([
    whyNotReady(redis, streams),
    quotaLedger.peek().catch(nullIfUnavailable),
    grants.countExpiring().catch(nullIfUnavailable),
    quotaGate.accountsPausedUntil().catch(nullIfUnavailable),
  ]);
  const quota = ledger && quotaInUse(ledger, dailyCalls, now());
  const openStreams = streams.count();
  return metrics.format({ isReady: why === null, openStreams, expiringGrants, accountsPausedUntil, quota });
}

type Clients = Pick<Deps, 'config' | 'log'> & { timing: Timing };

function measure({ metricsPort, metricsToken, dailyCalls }: Config, now: () => number): Metrics {
  return createMetrics({
    isServed: metricsPort !== null || metricsToken !== null,
    families: [...quotaFamilies, 'accounts'],
    outcomes: callOutcomes,
    dailyCalls,
    now,
  });
}

type RedisDeps = Clients & { background: BackgroundTasks; metrics: Metrics; onUp: Deps['onRedisUp'] };

function connectToRedis({
  config,
  log,
  timing,
  background,
  metrics,
  onUp,
}: RedisDeps): ReturnType<typeof connectRedis> {
  const { redisUrl: url, redisPrefix: prefix, redisCa: ca } = config;
  return connectRedis({
    server: { url, ca },
    prefix,
    deadlineMs: timing.redisDeadlineMs,
    onDown: ({ code, problem, fix }) =>
      log.error(`Redis ${problem}. Pages return 503 until it recovers. ${fix}`, {
        at: formatRedisAddress(url),
        cause: code,
      }),
    onUp() {
      log.info('Redis is responding again');
      onUp?.();
    },
    onCommandError: metrics.countRedisError,
    background,
  });
}

function createSpotifyClients({ config: { spotify, redirectUri }, log, timing }: Clients) {
  const { accountsUrl, apiUrl, clientId, clientSecret, otherOrigins } = spotify;
  const onCall = ({ call, status, ms }: CallResult) => log.debug('Called Spotify', { call, status, ms });
  return {
    accounts: createAccounts({
      http: createHttp({ baseUrl: accountsUrl, deadlineMs: timing.accountsDeadlineMs, onCall, traceparent }),
      accountsUrl,
      clientId,
      clientSecret,
      redirectUri,
    }),
    webApi: createWebApi({
      http: createHttp({ baseUrl: apiUrl, deadlineMs: timing.apiDeadlineMs, onCall, traceparent }),
      otherOrigins,
    }),
    downloadImage: createImageDownload({ otherOrigins }),
  };
}
