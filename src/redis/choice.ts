import { setTimeout as sleep } from 'node:timers/promises';
import { formatRedisAddress, parseRedisAddress } from '../settings/redis-url.ts';
import { lastUsedFile, privateRedis, readLastUsed, writeLastUsed } from './data-folder.ts';
import { databaseProblem } from './database.ts';
import { type AvailableRedis, NoRedis } from './local-server.ts';
import { ping } from './ping.ts';
import { privateSocket, startPrivateRedis } from './private-redis.ts';

type Settings = {
  /** REDIS_URL, or the default address. */
  redisUrl: string;
  /** Whether REDIS_URL is not set and a Redis may be found or started. */
  shouldFindRedis: boolean;
  /** The folder for the data of the private Redis, and for the file that records which Redis was used last. */
  folder: string;
};

/** The Redis to use. `why` explains in a sentence why it is the private one. */
export type RedisChoice =
  | { kind: 'configured' | 'default'; url: string }
  | { kind: 'private'; url: string; why: string };

type Deps = Settings & {
  /** The certificates to trust, as PEM, if not Node's. */
  redisCa: string | null;
  findProgram: () => Promise<string>;
  info: (sentence: string) => void;
  error: (sentence: string) => void;
  /** How long to wait for the Redis that was used last, in milliseconds. */
  waitMs?: number;
};

/**
 * Chooses the Redis to use: the one in REDIS_URL; else the one that was used last; else the one at the default address if it is usable;
 * else a private one. The sign-ins are in the one that was used last, so opening an empty one instead would sign everyone out. Throws
 * {@link NoRedis} if the file that records which one was used last can't be read.
 */
export async function chooseRedis({ redisUrl, shouldFindRedis, folder }: Settings): Promise<RedisChoice> {
  if (!shouldFindRedis) return { kind: 'configured', url: redisUrl };
  const last = readLastUsed(folder);
  // safeguard: wait-for-last-redis
  if (last === redisUrl) return { kind: 'default', url: redisUrl };
  const reply = await ping(parseRedisAddress(redisUrl));
  // safeguard: stay-with-private-redis
  if (last === null && isUsable(reply)) return { kind: 'default', url: redisUrl };
  return { kind: 'private', url: privateSocket(folder), why: whyPrivate(reply, last, redisUrl) };
}

function whyPrivate(reply: string | null, last: string | null, url: string): string {
  const address = formatRedisAddress(url);
  if (last !== null) {
    return isUsable(reply)
      ? `It’s the one that Turntable used last time. Another Redis answers at ${address}; to use that one, set REDIS_URL=${url} (everyone has to sign in again)`
      : 'It’s the one that Turntable used last time';
  }
  if (reply === null) return `REDIS_URL isn’t set, and nothing answers at ${address}`;
  return needsPassword(reply)
    ? `REDIS_URL isn’t set, and the Redis at ${address} needs a password; to use it, set REDIS_URL=redis://:PASSWORD@${address}`
    : `REDIS_URL isn’t set, and the program that answers at ${address} is not a Redis server`;
}

/**
 * Opens the chosen Redis, and starts it if it is the private one. Throws {@link NoRedis}, which says what to do, if none is available. One
 * that is named by REDIS_URL may be down and come back later.
 */
export async function openRedis(deps: Deps): Promise<AvailableRedis> {
  const { folder, redisCa: ca, findProgram, info, error } = deps;
  const choice = await chooseRedis(deps);
  const { url } = choice;
  if (choice.kind === 'private') {
    const redis = await startPrivateRedis({ folder, findProgram, onProblem: error });
    try {
      writeLastUsed(folder, privateRedis);
    } catch (failure) {
      await redis.stop();
      throw failure;
    }
    info(`Using a private Redis with its data in ${folder}. ${choice.why}.`);
    return redis;
  }
  if (choice.kind === 'default') {
    await waitForRedis(url, deps);
    rememberDefault(folder, url);
  }
  const problem = await databaseProblem({ url, ca });
  // safeguard: stop-for-refused-database
  if (problem) throw new NoRedis(problem);
  return { url, stop: async () => undefined };
}

/** If the file can't be written, there can't be a private Redis either, so the two can't be confused. */
function rememberDefault(folder: string, url: string): void {
  try {
    writeLastUsed(folder, url);
  } catch (error) {
    if (!(error instanceof NoRedis)) throw error;
  }
}

async function waitForRedis(url: string, { folder, info, waitMs = 60_000 }: Deps): Promise<void> {
  const address = formatRedisAddress(url);
  const giveUpAt = performance.now() + waitMs;
  for (let isFirst = true; ; isFirst = false) {
    const reply = await ping(parseRedisAddress(url));
    if (isUsable(reply)) return;
    if (needsPassword(reply))
      throw new NoRedis(
        `The Redis at ${address} needs a password. Set REDIS_URL=redis://:PASSWORD@${address}`,
      );
    if (performance.now() > giveUpAt)
      throw new NoRedis(
        `The Redis at ${address}, which stores the sign-ins, does not answer. Start it (redis-server --appendonly yes). ` +
          `To use a private one instead (everyone has to sign in again), delete ${lastUsedFile(folder)}.`,
      );
    if (isFirst) info(`Waiting for the Redis at ${address}, which stores the sign-ins`);
    await sleep(Math.min(500, waitMs));
  }
}

function isUsable(reply: string | null): boolean {
  // safeguard: skip-password-protected-redis
  return /^(\+PONG|-[A-Z]+ )/.test(reply ?? '') && !needsPassword(reply);
}

function needsPassword(reply: string | null): boolean {
  return /^-(NOAUTH|WRONGPASS|NOPERM) /.test(reply ?? '');
}
