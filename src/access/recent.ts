import * as v from '@badrap/valita';
import { jsonCodec, moment } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import type { Dated } from '../spotify/parse.ts';
import { datedSchema } from '../spotify/schemas.ts';
import type { Browsers } from './browsers.ts';

export type Recent = ReturnType<typeof createRecent>;

type Deps = { records: Records; browsers: Browsers; now: () => number };

type RecentlyPlayed = { askedAt: number; played: Dated[] };

const keptMs = 5 * 60_000;
const most = 5;

const codec = jsonCodec<RecentlyPlayed>({
  shape: 2,
  bound: true,
  schema: v.object({ askedAt: moment, played: v.array(datedSchema) }),
});

/**
 * What listeners played before it fell silent: so that a page which shows it need not ask
 * each time it is loaded, and a stream, maybe of another process, can go on showing it without asking at all. All throw RedisUnavailable.
 */
export function createRecent({ records, browsers, now }: Deps) {
  const store = records.of({
    kind: 'recently-played',
    key: keys.recentlyPlayed,
    codec,
    ttlMs: () => keptMs,
  });

  return {
    /** The newest few, if they were asked for lately and not before `since`: what was asked for earlier may lack the last ones. */
    async of(accountId: string, since: number): Promise<Dated[] | null> {
      const record = await store.read(accountId);
      // safeguard: refetch-recently-played
      return record !== null && record.askedAt >= Math.max(since, now() - keptMs) ? record.played : null;
    },

    /** Keeps the newest few of what Spotify told, which it was asked at `askedAt`; gives those. */
    async keep(accountId: string, played: readonly Dated[], askedAt: number): Promise<Dated[]> {
      const newest = played.slice(0, most);
      await browsers.keepWhileSignedIn(accountId, store, { askedAt, played: newest });
      return newest;
    },

    /** Forgets it: the listener is signed in nowhere any more. */
    forget: (accountId: string): Promise<void> => store.remove(accountId),
  };
}
