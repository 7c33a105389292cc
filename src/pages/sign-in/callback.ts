import type { Request, Response } from 'express';
import type { Browsers } from '../../access/browsers.ts';
import type { Grants } from '../../access/grants.ts';
import type { ListenerAccess } from '../../access/listener-access.ts';
import type { ListenerApi } from '../../access/listener-api.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { CodeRejected } from '../../spotify/errors.ts';
import { browserName } from '../../web/browser-name.ts';
import type { Cookies } from '../../web/cookies.ts';
import { Problem } from '../../web/errors.ts';
import { charge } from '../../web/rate-limits.ts';
import type { Sessions } from '../../web/session.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import type { PendingSignIn, PendingSignIns, WayBack } from './pending.ts';

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
  now: () => number;
  onSignIn: () => void;
};

/** Why a sign-in came to nothing, in the words of the page that says so. */
const problems = {
  cancelled: {
    status: 200,
    title: 'You cancelled at Spotify',
    text: 'Nothing was shared and nothing has changed. You can sign in whenever you like.',
  },
  refused: {
    status: 400,
    title: 'Spotify did not complete the sign-in',
    text: 'Spotify sent you back without signing you in and without a reason that we know. Try again; if it stays so, tell the owner of this site.',
  },
  used: {
    status: 400,
    title: 'This sign-in has been used already',
    text: 'Each way back from Spotify works once. This happens when you go back to it after you signed out, or signed in again. If you meant to sign in, start again.',
  },
  unknown: {
    status: 400,
    title: 'This sign-in did not start here',
    text: 'The sign-in was not started in this browser, or it was started more than ten minutes ago, or cookies are off. Start again, here, and allow this site its cookies.',
  },
  stale: {
    status: 400,
    title: 'Spotify no longer accepts this sign-in',
    text: 'What Spotify sent you back with is valid for a few minutes only, and once. Start again.',
  },
} as const;

/** The way back from Spotify, with a code for tokens: signs in whoever started this sign-in, once. */
export function createCallback(deps: Deps) {
  const { access, listenerApi, grants, browsers, sessions, signedIn, pendingSignIns, cookies, now } = deps;

  return async (req: Request, res: Response): Promise<void> => {
    const { state } = req.query;
    if (typeof state !== 'string') throw problem(req, 'unknown');
    const wayBack = await pendingSignIns.spend(req, res, state);
    if (wayBack.is === 'unknown') throw problem(req, 'unknown');
    if (wayBack.is === 'used') return leadOn(req, res, wayBack);

    const { pending } = wayBack;
    const { returnTo } = pending;
    res.locals.returnTo = returnTo;
    let sessionId: string | null = null;
    try {
      sessionId = await complete(req, res, pending);
    } finally {
      await pendingSignIns.settle(state, sessionId === null ? null : { sessionId, returnTo });
    }
    if (sessionId === null) {
      // Signed out everywhere, in another browser, in this very moment.
      await signedIn.signOut(req, res);
      res.redirect(303, `${routes.home()}?signed-out`);
      return;
    }
    deps.onSignIn();
    arrive(res, returnTo);
  };

  /** Signs in: returns the id of the session, null if it has ended again already. */
  async function complete(req: Request, res: Response, pending: PendingSignIn): Promise<string | null> {
    const { code, error } = req.query;
    if (error === 'access_denied') throw problem(req, 'cancelled');
    if (typeof code !== 'string' || code === '') throw problem(req, 'refused');

    // safeguard: sign-in-limit-overall
    await charge(res, deps.rateLimiters.tokenExchange, 'everyone');
    const consentAt = now();
    const token = await access.exchangeCode(code, pending.verifier).catch((failure: unknown) => {
      throw failure instanceof CodeRejected ? problem(req, 'stale') : failure;
    });
    const { accountId, id, name } = await listenerApi.profileOf(token.accessToken);

    const { listener: earlier, id: earlierId } = req.session;
    const sessionId = await sessions.start(req, { accountId, id, name }, async (started) => {
      // safeguard: await-browser-list
      await browsers.add(accountId, started, browserName(req));
      // The grant last: without it nobody is signed in, wherever this process may be stopped.
      // safeguard: await-grant-save
      await grants.create(started, {
        accountId,
        accessToken: token.accessToken,
        expiresAt: now() + token.expiresInMs,
        refreshedAt: now(),
        refreshToken: token.refreshToken,
        // Where Spotify does not say what it granted, it granted what was asked (RFC 6749, section 5.1).
        scopes: token.scopes ?? pending.asked,
        consentAt,
      });
    });
    // safeguard: end-previous-sign-in
    if (earlier) await signedIn.endEarlier(res, earlier, earlierId);
    // safeguard: recheck-new-session
    return (await sessions.exists(sessionId)) ? sessionId : null;
  }

  /**
   * The way back came a second time: a double click, a reload, a link that was loaded ahead. Whoever it signed in goes where it led. The
   * browser may have dropped the first answer and its cookie; then it still has the cookie of the pending sign-in, as only the browser
   * does that is to be signed in.
   */
  async function leadOn(
    req: Request,
    res: Response,
    { outcome, startedHere }: WayBack & { is: 'used' },
  ): Promise<void> {
    if (outcome === null) throw problem(req, 'used');
    // safeguard: redirect-repeated-callback
    const isSignedIn = req.session.id === outcome.sessionId && req.grant !== null;
    // safeguard: resume-in-same-browser-only
    // safeguard: resume-lost-session
    const resumes = !isSignedIn && startedHere && (await sessions.resume(req, outcome.sessionId));
    if (!isSignedIn && !resumes) throw problem(req, 'used');
    arrive(res, outcome.returnTo);
  }

  function arrive(res: Response, returnTo: string): void {
    res.clearCookie(cookies.name('signed-out'), cookies.attributes);
    res.redirect(303, returnTo);
  }

  /** The page that says why a sign-in came to nothing, and leads to another one. */
  function problem(req: Request, reason: keyof typeof problems): Problem {
    const retry = routes.signIn({ returnTo: req.res?.locals.returnTo ?? routes.home() });
    const actions = [
      { label: 'Sign in with Spotify', href: retry },
      req.grant
        ? { label: 'Go on as you are', href: routes.nowPlaying() }
        : { label: 'Go home', href: routes.home() },
    ];
    return new Problem({ ...problems[reason], reason: `sign-in-${reason}`, actions });
  }
}
