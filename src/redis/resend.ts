import { setTimeout as sleep } from 'node:timers/promises';
import { isCluster, type RedisClient } from './client.ts';
import { failoverReplies, replyCode } from './errors.ts';

const waitMs = 1_000;
const retryMs = 10;

/**
 * Sends a command and returns its reply. Resends it once if the server refused it in a way that closes the connection, as a former primary
 * does after a failover: the new connection may lead to another server. After such a reply the command, or script, has had no effect, so
 * this is safe for writes as well. A command whose reply was lost is not resent. A cluster says itself where to resend a command, and
 * ioredis does. Throws ioredis's errors.
 */
export async function resendIfMoved<T>(redis: RedisClient, send: () => Promise<T>): Promise<T> {
  if (isCluster(redis)) return send();
  const { stream } = redis;
  try {
    return await send();
  } catch (error) {
    // safeguard: resend-after-failover
    if (!failoverReplies.has(replyCode(error)) || !stream?.writableEnded) throw error;
    const giveUpAt = performance.now() + waitMs;
    while (redis.stream === stream || redis.status !== 'ready') {
      if (performance.now() > giveUpAt) throw error;
      await sleep(retryMs);
    }
    return send();
  }
}
