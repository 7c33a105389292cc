import { type Request, type RequestHandler, type Response, Router } from 'express';
import { knownScopes, signInScopes } from '../../access/scopes.ts';
import type { BackgroundTasks } from '../../ops/background.ts';
import { routes } from '../../routes.ts';
import type { Accounts } from '../../spotify/accounts.ts';
import { ForeignOrigin, Problem } from '../../web/errors.ts';
import { acceptFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { withNotice } from '../../web/notices.ts';
import { limitByAddress } from '../../web/rate-limits.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { type Deps as CallbackDeps, createCallback } from './callback.ts';
import { maxReturnToLength } from './pending.ts';
import { proxyWithoutProto } from './problems.ts';

type Deps = CallbackDeps & {
  accounts: Accounts;
  background: Pick<BackgroundTasks, 'finish'>;
  forms: Pick<Forms, 'read'>;
  baseUrl: string;
};

/** Signing in with Spotify (authorization code with PKCE and client secret), and signing out. */
export function signInPages(deps: Deps): Router {
  const { accounts, signedIn, pendingSignIns, rateLimiters, background, forms, cookies, baseUrl } = deps;
  const callback = createCallback(deps);
  const router = Router();
  // safeguard: no-speculative-sign-ins
  // safeguard: sign-in-limit-per-address
  const guards = [refuseSpeculative, requireHttps(baseUrl), limitByAddress(rateLimiters.signIn)];

  router.use([routes.signIn(), routes.callback(), routes.signOut()], (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  // Express would answer a HEAD like a GET, so a link preview would spend the state of a callback.
  // safeguard: head-without-sign-in
  router.head([routes.signIn(), routes.callback()], (_req, res) => {
    res.status(204).end();
  });

  router.get(routes.signIn(), ...guards, (req, res) => {
    // Only a visit starts a sign-in, not an image or a script on another page.
    const destination = req.get('Sec-Fetch-Dest');
    if (destination !== undefined && destination !== 'document')
      throw new ForeignOrigin('A sign-in that is not a visit');
    startSignIn(req, res);
  });

  // The code works once, so a stop of the process waits for the sign-in. One that hasn't begun can still be completed by another process.
  // safeguard: finish-sign-in-before-stop
  router.get(routes.callback(), ...guards, (req, res) =>
    background.finish('complete a sign-in', () => callback(req, res)),
  );

  router.post(routes.signOut(), ...forms.read, acceptFields({}), async (req, res) => {
    await signedIn.signOut(req, res);
    if (wantsJson(req)) res.status(204).end();
    else res.redirect(303, withNotice(routes.home(), 'signed-out'));
  });

  return router;

  function startSignIn(req: Request, res: Response): void {
    const wanted = String(req.query.allow ?? '').split(' ');
    const granted = req.grant?.scopes ?? [];
    const scopes = knownScopes.filter((scope) => [...signInScopes, ...granted, ...wanted].includes(scope));
    const returnTo = safeReturnPath(shortenReturnTo(req.query.returnTo), baseUrl);
    const { state, challenge } = pendingSignIns.start(req, res, { returnTo, scopes });
    // After a sign-out, Spotify shows its dialog: otherwise it would sign in the next person in this browser without asking. The same if
    // the session has ended, because another tab may be about to receive the response to its sign-out.
    const sent = cookies.read(req);
    // safeguard: ask-again-after-sign-out
    // safeguard: ask-again-after-expiry
    const hasEnded = sent.has('signed-out') || (sent.has('session') && req.grant === null);
    const showDialog = req.query.dialog === '1' || hasEnded;
    // Not res.redirect, which would also write the state into a body.
    res.status(303).location(accounts.authorizeUrl({ state, challenge, scopes, showDialog })).end();
  }
}

/** Lets a sign-in start and end only if its cookies can be set: for an https site, if the proxy says that it uses https. */
function requireHttps(baseUrl: string): RequestHandler {
  return (req, _res, next) => {
    const isWithoutProto = baseUrl.startsWith('https:') && !req.secure;
    next(isWithoutProto ? new Problem(proxyWithoutProto) : undefined);
  };
}

/** Returns this page to return to; or if its address is too long, such as that of a selection, the page that it leads back to itself. */
function shortenReturnTo(returnTo: unknown): unknown {
  if (typeof returnTo !== 'string' || returnTo.length <= maxReturnToLength) return returnTo;
  const [, query] = returnTo.split('?', 2);
  // safeguard: return-from-long-address
  return new URLSearchParams(query).get('returnTo') ?? returnTo;
}
