import type { Request, RequestHandler, Response } from 'express';
import type { Browsers } from '../access/browsers.ts';
import type { Grants, StoredGrant } from '../access/grants.ts';
import { absoluteLifetimeMs } from '../access/lifetime.ts';
import type { ListenerAccess } from '../access/listener-access.ts';
import type { ListenerApi, ListenerSpotify } from '../access/listener-api.ts';
import type { People } from '../access/people.ts';
import type { RateLimiter, RateLimiters } from '../access/rate-limiter.ts';
import type { Listener } from '../access/session-records.ts';
import type { BackgroundTasks } from '../ops/background.ts';
import type { Records } from '../redis/records.ts';
import { routes } from '../routes.ts';
import type { Cookies } from './cookies.ts';
import { NotSignedIn } from './errors.ts';
import { createExtensionThrottle } from './extension-throttle.ts';
import { noticeIn, pathWithoutNotice, showsCommand } from './notices.ts';
import { enforceLimit } from './rate-limits.ts';
import type { Sessions } from './session.ts';
import { signInHash } from './sign-in-hash.ts';

declare module 'express-serve-static-core' {
  interface Request {
    /** The grant of the session; null if the visitor isn't signed in. Set for every page. */
    grant: StoredGrant | null;
  }
}

/** The listener who requested a page, and their access to Spotify. */
export type SignedInListener = CallingListener & {
  /** Times are milliseconds since 1970. After `expiresAt` Spotify requires a new consent. */
  signIn: { scopes: readonly string[]; consentAt: number; refreshedAt: number; expiresAt: number };
};

/** A listener and their access to Spotify, without a request. */
export type CallingListener = Listener & ListenerSpotify;

/** A page for signed-in listeners. Only such a page gets a listener, so any other one that needs one does not compile. */
export type ListenerPage = (req: Request, res: Response, listener: SignedInListener) => void | Promise<void>;

export type SignedIn = ReturnType<typeof createSignedIn>;

type Deps = {
  records: Records;
  access: ListenerAccess;
  listenerApi: ListenerApi;
  grants: Grants;
  browsers: Browsers;
  sessions: Sessions;
  cookies: Cookies;
  rateLimiters: RateLimiters;
  background: Pick<BackgroundTasks, 'run' | 'finish'>;
  /** Invalidates cached responses to this listener whose keys start with one of these, in every process. */
  invalidate: (accountId: string, keyPrefixes: readonly string[]) => Promise<void>;
  endStreams: (sessionIds: readonly string[]) => void;
  /** Removes what is stored about a listener who has signed out everywhere. Throws RedisUnavailable. */
  removeListenerData: (accountId: string) => Promise<void>;
  /** Removes what is stored for these sessions of a listener, which have ended. Throws RedisUnavailable. */
  removeSessionData: (accountId: string, sessionIds: readonly string[]) => Promise<void>;
  people: Pick<People, 'isAllowed' | 'recordVisit'>;
  now: () => number;
};

type Admission = { refreshFirst: boolean; limiter?: RateLimiter };

/** How long before a sign-in expires pages begin to warn about it. */
// safeguard: expiry-warning-period
const expiryWarningMs = 30 * 24 * 60 * 60 * 1000;

/** Decides who is signed in: a session together with its grant. */
export function createSignedIn(deps: Deps) {
  const { records, access, listenerApi, browsers, sessions, cookies, rateLimiters } = deps;
  const { background, invalidate, people, now } = deps;
  const end = (res: Response, accountId: string, sessionIds: readonly string[]) =>
    endSessions(deps, res, accountId, sessionIds);
  const extension = createExtensionThrottle(now);

  return {
    /**
     * A page for signed-in listeners. If the token is due, it is refreshed before the page. Someone reading pages who isn't signed in is redirected
     * to the sign-in and back; any other request gets a 401. Each request counts against the listener's limit of reads or writes; throws
     * TooManyRequests.
     */
    page: (page: ListenerPage): RequestHandler => admitTo(page, { refreshFirst: true }),

    /** The same for a page that works without Spotify: a token that is due is refreshed only when Spotify is called. */
    pageWithLazyRefresh: (page: ListenerPage): RequestHandler => admitTo(page, { refreshFirst: false }),

    /** The same for live updates. They have their own limit, so that a page that reconnects doesn't use up the limit for reads. */
    liveUpdates: (page: ListenerPage): RequestHandler =>
      admitTo(page, { refreshFirst: true, limiter: rateLimiters.update }),

    /**
     * Recognizes the listener before any page. The account in a session is not sealed, so it is accepted only if the sealed grant names the same one:
     * a session record that was copied next to another listener's grant shows data of neither, and is ended. A listener who is no longer allowed
     * is signed out everywhere. Throws RedisUnavailable.
     */
    recognize: (async (req, res, next) => {
      const { listener } = req.session;
      req.grant = listener ? await sessions.grantOf(req) : null;
      // safeguard: compare-session-and-grant
      if (listener && req.grant && req.grant.accountId !== listener.accountId) {
        records.report('session', 'of another listener than its grant');
        // safeguard: end-contradicting-session
        await end(res, req.grant.accountId, [req.session.id]);
        await sessions.reset(req);
        req.grant = null;
      }
      // safeguard: sign-out-who-is-not-allowed
      if (listener && req.grant && !people.isAllowed(listener)) {
        const { accountId } = req.grant;
        await end(res, accountId, [...(await browsers.sessionsOf(accountId)), req.session.id]);
        await sessions.reset(req);
        req.grant = null;
      }
      // For the header and the bar of every page, including error pages.
      if (req.grant) setLocals(req, res, req.grant, listenerApi);
      else sessions.earlyCounts.forget(req);
      next();
    }) satisfies RequestHandler,

    /** Signs out this browser, or every browser of the listener. Does nothing if the visitor isn't signed in. Throws RedisUnavailable. */
    async signOut(req: Request, res: Response, { everywhere = false } = {}): Promise<void> {
      const { listener } = req.session;
      if (!listener) return;
      const { accountId } = listener;
      // safeguard: finish-sign-out-before-stop
      await background.finish('sign out', async () => {
        // safeguard: sign-out-everywhere
        const all = everywhere ? await browsers.sessionsOf(accountId) : [];
        // Without its grant a session doesn't prove whose it is. Being listed does, so that an interrupted sign-out can be completed.
        const isTheirs = req.grant !== null || all.includes(req.session.id);
        // safeguard: verify-before-global-sign-out
        await end(res, accountId, [...(isTheirs ? all : []), req.session.id]);
        await sessions.end(req, res);
      });
      // Without this, Spotify would sign in the next person in this browser without asking: see sign-in.ts.
      res.cookie(cookies.name('signed-out'), '1', cookies.attributes);
    },

    /** Signs out every browser of another listener. Throws RedisUnavailable. */
    endAll: (res: Response, accountId: string): Promise<void> =>
      background.finish('end of access', async () =>
        end(res, accountId, await browsers.sessionsOf(accountId)),
      ),

    /** Ends the sign-in that a new one in the same browser replaces. Throws RedisUnavailable. */
    endEarlier: (res: Response, listener: Listener, sessionId: string) =>
      end(res, listener.accountId, [sessionId]),
  };

  function admitTo(page: ListenerPage, admission: Admission): RequestHandler {
    return async (req, res) => {
      const listener = await admit(req, res, admission);
      if (listener) await page(req, res, listener);
    };
  }

  /** Returns null if the request has been answered with a redirect to the sign-in. */
  async function admit(req: Request, res: Response, admission: Admission): Promise<SignedInListener | null> {
    const { listener } = req.session;
    const isRead = isReadRequest(req);
    if (!req.grant || !listener) {
      redirectToSignIn(req, res);
      return null;
    }
    // safeguard: separate-write-limit
    const limit = admission.limiter ?? (isRead ? rateLimiters.read : rateLimiters.write);
    const { accountId } = req.grant;
    await enforceLimit(res, limit, accountId, sessions.earlyCounts.count(req, limit, accountId));
    const grant = await access.open(req.session.id, req.grant, admission);

    const { scopes, consentAt, refreshedAt } = grant;
    const expiresAt = consentAt + absoluteLifetimeMs;
    // safeguard: expiry-warning
    if (expiresAt - now() < expiryWarningMs) res.locals.signInEnds = { at: expiresAt, here: req.originalUrl };
    if (extension.takeIfDue(req.session.id)) {
      const { accountId, id, name } = listener;
      const visit = browsers.recordVisit(accountId, req.session.id);
      // No page waits for this or fails with it: a minute later the next request tries again.
      const listed = people.recordVisit({ accountId, id, name });
      const extended = Promise.all([sessions.extend(req), grant.extend(), visit, listed]);
      // safeguard: serve-despite-failed-extension
      background.run('extend a sign-in', extended);
    }
    const signIn = { scopes, consentAt, refreshedAt, expiresAt };
    return { ...listener, signIn, ...listenerApi.forSession({ listener, grant, invalidate }) };
  }
}

/** Removes everything that makes these sessions sign-ins of the listener. */
async function endSessions(
  { grants, browsers, sessions, invalidate, endStreams, removeListenerData, removeSessionData }: Deps,
  res: Response,
  accountId: string,
  sessionIds: readonly string[],
): Promise<void> {
  // The grants first: without its grant a session is signed out, even if the rest fails.
  // safeguard: delete-grant-at-sign-out
  await grants.remove(...sessionIds);
  // Pages reload when their stream ends. Before the response has set the browser's cookies, they would do so with the old ones.
  if (res.closed) endStreams(sessionIds);
  // safeguard: end-streams-after-response
  else res.once('close', () => endStreams(sessionIds));
  await browsers.remove(accountId, ...sessionIds);
  // safeguard: clear-cache-at-sign-out
  await invalidate(accountId, ['']);
  await removeSessionData(accountId, sessionIds);
  const remaining = await browsers.sessionsOf(accountId);
  if (remaining.length === 0) await removeListenerData(accountId);
  // The sessions last: until they are removed, an interrupted sign-out can be repeated, and leaves nothing behind.
  // safeguard: delete-session-at-sign-out
  await sessions.remove(...sessionIds);
}

/** Redirects someone who is reading pages to the sign-in and back. Throws {@link NotSignedIn} for any other request. */
function redirectToSignIn(req: Request, res: Response): void {
  const isPage = req.accepts(['html', 'json']) === 'html' && isReadRequest(req);
  if (!isPage) throw new NotSignedIn('Not signed in');
  res.set('Cache-Control', 'no-store');
  res.redirect(303, routes.signIn({ returnTo: req.originalUrl }));
}

function isReadRequest(req: Request): boolean {
  return ['GET', 'HEAD'].includes(req.method);
}

function setLocals(req: Request, res: Response, grant: StoredGrant, listenerApi: ListenerApi): void {
  res.locals.listener = req.session.listener;
  res.locals.playAccess = listenerApi.playAccess(grant);
  res.locals.bar = barFor(req, res, grant, listenerApi);
}

/** The locals of the bar that shows what is playing; null for listeners who haven't permitted that. */
function barFor(
  req: Request,
  res: Response,
  grant: StoredGrant,
  { canSeePlayer, canPlay, canSave }: ListenerApi,
) {
  // safeguard: bar-with-scope-only
  if (!canSeePlayer(grant)) return null;
  return {
    signIn: () => signInHash(req.session.id),
    canControl: canPlay(grant),
    canSave: canSave(grant),
    /** The page itself, for the bar without scripts. An error page, or the answer to a form, isn’t one to return to. */
    here: () =>
      isReadRequest(req) && res.statusCode < 400 ? pathWithoutNotice(req.originalUrl) : routes.nowPlaying(),
    /** Whether the playback has just been changed by a form, so that only Spotify knows it. */
    isAsking: showsCommand(noticeIn(req)),
  };
}
