import type { Request, RequestHandler, Response } from 'express';
import session, { type SessionData } from 'express-session';
import type { Grants, StoredGrant } from '../access/grants.ts';
import { absoluteLifetimeMs, remainingLifetimeSeconds } from '../access/lifetime.ts';
import type { RateLimiters } from '../access/rate-limiter.ts';
import { deriveKey } from '../access/seal.ts';
import { type Listener, type SessionRecords, sessionShape } from '../access/session-records.ts';
import type { RedisClient } from '../redis/client.ts';
import { RedisUnavailable, redisCall } from '../redis/errors.ts';
import type { Cookies } from './cookies.ts';
import { createEarlyCounts } from './early-count.ts';
import { createSessionStore } from './session-store.ts';

declare module 'express-session' {
  interface SessionData {
    v: typeof sessionShape;
    listener: Listener;
    /** When the listener signed in, in milliseconds since 1970. */
    startedAt: number;
  }
}

declare module 'express-serve-static-core' {
  interface Request {
    /** The grant that is read together with the session; undefined without a session cookie. */
    readAhead?: GrantReading;
  }
}

/** A grant that is being read. `outcome` never rejects, since nothing may await it: it returns a function that returns the grant, or throws. */
type GrantReading = { sessionId: string; outcome: Promise<() => StoredGrant | null> };

export type Sessions = ReturnType<typeof createSessions>;

type Deps = {
  redis: RedisClient;
  isRedisUsable: () => boolean;
  sessionRecords: SessionRecords;
  grants: Pick<Grants, 'read'>;
  secrets: readonly string[];
  cookies: Cookies;
  rateLimiters: Pick<RateLimiters, 'read'>;
  now: () => number;
};

/**
 * Sessions in Redis. They are written at sign-in and sign-out only: visitors who aren't signed in have none, and no page assigns to
 * `req.session`.
 */
export function createSessions(deps: Deps) {
  const { redis, isRedisUsable, sessionRecords, grants, secrets, cookies, now } = deps;
  const earlyCounts = createEarlyCounts(deps.rateLimiters.read);
  /** The request for which express-session asks for the session; null except during that call. */
  let asking: Request | null = null;
  const middleware = session({
    name: cookies.name('session'),
    secret: secrets.map((secret) => deriveKey(secret, 'session cookie').toString('base64url')),
    cookie: { ...cookies.attributes, maxAge: absoluteLifetimeMs },
    store: createSessionStore({ redis, sessionRecords, now, onRead: readAhead }),
    resave: false,
    // safeguard: no-session-for-visitors
    saveUninitialized: false,
  });

  return {
    earlyCounts,
    /** Sets `req.session`. Throws RedisUnavailable. */
    middleware: ((req, res, next) => {
      // Without Redis no one can sign in, so visitors without a session get the same error, and at once.
      // safeguard: fail-fast-without-redis
      if (!isRedisUsable()) throw new RedisUnavailable(`Redis: connection is ${redis.status}`);
      asking = req;
      try {
        middleware(req, res, next);
      } finally {
        asking = null;
      }
    }) satisfies RequestHandler,

    /** Returns the grant of the request's session, which was read in the same round trip; null if there is none. Throws RedisUnavailable. */
    async grantOf({ session, readAhead }: Request): Promise<StoredGrant | null> {
      if (readAhead?.sessionId !== session.id) return grants.read(session.id);
      const grant = await readAhead.outcome;
      return grant();
    },

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
      const started = { v: sessionShape, listener, startedAt } satisfies Omit<SessionData, 'cookie'>;
      Object.assign(req.session, started);
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
      return (await redisCall(redis.exists(sessionRecords.key(sessionId)))) === 1;
    },

    /** Ends sessions of other browsers. Throws RedisUnavailable. */
    remove: sessionRecords.remove,

    /** Replaces the session of the request, which cannot be trusted, with an empty one. Throws RedisUnavailable. */
    reset: (req: Request): Promise<void> => toPromise((done) => req.session.regenerate(done)),

    /** Ends the session of the request. Throws RedisUnavailable. */
    async end(req: Request, res: Response): Promise<void> {
      await toPromise((done) => req.session.destroy(done));
      res.clearCookie(cookies.name('session'), cookies.attributes);
    },

    /** Extends the session of the request, which is in use. Throws RedisUnavailable. */
    async extend(req: Request): Promise<void> {
      const { startedAt } = req.session;
      if (startedAt === undefined) return;
      const seconds = remainingLifetimeSeconds(startedAt, now());
      await redisCall(redis.expire(sessionRecords.key(req.session.id), seconds));
    },
  };

  /** Reads the grant in the session's round trip, because a signed-in page needs both, and counts the request. The signature of the session ID has been verified. */
  function readAhead(sessionId: string): void {
    if (asking === null) return;
    asking.readAhead = startReading(grants, sessionId);
    earlyCounts.begin(asking, sessionId);
  }
}

function startReading(grants: Pick<Grants, 'read'>, sessionId: string): GrantReading {
  const outcome = grants.read(sessionId).then(
    (grant) => () => grant,
    (error: unknown) => () => {
      throw error;
    },
  );
  return { sessionId, outcome };
}

/** Turns a callback-style call into a promise. */
function toPromise(call: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}
