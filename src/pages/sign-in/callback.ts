import type { Request, Response } from 'express';
import type { Browsers } from '../../access/browsers.ts';
import type { Grants } from '../../access/grants.ts';
import type { ListenerAccess } from '../../access/listener-access.ts';
import type { ListenerApi } from '../../access/listener-api.ts';
import type { People } from '../../access/people.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { CodeRejected } from '../../spotify/errors.ts';
import { browserName } from '../../web/browser-name.ts';
import type { Cookies } from '../../web/cookies.ts';
import type { Problem } from '../../web/errors.ts';
import { withNotice } from '../../web/notices.ts';
import { enforceLimit } from '../../web/rate-limits.ts';
import type { Sessions } from '../../web/session.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import type { PendingSignIns, SpentState } from './pending.ts';
import type { PendingSignIn } from './pending-cookies.ts';
import { notAllowed, type ProblemName, signInProblem } from './problems.ts';

export type Deps = {
  access: ListenerAccess;
  listenerApi: Pick<ListenerApi, 'profileOf'>;
  grants: Grants;
  browsers: Browsers;
  sessions: Sessions;
  signedIn: SignedIn;
  pendingSignIns: PendingSignIns;
  rateLimiters: RateLimiters;
  cookies: Cookies;
  people: Pick<People, 'maySignIn' | 'recordVisit'>;
  now: () => number;
  onSignIn: () => void;
};

/**
 * Creates the handler for the callback from Spotify. It exchanges the code for tokens and signs in the browser that started this sign-in, once.
 * It throws the {@link Problem} that says why the sign-in failed, and RedisUnavailable.
 */
export function createCallback(deps: Deps) {
  const { access, listenerApi, grants, browsers, sessions, signedIn, pendingSignIns, people, cookies, now } =
    deps;

  return async (req: Request, res: Response): Promise<void> => {
    const { state } = req.query;
    if (typeof state !== 'string') throw problem(req, 'unknown');
    const spent = await pendingSignIns.spend(req, res, state);
    if (spent.kind === 'unknown') throw problem(req, 'unknown');
    if (spent.kind === 'used') return repeat(req, res, spent);

    const { pending } = spent;
    const { returnTo } = pending;
    req.returnTo = returnTo;
    let sessionId: string | null = null;
    try {
      sessionId = await complete(req, res, pending);
    } finally {
      await pendingSignIns.settle(state, sessionId === null ? null : { sessionId, returnTo });
    }
    if (sessionId === null) {
      // The listener signed out everywhere, in another browser, at this very moment.
      await signedIn.signOut(req, res);
      res.redirect(303, withNotice(routes.home(), 'signed-out'));
      return;
    }
    deps.onSignIn();
    redirectSignedIn(res, returnTo);
  };

  /** Signs in. Returns the id of the session; null if it has already ended again. */
  async function complete(req: Request, res: Response, pending: PendingSignIn): Promise<string | null> {
    const { code, error } = req.query;
    if (error === 'access_denied') throw problem(req, 'canceled');
    if (typeof code !== 'string' || code === '') throw problem(req, 'refused');

    // safeguard: sign-in-limit-overall
    await enforceLimit(res, deps.rateLimiters.tokenExchange, 'everyone');
    const consentAt = now();
    const token = await access.exchangeCode(code, pending.verifier).catch((failure: unknown) => {
      throw failure instanceof CodeRejected ? problem(req, 'stale') : failure;
    });
    const { accountId, id, name } = await listenerApi.profileOf(token.accessToken);
    // safeguard: sign-in-of-allowed-only
    if (!(await people.maySignIn({ accountId, id }))) throw notAllowed(id, req.returnTo ?? routes.home());

    const { listener: earlier, id: earlierId } = req.session;
    const sessionId = await sessions.start(req, { accountId, id, name }, async (started) => {
      // safeguard: await-browser-list
      await browsers.add(accountId, started, browserName(req));
      await people.recordVisit({ accountId, id, name });
      // The grant is stored last. Until then no one is signed in, wherever this process may be stopped.
      // safeguard: await-grant-save
      await grants.create(started, {
        accountId,
        accessToken: token.accessToken,
        expiresAt: now() + token.expiresInMs,
        refreshedAt: now(),
        refreshToken: token.refreshToken,
        // If Spotify doesn't say what it granted, it granted what was requested (RFC 6749, section 5.1).
        scopes: token.scopes ?? pending.scopes,
        consentAt,
      });
    });
    // safeguard: end-previous-sign-in
    if (earlier) await signedIn.endEarlier(res, earlier, earlierId);
    // An owner may have ended their access in the meantime, and not found this session.
    // safeguard: recheck-access-after-sign-in
    if (!(await people.maySignIn({ accountId, id }))) await signedIn.endAll(res, accountId);
    // safeguard: recheck-new-session
    return (await sessions.exists(sessionId)) ? sessionId : null;
  }

  /**
   * Handles a repeated callback: a double click, a reload, a prefetched link. A browser that is already signed in by it is redirected as
   * before. A browser that dropped the first response, and with it the session cookie, gets the session now: it still has the cookie of the
   * pending sign-in, which no other browser has.
   */
  async function repeat(
    req: Request,
    res: Response,
    { outcome, startedHere }: SpentState & { kind: 'used' },
  ): Promise<void> {
    if (outcome === null) throw problem(req, 'used');
    // safeguard: redirect-repeated-callback
    const isSignedIn = req.session.id === outcome.sessionId && req.grant !== null;
    // safeguard: resume-in-same-browser-only
    // safeguard: resume-lost-session
    const hasResumed = !isSignedIn && startedHere && (await sessions.resume(req, outcome.sessionId));
    if (!isSignedIn && !hasResumed) throw problem(req, 'used');
    redirectSignedIn(res, outcome.returnTo);
  }

  function redirectSignedIn(res: Response, returnTo: string): void {
    res.clearCookie(cookies.name('signed-out'), cookies.attributes);
    res.redirect(303, returnTo);
  }
}

function problem(req: Request, name: ProblemName): Problem {
  return signInProblem(name, { returnTo: req.returnTo ?? routes.home(), isSignedIn: req.grant !== null });
}
