import type { Request, RequestHandler, Response } from 'express';
import type { Access } from '../access/access.ts';
import type { Browsers } from '../access/browsers.ts';
import type { Grants, StoredGrant } from '../access/grants.ts';
import { absoluteLifetimeMs } from '../access/lifetime.ts';
import type { SpotifyCall } from '../access/live-token.ts';
import type { RateLimiter, RateLimiters } from '../access/rate-limiter.ts';
import type { ResponseCache } from '../access/response-cache.ts';
import type { Listener } from '../access/session-records.ts';
import type { BackgroundTasks } from '../ops/background.ts';
import type { Records } from '../redis/records.ts';
import { MissingScope } from '../spotify/errors.ts';
import type { Cookies } from './cookies.ts';
import { NotSignedIn } from './errors.ts';
import { charge } from './rate-limits.ts';
import type { Sessions } from './session.ts';

declare module 'express-serve-static-core' {
  interface Request {
    /** The grant beside the session, if that is a sign-in. Set for every page. */
    grant: StoredGrant | null;
    /** Who asks, and the right to ask Spotify for them. Set by `signedIn`: only for pages behind it. */
    listener: Listener & {
      /** Moments are milliseconds since 1970; after `endsAt` Spotify wants to be asked for consent again. */
      signIn: { scopes: readonly string[]; consentAt: number; renewedAt: number; endsAt: number };
      /** Throws MissingScope where a permission is not given, else as the call and access/ do. */
      ask<T>(call: SpotifyCall<T>, scopes?: readonly string[]): Promise<T>;
      /** The same, but what Spotify said to this listener under this name is good for `forMs` milliseconds. */
      askCached<T>(what: string, forMs: number, call: SpotifyCall<T>, scopes?: readonly string[]): Promise<T>;
      /**
       * Calls Spotify to change something. Before and after, drops what is held of its answers under names that begin like these, in
       * every process: an answer that is on its way knows nothing of the change, and a failure does not mean that nothing has changed.
       * Throws as `ask` does.
       */
      change<T>(invalidates: readonly string[], call: SpotifyCall<T>, scopes: readonly string[]): Promise<T>;
      /** The same without a call. */
      invalidate(names: readonly string[]): Promise<void>;
      /** Drops it in this process only: pub/sub is lossy, and a page that follows a change must not depend on the message about it. */
      forget(names: readonly string[]): void;
      /** What is held under this name, in this process, and no older than so many milliseconds; undefined where there is nothing. */
      peek<T>(name: string, ttlMs: number): T | undefined;
      /** Whether the listener has given all these permissions. */
      may(scopes: readonly string[]): boolean;
    };
  }
}

export type SignedIn = ReturnType<typeof createSignedIn>;

type Deps = {
  records: Records;
  access: Access;
  grants: Grants;
  browsers: Browsers;
  sessions: Sessions;
  cookies: Cookies;
  kept: ResponseCache;
  rateLimiters: RateLimiters;
  background: Pick<BackgroundTasks, 'run' | 'finish'>;
  /** Drops what is held of Spotify's answers to this listener under names that begin like these, in every process. */
  invalidate: (accountId: string, names: readonly string[]) => Promise<void>;
  /** Ends the streams of these sessions, in every process. */
  endStreams: (sessionIds: readonly string[]) => void;
  /** Forgets what is remembered about a listener who is signed in nowhere any more. Throws RedisUnavailable. */
  forgetListener: (accountId: string) => Promise<void>;
  now: () => number;
};

const extendEveryMs = 60_000;
/** How long before its end a sign-in is said to end. */
// safeguard: expiry-warning-period
const expiryWarningMs = 30 * 24 * 60 * 60 * 1000;
const rememberedSessions = 10_000;

/** Who is signed in: a session together with its grant. */
export function createSignedIn(deps: Deps) {
  const { records, access, grants, browsers, sessions, cookies, kept, rateLimiters } = deps;
  const { background, invalidate, endStreams, forgetListener, now } = deps;
  const extendedAt = new Map<string, number>();

  return {
    /**
     * Lets in who is signed in, with a live access token as `req.listener`: a token that is due is renewed here, before
     * the page. A person reading pages is led to the sign-in and back; everything else gets a 401. Each request counts against the
     * listener's limit of reads, or of writes; throws TooManyRequests.
     */
    middleware: admit({ renewFirst: true }),

    /** The same for pages that are there whether or not Spotify is: a token that is due is renewed when Spotify is asked. */
    renewingLater: admit({ renewFirst: false }),

    /** The same for live updates, which have a limit of their own: a page that finds its way back must not use up the reads. */
    forUpdates: admit({ renewFirst: true, limiter: rateLimiters.update }),

    /**
     * Finds out whether the request comes from somebody signed in, before any page. A session names its listener in the open, so it is
     * believed only if its sealed grant names the same one: a session record copied beside the grant of another person shows that
     * person nothing of the first one's, and ends. Throws RedisUnavailable.
     */
    recognize: (async (req, res, next) => {
      const { listener } = req.session;
      req.grant = listener ? await grants.read(req.session.id) : null;
      // safeguard: compare-session-and-grant
      if (listener && req.grant && req.grant.accountId !== listener.accountId) {
        records.report('session', 'of another listener than its grant');
        // safeguard: end-contradicting-session
        await end(res, req.grant.accountId, [req.session.id]);
        await sessions.forget(req);
        req.grant = null;
      }
      // For the header of whatever page comes, an error's included.
      if (req.grant) res.locals.listener = listener;
      next();
    }) satisfies RequestHandler,

    /** Signs the browser out, or every browser of the listener. Does nothing where nobody is signed in. Throws RedisUnavailable. */
    async signOut(
      req: Request,
      res: Response,
      { everywhere = false }: { everywhere?: boolean } = {},
    ): Promise<void> {
      const { listener } = req.session;
      if (!listener) return;
      const { accountId } = listener;
      // safeguard: finish-sign-out-before-stop
      await background.finish('sign-out', async () => {
        // safeguard: sign-out-everywhere
        const all = everywhere ? await browsers.sessionsOf(accountId) : [];
        // Without its grant a session is no proof of who it belongs to; being listed is, and a sign-out that was cut off can be completed.
        const isTheirs = req.grant !== null || all.includes(req.session.id);
        // safeguard: verify-before-global-sign-out
        await end(res, accountId, [...(isTheirs ? all : []), req.session.id]);
        await sessions.end(req, res);
      });
      // Spotify would otherwise let the next person in without a word: see the sign-in.
      res.cookie(cookies.name('signed-out'), '1', cookies.attributes);
    },

    /** Ends the sign-in that this one takes the place of. Throws RedisUnavailable. */
    endEarlier: (res: Response, listener: Listener, sessionId: string) =>
      end(res, listener.accountId, [sessionId]),
  };

  function admit({ renewFirst, limiter }: { renewFirst: boolean; limiter?: RateLimiter }): RequestHandler {
    return async (req, res, next) => {
      const { listener } = req.session;
      const isRead = ['GET', 'HEAD'].includes(req.method);
      if (req.grant) {
        // safeguard: separate-write-limit
        const limit = limiter ?? (isRead ? rateLimiters.read : rateLimiters.write);
        await charge(res, limit, req.grant.accountId);
      }
      const grant = req.grant && (await access.open(req.session.id, req.grant, { renewFirst }));
      if (!listener || !grant) {
        const page = req.accepts(['html', 'json']) === 'html' && isRead;
        if (!page) throw new NotSignedIn('Not signed in');
        res.set('Cache-Control', 'no-store');
        res.redirect(303, `/login?${new URLSearchParams({ returnTo: req.originalUrl })}`);
        return;
      }

      const { scopes, consentAt, renewedAt } = grant;
      const endsAt = consentAt + absoluteLifetimeMs;
      const demand = (needed: readonly string[]) => {
        const missing = needed.filter((scope) => !scopes.includes(scope));
        if (missing.length > 0) throw new MissingScope(`Not granted: ${missing.join(' ')}`, missing);
      };
      req.listener = {
        ...listener,
        signIn: { scopes, consentAt, renewedAt, endsAt },
        async ask(call, needed = []) {
          demand(needed);
          return grant.ask(call).catch((error: unknown) => {
            // Spotify does not say which one is missing, but the call does.
            const unnamed = error instanceof MissingScope && error.scopes.length === 0;
            throw unnamed ? new MissingScope(error.message, needed) : error;
          });
        },
        async askCached(what, forMs, call, needed = []) {
          // First of all: another browser of the listener's may have been allowed more.
          demand(needed);
          return kept.get(listener.accountId, what, forMs, () => this.ask(call, needed));
        },
        async change(invalidates, call, needed) {
          // safeguard: invalidate-after-change
          await this.invalidate(invalidates);
          try {
            return await this.ask(call, needed);
          } finally {
            // safeguard: invalidate-after-change
            await this.invalidate(invalidates);
          }
        },
        invalidate: (names) => invalidate(listener.accountId, names),
        forget(names) {
          for (const name of names) kept.forget(listener.accountId, name);
        },
        peek: (name, ttlMs) => kept.peek(listener.accountId, name, ttlMs),
        may: (needed) => needed.every((scope) => scopes.includes(scope)),
      };
      // safeguard: expiry-warning
      if (endsAt - now() < expiryWarningMs) res.locals.signInEnds = { at: endsAt, here: req.originalUrl };
      if (extensionIsDue(req.session.id)) {
        const seen = browsers.seen(listener.accountId, req.session.id);
        // No page waits for it or fails with it: a minute later the next request tries again.
        const extended = Promise.all([sessions.extend(req), grant.extend(), seen]);
        // safeguard: serve-despite-failed-extension
        background.run('extend a sign-in', extended);
      }
      next();
    };
  }

  /** Removes everything that makes these sessions sign-ins of the listener. */
  async function end(res: Response, accountId: string, sessionIds: readonly string[]): Promise<void> {
    // The grants first: a session without its grant is signed out, whatever becomes of the rest.
    // safeguard: delete-grant-at-sign-out
    await grants.forget(...sessionIds);
    // Pages reload when their stream ends. Before the response has set the browser's cookies they would do so with the old ones.
    if (res.closed) endStreams(sessionIds);
    // safeguard: end-streams-after-response
    else res.once('close', () => endStreams(sessionIds));
    await browsers.remove(accountId, ...sessionIds);
    // safeguard: clear-cache-at-sign-out
    await invalidate(accountId, ['']);
    const remaining = await browsers.sessionsOf(accountId);
    if (remaining.length === 0) await forgetListener(accountId);
    // The sessions last: until they are gone, whoever was cut off in the middle can sign out again, and nothing is left behind.
    // safeguard: delete-session-at-sign-out
    await sessions.remove(...sessionIds);
  }

  function extensionIsDue(sessionId: string): boolean {
    const last = extendedAt.get(sessionId);
    // safeguard: extend-session-once-a-minute
    if (last !== undefined && now() - last < extendEveryMs) return false;

    extendedAt.delete(sessionId);
    extendedAt.set(sessionId, now());
    // A Map keeps the order of insertion, so the first is the one longest not extended.
    const [oldest] = extendedAt.keys();
    if (extendedAt.size > rememberedSessions && oldest !== undefined) extendedAt.delete(oldest);
    return true;
  }
}
