import { createQuotaGate } from '../access/quota-gate.ts';
import { createQuotaLedger } from '../access/quota-ledger.ts';
import { timing } from '../access/timing.ts';
import type { Config, SpotifyApp } from '../config.ts';
import { chooseRedis } from '../redis/choice.ts';
import type { RedisClient } from '../redis/client.ts';
import { readTime } from '../redis/clock.ts';
import { connectForCheck } from '../redis/connect.ts';
import { dataFolder } from '../redis/data-folder.ts';
import { createRecords } from '../redis/records.ts';
import { createAccounts } from '../spotify/accounts.ts';
import { type CallResult, createHttp } from '../spotify/http.ts';
import { createWebApi } from '../spotify/web-api.ts';
import { checkQuota } from './quota.ts';
import { checkRedis } from './redis.ts';
import { checkRedisChoice } from './redis-choice.ts';
import type { CheckResult } from './result.ts';
import { checkSite } from './site.ts';
import { checkSpotify, missingCredentials } from './spotify.ts';

/**
 * Returns checks of everything that the app depends on. They use their own connections, because the app's reconnect before they report what is
 * wrong. `sharedNow` is the clock that all processes share; null to ask Redis for its time.
 */
export function createChecks(config: Config, sharedNow: (() => number) | null) {
  const { spotify, missing, redirectUri, baseUrl, market, ledgerName, dailyCalls } = config;
  const { redisUrl, redisCa: ca, redisPrefix, shouldFindRedis } = config;
  const choose = () => chooseRedis({ redisUrl, shouldFindRedis, folder: dataFolder });
  const clientId = spotify?.clientId ?? null;

  return {
    redis: () =>
      checkRedisChoice(choose, (url) =>
        withRedis(url, (redis) => checkRedis({ redis, url, clientId, now: Date.now })),
      ),

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

  async function askSpotify(app: SpotifyApp, redis: RedisClient): Promise<CheckResult[]> {
    let time: { theirs: number; ours: number } | null = null;
    const onCall = ({ date, ms }: CallResult) => {
      // Compares the middle of the call with the middle of the second in the header.
      if (date) time = { theirs: Date.parse(date) + 500, ours: Date.now() - ms / 2 };
    };
    const { accountsUrl, apiUrl, clientId, clientSecret, otherOrigins } = app;
    const { accountsDeadlineMs, apiDeadlineMs } = timing;
    const http = createHttp({ baseUrl: accountsUrl, deadlineMs: accountsDeadlineMs, onCall });
    // If Redis can't be reached, another check reports it.
    await redis.connect().catch(() => undefined);
    // A ledger on the wrong time would lose counts, and call Spotify during a cooldown.
    // safeguard: checks-use-shared-time
    const now = sharedNow ?? (await redisNow(redis));
    const records = createRecords({ redis, formerPrefix: '', onDamaged: () => undefined });
    const ledger = createQuotaLedger({ redis, records, name: ledgerName, now });
    const results = await checkSpotify({
      accounts: createAccounts({ http, accountsUrl, clientId, clientSecret, redirectUri }),
      webApi: createWebApi({
        http: createHttp({ baseUrl: apiUrl, deadlineMs: apiDeadlineMs }),
        otherOrigins,
      }),
      quotaGate: createQuotaGate({ records, ledger, clientId, now }),
      market,
      redirectUri,
      spotifyTime: () => time,
    });
    return [...results, ...(await checkQuota({ ledger, dailyCalls, now }))];
  }

  /** Returns a clock that shows Redis's time, or this machine's if Redis doesn't answer. */
  async function redisNow(redis: RedisClient): Promise<() => number> {
    const aheadMs = await readTime(redis).then(
      (time) => time - Date.now(),
      () => 0,
    );
    return () => Math.round(Date.now() + aheadMs);
  }

  /** Runs `work` with a connection that isn't open yet and doesn't retry. */
  async function withRedis<T>(url: string, work: (redis: RedisClient) => Promise<T>): Promise<T> {
    const redis = connectForCheck({ url, ca }, redisPrefix);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
}
