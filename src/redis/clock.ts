import { isCluster, type RedisClient } from './client.ts';
import { keys } from './keys.ts';

const syncEveryMs = 60_000;

/**
 * Returns a clock that shows Redis's time, so that all processes agree. A process that trusted its own wrong clock would refresh tokens that
 * another has just refreshed, or treat every sign-in as expired. Until Redis has answered, this machine's clock is used. Between syncs
 * the clock is monotonic: it ignores any change to the system clock while the process runs.
 */
export function createRedisClock(redis: RedisClient) {
  let startedAt = Date.now() - performance.now();
  const sync = async (): Promise<void> => {
    const sentAt = performance.now();
    const time = await readTime(redis);
    const receivedAt = performance.now();
    startedAt = time - (sentAt + receivedAt) / 2;
  };
  // If Redis does not answer, the clock runs on from its last sync.
  const trySync = () => sync().catch(() => undefined);

  const firstSync = new Promise<void>((resolve) => redis.once('ready', () => trySync().then(resolve)));
  redis.on('ready', trySync);
  const timer = setInterval(trySync, syncEveryMs).unref();

  return {
    /** Milliseconds since 1970. */
    // safeguard: monotonic-clock
    now: () => Math.round(startedAt + performance.now()),
    /** Resolves after the first attempt to sync. */
    firstSync,
    close: () => clearInterval(timer),
  };
}

const readTimeAtKey = "return redis.call('TIME')";

/** Returns Redis's time in milliseconds since 1970; in a cluster, that of the node with a certain key. Throws ioredis's errors. */
export async function readTime(redis: RedisClient): Promise<number> {
  // The clocks of nodes differ, so all processes have to ask the same one.
  // safeguard: one-clock-in-cluster
  const time = isCluster(redis) ? redis.eval(readTimeAtKey, 1, keys.clock('time')) : redis.time();
  const [seconds, micros] = (await time) as [string | number, string | number];
  return Number(seconds) * 1000 + Number(micros) / 1000;
}
