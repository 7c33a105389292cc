import { type Request, type Response, Router } from 'express';
import type { Redis } from 'ioredis';
import type { Access } from '../../access/access.ts';
import type { Grants } from '../../access/grants.ts';
import type { Seal } from '../../access/seal.ts';
import type { Accounts } from '../../spotify/accounts.ts';
import { InvalidGrant } from '../../spotify/errors.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import type { Cookies } from '../../web/cookies.ts';
import { ForeignOrigin } from '../../web/same-origin.ts';
import type { Sessions } from '../../web/session.ts';
import { createPendingSignIns } from './pending.ts';
import { ownPath } from './return-to.ts';

type Needs = {
  accounts: Accounts;
  webApi: WebApi;
  access: Access;
  grants: Grants;
  sessions: Sessions;
  redis: Redis;
  seal: Seal;
  cookies: Cookies;
  baseUrl: string;
  now: () => number;
  onSignIn: () => void;
};

/** What the pages ask for, and nothing beyond. */
const askedScopes = Object.values(scopes).flat();

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
    text: 'Each way back from Spotify works once. This happens when the page is loaded again, or when you go back to it. If you meant to sign in, start again.',
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

/** Signing in with Spotify (authorization code with PKCE and client secret), and out. */
export function signInPages(needs: Needs): Router {
  const { accounts, webApi, access, grants, sessions, cookies, baseUrl, now, onSignIn } = needs;
  const pendingSignIns = createPendingSignIns(needs);
  const router = Router();

  router.use(['/login', '/callback', '/logout'], (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  router.get('/login', (req, res) => {
    // Only a person who goes there signs in: an image or a script of some other page must not start it.
    const destination = req.get('Sec-Fetch-Dest');
    if (destination !== undefined && destination !== 'document')
      throw new ForeignOrigin('A sign-in not started by going to it');

    const { state, challenge } = pendingSignIns.start(req, res, ownPath(req.query.returnTo, baseUrl));
    // Who has signed out here is asked again by Spotify: it would otherwise let the next person in without a word.
    const showDialog = req.query.switch === '1' || cookies.sent(req).has('signed-out');
    // Not res.redirect, which would write the state into a body as well.
    res
      .status(303)
      .location(accounts.authorizeUrl({ state, challenge, scopes: askedScopes, showDialog }))
      .end();
  });

  router.get('/callback', async (req, res) => {
    const { state, code, error } = req.query;
    if (typeof state !== 'string') return problem(req, res, 'unknown');
    const pending = await pendingSignIns.spend(req, res, state);
    if (pending === 'used' || pending === 'unknown') return problem(req, res, pending);
    if (error === 'access_denied') return problem(req, res, 'cancelled', pending.returnTo);
    if (typeof code !== 'string' || code === '') return problem(req, res, 'refused', pending.returnTo);

    const consentAt = now();
    let token: Awaited<ReturnType<Accounts['exchange']>>;
    try {
      token = await accounts.exchange(code, pending.verifier);
    } catch (failure) {
      if (failure instanceof InvalidGrant) return problem(req, res, 'stale', pending.returnTo);
      throw failure;
    }
    const { accountId, id, name } = await access.askWith(token.accessToken, webApi.me);

    const before = req.session.listener && req.session.id;
    const sessionId = await sessions.start(req, { accountId, id, name });
    await grants.create(sessionId, {
      accessToken: token.accessToken,
      expiresAt: now() + token.expiresInMs,
      refreshToken: token.refreshToken,
      // Where Spotify does not say what it granted, it granted what was asked (RFC 6749, section 5.1).
      scopes: token.scopes ?? askedScopes,
      consentAt,
    });
    if (before) await grants.forget(before);

    onSignIn();
    res.clearCookie(cookies.name('signed-out'), cookies.attributes);
    res.redirect(303, pending.returnTo);
  });

  router.post('/logout', async (req, res) => {
    if (req.session.listener) {
      // The grant first: a session without its grant is signed out, whatever becomes of the rest.
      await grants.forget(req.session.id);
      await sessions.end(req, res);
      res.cookie(cookies.name('signed-out'), '1', cookies.attributes);
    }
    res.redirect(303, '/?signed-out');
  });

  function problem(req: Request, res: Response, reason: keyof typeof problems, returnTo = '/'): void {
    const { status, title, text } = problems[reason];
    const signedIn = req.session.listener !== undefined;
    res.status(status).render('sign-in/problem', {
      title,
      text,
      signedIn,
      retry: `/login?${new URLSearchParams({ returnTo })}`,
    });
  }

  return router;
}
