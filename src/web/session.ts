import type { Request, RequestHandler, Response } from 'express';
import session, { type SessionData } from 'express-session';
import { absoluteLifetimeMs, remainingLifetimeSeconds } from '../access/lifetime.ts';
import { deriveKey } from '../access/seal.ts';
import { type Listener, type SessionRecords, sessionShape } from '../access/session-records.ts';
import type { RedisClient } from '../redis/client.ts';
import { RedisUnavailable, redisCall } from '../redis/errors.ts';
import type { Cookies } from './cookies.ts';
import { createSessionStore } from './session-store.ts';

declare module 'express-session' {
  interface SessionData {
    /** The shape of this record. */
    v: typeof sessionShape;
    listener: Listener;
    /** When the listener signed in, in milliseconds since 1970. */
    startedAt: number;
  }
}

export type Sessions = ReturnType<typeof createSessions>;

type Deps = {
  redis: RedisClient;
  isRedisUsable: () => boolean;
  sessionRecords: SessionRecords;
  secrets: readonly string[];
  cookies: Cookies;
  now: () => number;
};

/**
 * Sessions in Redis. They are written at sign-in and sign-out only: visitors who aren't signed in have none, and no page assigns to
 * `req.session`.
 */
export function createSessions({ redis, isRedisUsable, sessionRecords, secrets, cookies, now }: Deps) {
  const keyOf = sessionRecords.key;
  const middleware = session({
    name: cookies.name('session'),
    secret: secrets.map((secret) => deriveKey(secret, 'session cookie').toString('base64url')),
    cookie: { ...cookies.attributes, maxAge: absoluteLifetimeMs },
    store: createSessionStore({ redis, sessionRecords, now }),
    resave: false,
    // safeguard: no-session-for-visitors
    saveUninitialized: false,
  });

  return {
    /** Sets `req.session`. Throws RedisUnavailable. */
    middleware: ((req, res, next) => {
      // Without Redis no one can sign in, so visitors without a session get the same error, and at once.
      // safeguard: fail-fast-without-redis
      if (!isRedisUsable()) throw new RedisUnavailable(`Redis: connection is ${redis.status}`);
      middleware(req, res, next);
    }) satisfies RequestHandler,

    /**
     * Gives the browser a new session with a new id, and returns the id. `complete` turns the session into a sign-in; if it fails, the
     * browser keeps the session it had. Throws RedisUnavailable, and what `complete` throws.
     */
    async start(
      req: Request,
      listener: Listener,
      complete: (sessionId: string) => Promise<void>,
    ): Promise<string> {
      const { session: earlier, sessionID: earlierId } = req;
      // Not regenerate(), which ends the earlier session first: if this process died then, the listener would be signed out.
      // safeguard: keep-session-until-replaced
      // safeguard: new-session-id
      req.sessionStore.generate(req);
      const startedAt = now();
      Object.assign(req.session, { v: sessionShape, listener, startedAt } satisfies Omit<
        SessionData,
        'cookie'
      >);
      // express-session would use the clock of this machine: if that is far behind, the cookie would already be expired.
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
     * Gives the browser a session that was started for it in an earlier request, whose response it never received. Returns false if the
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

    /** Whether the session still exists: the listener may have signed out everywhere in another browser. Throws RedisUnavailable. */
    async exists(sessionId: string): Promise<boolean> {
      return (await redisCall(redis.exists(keyOf(sessionId)))) === 1;
    },

    /** Ends sessions of other browsers. Throws RedisUnavailable. */
    remove: sessionRecords.remove,

    /** Replaces the session of the request, which cannot be trusted, with an empty one. Throws RedisUnavailable. */
    forget: (req: Request): Promise<void> => toPromise((done) => req.session.regenerate(done)),

    /** Ends the session of the request. Throws RedisUnavailable. */
    async end(req: Request, res: Response): Promise<void> {
      await toPromise((done) => req.session.destroy(done));
      res.clearCookie(cookies.name('session'), cookies.attributes);
    },

    /** Extends the session of the request, which is in use. Throws RedisUnavailable. */
    async extend(req: Request): Promise<void> {
      const { startedAt } = req.session;
      if (startedAt === undefined) return;
      await redisCall(redis.expire(keyOf(req.session.id), remainingLifetimeSeconds(startedAt, now())));
    },
  };
}

/** Turns a callback-style call into a promise. */
function toPromise(call: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}
