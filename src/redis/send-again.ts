import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { movedOn, replyCode } from './errors.ts';

const waitMs = 1_000;
const retryMs = 10;

/**
 * Sends a command, and once more if the connection is being left because the server refused it, as a former primary does after a
 * failover: another server may be there now. Such a reply means that the command, or script, has done nothing, so this is safe for
 * writes too. A command whose reply was lost is not sent again.
 */
export async function sendAgain<T>(redis: Redis, send: () => Promise<T>): Promise<T> {
  const { stream } = redis;
  try {
    return await send();
  } catch (error) {
    // safeguard: resend-after-failover
    if (!movedOn.has(replyCode(error)) || !stream?.writableEnded) throw error;
    const giveUpAt = performance.now() + waitMs;
    while (redis.stream === stream || redis.status !== 'ready') {
      if (performance.now() > giveUpAt) throw error;
      await sleep(retryMs);
    }
    return send();
  }
}
