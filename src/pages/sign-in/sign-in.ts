import { type RequestHandler, Router } from 'express';
import { knownScopes, signInScopes } from '../../access/scopes.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { routes } from '../../routes.ts';
import type { Accounts } from '../../spotify/accounts.ts';
import { ForeignOrigin, Problem } from '../../web/errors.ts';
import { chargeAddress } from '../../web/rate-limits.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { type Deps as CallbackDeps, createCallback } from './callback.ts';

type Deps = CallbackDeps & {
  accounts: Accounts;
  background: Pick<BackgroundTasks, 'finish'>;
  baseUrl: string;
};

/** Without this, the browser would be sent in circles: the session's cookie is Secure, and would silently not be set. */
const silentProxy = {
  status: 500,
  reason: 'silent-proxy',
  title: 'The proxy in front of this site does not say that it speaks https',
  text: 'Nobody can sign in until the owner of this site has it send "X-Forwarded-Proto: https", and TRUST_PROXY covers it.',
  actions: [{ label: 'Go home', href: routes.home() }],
};

/** Signing in with Spotify (authorization code with PKCE and client secret), and out. */
export function signInPages(deps: Deps): Router {
  const { accounts, signedIn, pendingSignIns, rateLimiters, background, cookies, baseUrl } = deps;
  const callback = createCallback(deps);
  const router = Router();
  // safeguard: no-speculative-sign-ins
  // safeguard: sign-in-limit-per-address
  const guarded = [refuseSpeculative, demandHttps(baseUrl), chargeAddress(rateLimiters.signIn)];

  router.use([routes.signIn(), routes.callback(), routes.signOut()], (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  // Without this, Express answers a HEAD as if it were a GET: a link preview would spend the way back.
  // safeguard: head-without-sign-in
  router.head([routes.signIn(), routes.callback()], (_req, res) => {
    res.status(204).end();
  });

  router.get(routes.signIn(), ...guarded, (req, res) => {
    // Only a person who goes there signs in: an image or a script of some other page must not start it.
    const destination = req.get('Sec-Fetch-Dest');
    if (destination !== undefined && destination !== 'document')
      throw new ForeignOrigin('A sign-in not started by going to it');

    const wanted = String(req.query.allow ?? '').split(' ');
    const given = req.grant?.scopes ?? [];
    const asked = knownScopes.filter((scope) => [...signInScopes, ...given, ...wanted].includes(scope));
    const returnTo = safeReturnPath(req.query.returnTo, baseUrl);
    const { state, challenge } = pendingSignIns.start(req, res, { returnTo, asked });
    // Who has signed out here is asked again by Spotify: it would otherwise let the next person in without a word.
    // So is a browser whose session has ended: another of its tabs may be about to be told that it has signed out.
    const sent = cookies.sent(req);
    // safeguard: ask-again-after-sign-out
    // safeguard: ask-again-after-expiry
    const hasEnded = sent.has('signed-out') || (sent.has('session') && req.grant === null);
    const showDialog = req.query.dialog === '1' || hasEnded;
    // Not res.redirect, which would write the state into a body as well.
    res
      .status(303)
      .location(accounts.authorizeUrl({ state, challenge, scopes: asked, showDialog }))
      .end();
  });

  // The code works once: a stop waits for the sign-in, and one that has not begun can still be made at another process.
  // safeguard: finish-sign-in-before-stop
  router.get(routes.callback(), ...guarded, (req, res) =>
    background.finish('sign-in', () => callback(req, res)),
  );

  router.post(routes.signOut(), async (req, res) => {
    await signedIn.signOut(req, res);
    if (wantsJson(req)) res.status(204).end();
    else res.redirect(303, `${routes.home()}?signed-out`);
  });

  return router;
}

/** Lets a sign-in begin and end only where its cookies can be set: behind https, where the proxy says that it speaks it. */
function demandHttps(baseUrl: string): RequestHandler {
  return (req, _res, next) => {
    const silent = baseUrl.startsWith('https:') && !req.secure;
    next(silent ? new Problem(silentProxy) : undefined);
  };
}
