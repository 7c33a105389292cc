import type { Redis } from 'ioredis';
import { readText, redisCall } from '../redis/errors.ts';
import type { Dated } from '../spotify/answers.ts';
import type { Browsers } from './browsers.ts';

export type Recent = ReturnType<typeof createRecent>;

type Needs = { redis: Redis; browsers: Browsers; now: () => number };

/** The shape of these records: those of another version of this program are not read. */
const shape = 1;
const keptMs = 5 * 60_000;
const most = 5;

/**
 * What listeners played before it fell silent, under `recently-played:<account id>`: so that a page which shows it need not ask
 * each time it is loaded, and a stream, maybe of another process, can go on showing it without asking at all. All throw RedisUnavailable.
 */
export function createRecent({ redis, browsers, now }: Needs) {
  const keyOf = (accountId: string) => `recently-played:${accountId}`;

  return {
    /** The newest few, if they were asked for lately and not before `since`: what was asked for earlier may lack the last ones. */
    async of(accountId: string, since: number): Promise<Dated[] | null> {
      const record = await readText(redis, keyOf(accountId));
      return playedIn(record, Math.max(since, now() - keptMs));
    },

    /** Keeps the newest few of what Spotify told, which it was asked at `askedAt`; gives those. */
    async keep(accountId: string, played: readonly Dated[], askedAt: number): Promise<Dated[]> {
      const newest = played.slice(0, most);
      const record = JSON.stringify({ shape, askedAt, played: newest });
      await browsers.keepWhileSignedIn(accountId, keyOf(accountId), record, keptMs);
      return newest;
    },

    /** Forgets it: the listener is signed in nowhere any more. */
    async forget(accountId: string): Promise<void> {
      await redisCall(redis.del(keyOf(accountId)));
    },
  };
}

function playedIn(record: string | null, since: number): Dated[] | null {
  try {
    const { shape: its, askedAt, played } = JSON.parse(record ?? 'null');
    return its === shape && askedAt >= since ? played : null;
  } catch {
    return null;
  }
}
