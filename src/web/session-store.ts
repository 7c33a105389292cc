import { RedisStore } from 'connect-redis';
import type { Store } from 'express-session';
import { remainingLifetimeSeconds } from '../access/lifetime.ts';
import { type SessionRecords, sessionShape } from '../access/session-records.ts';
import type { RedisClient } from '../redis/client.ts';
import { redisCall } from '../redis/errors.ts';

type Deps = {
  redis: RedisClient;
  sessionRecords: SessionRecords;
  now: () => number;
  /** Called when a session has been asked for, before anything else happens: commands that are given now share its round trip to Redis. */
  onRead?: (sessionId: string) => void;
};

/**
 * The store of express-session. connect-redis gets this client instead of ioredis: it can read, remove and overwrite a
 * session, but not create one, so a late save can't bring back a session that has ended. `createSessions` creates them.
 */
export function createSessionStore({ redis, sessionRecords, now, onRead }: Deps): Store {
  const client = {
    async get(sessionId: string): Promise<string | null> {
      const reading = sessionRecords.read(sessionId);
      onRead?.(sessionId);
      const record = await reading;
      // If the clock of Redis was wrong when the TTL was set, the record may have outlived the session.
      if (record === null || remainingLifetimeSeconds(record.startedAt, now()) === 0) return null;
      // Only our own fields: what the record says about the cookie is not used.
      return JSON.stringify({ cookie: {}, v: sessionShape, ...record });
    },
    set: (sessionId: string, record: string) =>
      // safeguard: save-existing-sessions-only
      redisCall(redis.set(sessionRecords.key(sessionId), record, 'KEEPTTL', 'XX')),
    del: (sessionIds: string[]) => sessionRecords.remove(...sessionIds),
  };

  // Our client sets the TTL. connect-redis would compute it by the clock of this machine, and might remove a new session as expired.
  // safeguard: own-session-ttl
  const store = new RedisStore({ client, prefix: '', ttl: () => 1 });
  // Pages extend sessions themselves. For a store with this method, express-session sends each response in two pieces.
  return Object.assign(store, { touch: undefined });
}
