import * as v from '@badrap/valita';
import { jsonCodec, timestamp } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { timestampedItemSchema } from '../spotify/schemas.ts';
import type { TimestampedItem } from '../spotify/types.ts';
import type { Browsers } from './browsers.ts';

export type RecentlyPlayed = ReturnType<typeof createRecentlyPlayed>;

type Deps = { records: Records; browsers: Browsers; now: () => number };

/** `askedAt` is when Spotify was asked, in milliseconds since 1970. */
type RecentlyPlayedRecord = { askedAt: number; played: TimestampedItem[] };

const ttlMs = 5 * 60_000;
const maxItems = 5;

const codec = jsonCodec<RecentlyPlayedRecord>({
  shape: 2,
  bound: true,
  schema: v.object({ askedAt: timestamp, played: v.array(timestampedItemSchema) }),
});

/**
 * The tracks that listeners played before playback stopped. They are stored so that a page needn't ask Spotify on every load, and so that a
 * stream, even in another process, can show them without a call. All methods throw RedisUnavailable.
 */
export function createRecentlyPlayed({ records, browsers, now }: Deps) {
  const store = records.of({
    kind: 'recently-played',
    key: keys.recentlyPlayed,
    codec,
    ttlMs: () => ttlMs,
  });
  const write = browsers.createWriter(store);

  return {
    /**
     * Returns the newest few; null unless Spotify was asked recently and not before `since`, in milliseconds since 1970. An earlier response may
     * lack the latest ones.
     */
    async get(accountId: string, since: number): Promise<TimestampedItem[] | null> {
      const record = await store.read(accountId);
      // safeguard: refetch-recently-played
      return record !== null && record.askedAt >= Math.max(since, now() - ttlMs) ? record.played : null;
    },

    /** Stores the newest few, unless the listener has signed out everywhere, and returns them. */
    async set(
      accountId: string,
      played: readonly TimestampedItem[],
      askedAt: number,
    ): Promise<TimestampedItem[]> {
      const newest = played.slice(0, maxItems);
      await write(accountId, { askedAt, played: newest });
      return newest;
    },

    /** Removes them once the listener has signed out everywhere. */
    remove: (accountId: string): Promise<void> => store.remove(accountId),
  };
}
