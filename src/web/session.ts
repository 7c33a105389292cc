import { RedisStore } from 'connect-redis';
import type { Request, RequestHandler, Response } from 'express';
import session, { type SessionData } from 'express-session';
import type { Redis } from 'ioredis';
import { absoluteLifetimeMs, remainingLifetimeMs } from '../access/lifetime.ts';
import { deriveKey } from '../access/seal.ts';
import { type Listener, type SessionRecords, sessionShape } from '../access/session-records.ts';
import { RedisUnavailable, redisCall } from '../redis/errors.ts';
import type { Cookies } from './cookies.ts';

declare module 'express-session' {
  interface SessionData {
    /** The shape of this record. */
    v: typeof sessionShape;
    listener: Listener;
    /** When the person signed in, in milliseconds since 1970. */
    startedAt: number;
  }
}

export type Sessions = ReturnType<typeof createSessions>;

type Deps = {
  redis: Redis;
  sessionRecords: SessionRecords;
  secrets: readonly string[];
  cookies: Cookies;
  now: () => number;
};

/**
 * Sessions in Redis. They are written at sign-in and sign-out only: a stranger's
 * visit creates nothing, and no other page assigns to `req.session`.
 */
export function createSessions({ redis, sessionRecords, secrets, cookies, now }: Deps) {
  const keyOf = sessionRecords.key;

  // What connect-redis may do with Redis: read, remove, and overwrite what is there. Creating is `start` below. So
  // a save that is still under way when its session ends cannot bring it back to life.
  const client = {
    async get(sessionId: string): Promise<string | null> {
      const record = await sessionRecords.read(sessionId);
      // By the clock of the fleet: one that was wrong when the TTL was set may have kept it too long.
      if (record === null || remainingLifetimeMs(record.startedAt, now()) === 0) return null;
      // What is ours, and nothing of what the record says of the cookie.
      return JSON.stringify({ cookie: {}, v: sessionShape, ...record });
    },
    set: (sessionId: string, record: string) =>
      // safeguard: save-existing-sessions-only
      redisCall(redis.set(keyOf(sessionId), record, 'KEEPTTL', 'XX')),
    del: (sessionIds: string[]) => sessionRecords.remove(...sessionIds),
  };

  const middleware = session({
    name: cookies.name('session'),
    secret: secrets.map((secret) => deriveKey(secret, 'session cookie').toString('base64url')),
    cookie: { ...cookies.attributes, maxAge: absoluteLifetimeMs },
    // How long a record stands is not the store's to say; by the clock of this machine it might take a new one for over.
    // safeguard: own-session-ttl
    store: new RedisStore({ client, prefix: '', disableTouch: true, ttl: () => 1 }),
    resave: false,
    // safeguard: no-session-for-visitors
    saveUninitialized: false,
  });

  return {
    /** Puts the session of the request on `req.session`. Throws RedisUnavailable. */
    middleware: ((req, res, next) => {
      // Without Redis nobody can sign in either: say so at once, and to everybody.
      // safeguard: fail-fast-without-redis
      if (redis.status !== 'ready') throw new RedisUnavailable(`Redis: connection is ${redis.status}`);
      middleware(req, res, next);
    }) satisfies RequestHandler,

    /**
     * Gives the browser a new session with a new id, beside the one it had; `complete` makes a sign-in of it. Should that fail,
     * the browser keeps what it had. Gives the new id. Throws RedisUnavailable, and what `complete` throws.
     */
    async start(
      req: Request,
      listener: Listener,
      complete: (sessionId: string) => Promise<void>,
    ): Promise<string> {
      const { session: earlier, sessionID: earlierId } = req;
      // Not regenerate(), which ends the earlier session first: a process that dies here would sign the person out.
      // safeguard: keep-session-until-replaced
      // safeguard: new-session-id
      req.sessionStore.generate(req);
      const startedAt = now();
      Object.assign(req.session, { v: sessionShape, listener, startedAt } satisfies Omit<
        SessionData,
        'cookie'
      >);
      // express-session would go by the clock of this machine: one that is far behind makes cookies that are over at once.
      // safeguard: cookie-expiry-by-redis-clock
      req.session.cookie.expires = new Date(startedAt + absoluteLifetimeMs);
      const { id } = req.session;
      try {
        await sessionRecords.write(id, { listener, startedAt });
        await complete(id);
      } catch (error) {
        // safeguard: restore-session-after-failure
        req.session = earlier;
        req.sessionID = earlierId;
        throw error;
      }
      return id;
    },

    /**
     * Gives the browser a session that is there already: it was started for this very browser, which has not heard of it. False if the
     * session has ended. Throws RedisUnavailable.
     */
    async resume(req: Request, sessionId: string): Promise<boolean> {
      const found = await new Promise<SessionData | null | undefined>((resolve, reject) => {
        req.sessionStore.get(sessionId, (error, data) => (error ? reject(error) : resolve(data)));
      });
      if (!found) return false;
      req.sessionID = sessionId;
      const cookie = { ...cookies.attributes, originalMaxAge: null };
      req.sessionStore.createSession(req, { ...found, cookie });
      req.session.cookie.expires = new Date(found.startedAt + absoluteLifetimeMs);
      return true;
    },

    /** Whether the session is still there: somebody may have signed out everywhere meanwhile. Throws RedisUnavailable. */
    async stands(sessionId: string): Promise<boolean> {
      return (await redisCall(redis.exists(keyOf(sessionId)))) === 1;
    },

    /** Ends sessions of other browsers. Throws RedisUnavailable. */
    remove: sessionRecords.remove,

    /** Gives the request an empty session in place of one that cannot be believed; nothing of either is kept. Throws RedisUnavailable. */
    forget: (req: Request): Promise<void> => called((done) => req.session.regenerate(done)),

    /** Ends the session of the request. Throws RedisUnavailable. */
    async end(req: Request, res: Response): Promise<void> {
      await called((done) => req.session.destroy(done));
      res.clearCookie(cookies.name('session'), cookies.attributes);
    },

    /** Lets the session of somebody who came stand for longer. Throws RedisUnavailable. */
    async extend(req: Request): Promise<void> {
      const { startedAt } = req.session;
      if (startedAt === undefined) return;
      await redisCall(redis.expire(keyOf(req.session.id), remainingLifetimeMs(startedAt, now())));
    },
  };
}

function called(start: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()));
  });
}
