import * as v from '@badrap/valita';
import { jsonCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { isId } from '../spotify/uri.ts';
import type { Browsers } from './browsers.ts';

export type RecentPlaylists = ReturnType<typeof createRecentPlaylists>;

type Deps = { records: Records; browsers: Browsers };

const ttlMs = 90 * 24 * 60 * 60_000;
const maxPlaylists = 5;

const codec = jsonCodec<{ ids: string[] }>({
  shape: 1,
  bound: true,
  schema: v.object({ ids: v.array(v.string().assert(isId)) }),
});

/**
 * The playlists that listeners added something to most recently, to offer them first. Only their ids are stored. All methods throw
 * RedisUnavailable.
 */
export function createRecentPlaylists({ records, browsers }: Deps) {
  const store = records.of({
    kind: 'recent-playlists',
    key: keys.recentPlaylists,
    codec,
    ttlMs: () => ttlMs,
  });
  const write = browsers.createWriter(store);

  async function list(accountId: string): Promise<string[]> {
    return (await store.read(accountId))?.ids ?? [];
  }

  return {
    /** Returns their ids, the latest first. */
    list,

    /** Puts these first, unless the listener has signed out everywhere. */
    async add(accountId: string, ids: readonly string[]): Promise<void> {
      const others = (await list(accountId)).filter((id) => !ids.includes(id));
      await write(accountId, { ids: [...ids, ...others].slice(0, maxPlaylists) });
    },

    /** Removes them once the listener has signed out everywhere. */
    remove: (accountId: string): Promise<void> => store.remove(accountId),
  };
}
