import type { Redis } from 'ioredis';
import { createQuotaGate } from '../access/quota-gate.ts';
import { timing } from '../access/timing.ts';
import type { Config, SpotifyApp } from '../config.ts';
import { chooseRedis } from '../redis/choice.ts';
import { connectForCheck } from '../redis/connect.ts';
import { dataFolder } from '../redis/data-folder.ts';
import { createRecords } from '../redis/records.ts';
import { createAccounts } from '../spotify/accounts.ts';
import { type CallResult, createHttp } from '../spotify/http.ts';
import { createWebApi } from '../spotify/web-api.ts';
import { checkRedisChoice } from './choice.ts';
import { checkRedis } from './redis.ts';
import type { CheckResult } from './result.ts';
import { checkSite } from './site.ts';
import { checkSpotify, missingCredentials } from './spotify.ts';

/** Checks everything that the app depends on. Uses its own connections, because the app's reconnect before they report what is wrong. */
export function createChecks(config: Config, now: () => number = Date.now) {
  const { spotify, missing, redirectUri, baseUrl, market, dailyCalls } = config;
  const { redisUrl, redisPrefix, shouldFindRedis } = config;
  const choose = () => chooseRedis({ redisUrl, shouldFindRedis, folder: dataFolder });
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
    const { accountsUrl, apiUrl, clientId, clientSecret, otherOrigins } = app;
    const { accountsDeadlineMs, apiDeadlineMs } = timing;
    const http = createHttp({ baseUrl: accountsUrl, deadlineMs: accountsDeadlineMs, onCall });
    // If Redis can't be reached, another check reports it.
    await redis.connect().catch(() => undefined);
    return checkSpotify({
      accounts: createAccounts({ http, accountsUrl, clientId, clientSecret, redirectUri }),
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
