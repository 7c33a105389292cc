import { setTimeout as sleep } from 'node:timers/promises';
import { listeningAt, redisAddress } from '../settings/redis-url.ts';
import { lastStoreFile, privateStore, readLastStore, writeLastStore } from './data-folder.ts';
import { databaseProblem } from './database.ts';
import { NoRedis, type RedisAtHand } from './local-server.ts';
import { ping } from './ping.ts';
import { privateSocket, startPrivateRedis } from './private-redis.ts';

type Settings = {
  /** What REDIS_URL says, or else the default address. */
  redisUrl: string;
  /** Whether REDIS_URL does not say, and a Redis may be found. */
  findsRedis: boolean;
  /** Where the private Redis keeps its data, and where it is noted which Redis was used last. */
  folder: string;
};

/** Which Redis keeps the sign-ins; if it is the private one, why, in a sentence. */
export type StoreChoice =
  | { kind: 'configured' | 'default'; url: string }
  | { kind: 'private'; url: string; why: string };

type Deps = Settings & {
  /** Finds the program of a Redis server. */
  findProgram: () => Promise<string>;
  /** Tells the person what is going on. */
  info: (sentence: string) => void;
  /** Tells the person what goes wrong. */
  error: (sentence: string) => void;
  /** How long to wait for the Redis that was used last, in milliseconds. */
  waitMs?: number;
};

/**
 * Chooses the Redis: the one that REDIS_URL names; else the one that was used last; else the one at the default address if it can be used, or
 * a private one. Whichever was used last has the sign-ins: an empty one in its place would sign everybody out.
 * Throws {@link NoRedis} if the note of which it was cannot be read.
 */
export async function chooseStore({ redisUrl, findsRedis, folder }: Settings): Promise<StoreChoice> {
  if (!findsRedis) return { kind: 'configured', url: redisUrl };
  const last = readLastStore(folder);
  // safeguard: wait-for-last-redis
  if (last === redisUrl) return { kind: 'default', url: redisUrl };
  const reply = await ping(listeningAt(redisUrl));
  // safeguard: stay-with-private-redis
  if (last === null && isUsable(reply)) return { kind: 'default', url: redisUrl };
  return { kind: 'private', url: privateSocket(folder), why: whyPrivate(reply, last, redisUrl) };
}

function whyPrivate(reply: string | null, last: string | null, url: string): string {
  const address = redisAddress(url);
  if (last !== null) {
    return isUsable(reply)
      ? `It was used last. Another Redis answers at ${address}: to use that, set REDIS_URL=${url}, and everybody signs in again`
      : 'It was used last';
  }
  if (reply === null) return `REDIS_URL is not set, and nothing answers at ${address}`;
  return wantsPassword(reply)
    ? `REDIS_URL is not set, and the Redis at ${address} wants a password: to use that, set REDIS_URL=redis://:PASSWORD@${address}`
    : `REDIS_URL is not set, and what answers at ${address} is not a Redis server`;
}

/**
 * Opens the Redis that keeps the sign-ins, and starts it if it is the private one. Throws {@link NoRedis} with what to do if there is none to be
 * had; one that REDIS_URL names may be away, and come back later.
 */
export async function openStore(deps: Deps): Promise<RedisAtHand> {
  const { folder, findProgram, info, error } = deps;
  const choice = await chooseStore(deps);
  const { url } = choice;
  if (choice.kind === 'private') {
    const store = await startPrivateRedis({ folder, findProgram, onTrouble: error });
    try {
      writeLastStore(folder, privateStore);
    } catch (failure) {
      await store.stop();
      throw failure;
    }
    info(`A private Redis keeps sign-ins in ${folder}. ${choice.why}.`);
    return store;
  }
  if (choice.kind === 'default') {
    await waitForRedis(url, deps);
    noteDefault(folder, url);
  }
  const problem = await databaseProblem(url);
  // safeguard: stop-for-refused-database
  if (problem) throw new NoRedis(problem);
  return { url, stop: async () => undefined };
}

/** Where the note cannot be written there cannot be a private Redis either, so there is nothing to mistake. */
function noteDefault(folder: string, url: string): void {
  try {
    writeLastStore(folder, url);
  } catch (error) {
    if (!(error instanceof NoRedis)) throw error;
  }
}

async function waitForRedis(url: string, { folder, info, waitMs = 60_000 }: Deps): Promise<void> {
  const address = redisAddress(url);
  const giveUpAt = performance.now() + waitMs;
  for (let isFirst = true; ; isFirst = false) {
    const reply = await ping(listeningAt(url));
    if (isUsable(reply)) return;
    if (wantsPassword(reply))
      throw new NoRedis(
        `The Redis at ${address} wants a password. Set REDIS_URL=redis://:PASSWORD@${address}`,
      );
    if (performance.now() > giveUpAt)
      throw new NoRedis(
        `The Redis at ${address}, which has the sign-ins, does not answer. Start it (redis-server --appendonly yes). ` +
          `To begin with a private one instead, where everybody has to sign in again, delete ${lastStoreFile(folder)}.`,
      );
    if (isFirst) info(`Waiting for the Redis at ${address}, which has the sign-ins`);
    await sleep(Math.min(500, waitMs));
  }
}

function isUsable(reply: string | null): boolean {
  // safeguard: skip-password-protected-redis
  return /^(\+PONG|-[A-Z]+ )/.test(reply ?? '') && !wantsPassword(reply);
}

function wantsPassword(reply: string | null): boolean {
  return /^-(NOAUTH|WRONGPASS|NOPERM) /.test(reply ?? '');
}
