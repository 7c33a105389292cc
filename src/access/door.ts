import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RateLimited } from '../spotify/errors.ts';
import { CoolDown, fromRedis } from './errors.ts';

export type Door = ReturnType<typeof createDoor>;

type Needs = { redis: Redis; clientId: string; now: () => number };

/** The longest wait that a page sits out; beyond it the person is told. */
const shortWaitMs = 2_000;
/** What to wait, in milliseconds, where Spotify limits calls without saying for how long. */
const defaultWaitMs = 30_000;
/** Longer than any cool-down that people have reported; guards against a nonsensical header. */
const longestWaitMs = 48 * 60 * 60 * 1000;

const closeUntil = `
  local known = tonumber(redis.call('GET', KEYS[1]) or '0')
  if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
  return 1`;

/**
 * The cool-down clock of this app, one for all processes: Spotify counts calls by app and developer, not by
 * listener, and asking on while told to wait makes it longer.
 */
export function createDoor({ redis, clientId, now }: Needs) {
  const key = `cool-down:${clientId}`;

  return {
    /**
     * Makes a call to Spotify, unless the door is closed; a 429 closes it for everyone. A wait of at most two seconds is sat
     * out instead and the call made once more, where it `mayRepeat`. Throws what the call throws, CoolDown in place of
     * RateLimited, and SessionsUnavailable.
     */
    async through<T>(call: () => Promise<T>, { mayRepeat }: { mayRepeat: boolean }): Promise<T> {
      const until = Number(await fromRedis(redis.get(key)));
      if (until > now()) throw new CoolDown(until);
      try {
        return await call();
      } catch (error) {
        const waitMs = waitAskedBy(error);
        if (!mayRepeat || waitMs > shortWaitMs) throw new CoolDown(await close(waitMs));
        await sleep(waitMs);
      }
      try {
        return await call();
      } catch (error) {
        throw new CoolDown(await close(waitAskedBy(error)));
      }
    },
  };

  function waitAskedBy(error: unknown): number {
    if (!(error instanceof RateLimited)) throw error;
    return readRetryAfter(error.retryAfter, now());
  }

  /** Closes the door for `waitMs` milliseconds, never for less than it was; gives the moment it opens. */
  async function close(waitMs: number): Promise<number> {
    const until = now() + waitMs;
    await fromRedis(redis.eval(closeUntil, 1, key, String(until), String(Math.max(1, Math.ceil(waitMs)))));
    return until;
  }
}

/** How long a Retry-After header asks to wait, in milliseconds: seconds or a date (RFC 9110, section 10.2.3). */
function readRetryAfter(header: string | undefined, now: number): number {
  const value = header?.trim() ?? '';
  const asked = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  if (!Number.isFinite(asked) || asked < 0) return defaultWaitMs;
  return Math.min(asked, longestWaitMs);
}
