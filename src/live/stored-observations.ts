import type { Browsers } from '../access/browsers.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { type Observation, observationCodec } from './observation.ts';
import { isFromTheFuture } from './state.ts';

export type StoredObservations = ReturnType<typeof createStoredObservations>;

type Deps = { records: Records; browsers: Browsers; now: () => number };

const ttlMs = 6 * 60 * 60 * 1000;

/**
 * The latest observation of each listener, in Redis: processes without the lease read it, and pages show it, with its age, while Spotify
 * cannot be asked. All throw RedisUnavailable.
 */
export function createStoredObservations({ records, browsers, now }: Deps) {
  const store = records.of({
    kind: 'now-playing',
    key: keys.nowPlaying,
    codec: observationCodec,
    ttlMs: () => ttlMs,
  });

  return {
    /** Null if there is none, or none that can be trusted. */
    async read(accountId: string): Promise<Observation | null> {
      const observation = await store.read(accountId);
      return observation && !isFromTheFuture(observation, now()) ? observation : null;
    },

    /** Writes it unless the listener has signed out everywhere. */
    write: browsers.createWriter(store),

    async remove(accountId: string): Promise<void> {
      await store.remove(accountId);
    },
  };
}
