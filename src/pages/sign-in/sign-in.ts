import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Access } from '../../access/access.ts';
import type { Browsers } from '../../access/browsers.ts';
import type { Grants } from '../../access/grants.ts';
import type { Seal } from '../../access/seal.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import type { Records } from '../../redis/records.ts';
import type { Accounts } from '../../spotify/accounts.ts';
import { InvalidGrant } from '../../spotify/errors.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import { browserName } from '../../web/browser-name.ts';
import type { Cookies } from '../../web/cookies.ts';
import { Problem } from '../../web/error-pages.ts';
import { ownPath } from '../../web/own-path.ts';
import { ForeignOrigin } from '../../web/same-origin.ts';
import type { Sessions } from '../../web/session.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { createPendingSignIns } from './pending.ts';

type Needs = {
  accounts: Accounts;
  webApi: WebApi;
  access: Access;
  grants: Grants;
  browsers: Browsers;
  sessions: Sessions;
  signedIn: SignedIn;
  records: Records;
  background: Pick<BackgroundTasks, 'finish'>;
  seal: Seal;
  cookies: Cookies;
  baseUrl: string;
  now: () => number;
  onSignIn: () => void;
};

const knownScopes: readonly string[] = [...new Set(Object.values(scopes).flat())];
/** What every sign-in asks for: to see, and to change nothing. What changes something is asked for when it is first wanted. */
const firstScopes = [scopes.player, scopes.playlists, scopes.library, scopes.recent, scopes.top].flat();

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

/** Without this, the browser would be sent in circles: the session's cookie is Secure, and would silently not be set. */
const silentProxy = {
  status: 500,
  reason: 'silent-proxy',
  title: 'The proxy in front of this site does not say that it speaks https',
  text: 'Nobody can sign in until the owner of this site has it send "X-Forwarded-Proto: https", and TRUST_PROXY covers it.',
  actions: [{ label: 'Go to the start', href: '/' }],
};

/** Signing in with Spotify (authorization code with PKCE and client secret), and out. */
export function signInPages(needs: Needs): Router {
  const { accounts, webApi, access, grants, browsers, sessions, signedIn, background, cookies } = needs;
  const { baseUrl, now, onSignIn } = needs;
  const pendingSignIns = createPendingSignIns(needs);
  const router = Router();
  const overHttps = demandHttps(baseUrl);

  router.use(['/login', '/callback', '/logout'], (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  router.get('/login', overHttps, (req, res) => {
    // Only a person who goes there signs in: an image or a script of some other page must not start it.
    const destination = req.get('Sec-Fetch-Dest');
    if (destination !== undefined && destination !== 'document')
      throw new ForeignOrigin('A sign-in not started by going to it');

    const wanted = String(req.query.allow ?? '').split(' ');
    const given = req.grant?.scopes ?? [];
    const asked = knownScopes.filter((scope) => [...firstScopes, ...given, ...wanted].includes(scope));
    const returnTo = ownPath(req.query.returnTo, baseUrl);
    const { state, challenge } = pendingSignIns.start(req, res, { returnTo, asked });
    // Who has signed out here is asked again by Spotify: it would otherwise let the next person in without a word.
    const showDialog = req.query.switch === '1' || cookies.sent(req).has('signed-out');
    // Not res.redirect, which would write the state into a body as well.
    res
      .status(303)
      .location(accounts.authorizeUrl({ state, challenge, scopes: asked, showDialog }))
      .end();
  });

  // The code works once: a stop waits for the sign-in, and one that has not begun can still be made at another process.
  router.get('/callback', overHttps, (req, res) => background.finish('sign-in', () => callback(req, res)));

  router.post('/logout', async (req, res) => {
    await signedIn.signOut(req, res);
    if (wantsJson(req)) res.status(204).end();
    else res.redirect(303, '/?signed-out');
  });

  return router;

  async function callback(req: Request, res: Response): Promise<void> {
    const { state, code, error } = req.query;
    if (typeof state !== 'string') throw problem(req, 'unknown');
    const pending = await pendingSignIns.spend(req, res, state);
    if (pending === 'used' || pending === 'unknown') throw problem(req, pending);

    res.locals.returnTo = pending.returnTo;
    if (error === 'access_denied') throw problem(req, 'cancelled');
    if (typeof code !== 'string' || code === '') throw problem(req, 'refused');

    const consentAt = now();
    const token = await access.exchange(code, pending.verifier).catch((failure: unknown) => {
      throw failure instanceof InvalidGrant ? problem(req, 'stale') : failure;
    });
    const { accountId, id, name } = await access.askWithFresh(token.accessToken, webApi.me);

    const { listener: earlier, id: earlierId } = req.session;
    const sessionId = await sessions.start(req, { accountId, id, name }, async (started) => {
      await browsers.add(accountId, started, browserName(req));
      // The grant last: without it nobody is signed in, wherever this process may be stopped.
      await grants.create(started, {
        accountId,
        accessToken: token.accessToken,
        expiresAt: now() + token.expiresInMs,
        renewedAt: now(),
        refreshToken: token.refreshToken,
        // Where Spotify does not say what it granted, it granted what was asked (RFC 6749, section 5.1).
        scopes: token.scopes ?? pending.asked,
        consentAt,
      });
    });
    if (earlier) await signedIn.endEarlier(earlier, earlierId);
    if (!(await sessions.stands(sessionId))) {
      // Signed out everywhere, in another browser, in this very moment.
      await signedIn.signOut(req, res);
      res.redirect(303, '/?signed-out');
      return;
    }

    onSignIn();
    res.clearCookie(cookies.name('signed-out'), cookies.attributes);
    res.redirect(303, pending.returnTo);
  }

  /** The page that says why a sign-in came to nothing, and leads to another one. */
  function problem(req: Request, reason: keyof typeof problems): Problem {
    const retry = `/login?${new URLSearchParams({ returnTo: req.res?.locals.returnTo ?? '/' })}`;
    const actions = [
      { label: 'Sign in with Spotify', href: retry },
      req.grant
        ? { label: 'Go on as you are', href: '/now-playing' }
        : { label: 'Go to the start', href: '/' },
    ];
    return new Problem({ ...problems[reason], reason: `sign-in-${reason}`, actions });
  }
}

/** Lets a sign-in begin and end only where its cookies can be set: behind https, where the proxy says that it speaks it. */
function demandHttps(baseUrl: string): RequestHandler {
  return (req, _res, next) => {
    const silent = baseUrl.startsWith('https:') && !req.secure;
    next(silent ? new Problem(silentProxy) : undefined);
  };
}
