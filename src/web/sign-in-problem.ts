import { type Request, type Response, Router } from 'express';
import type { Seal } from '../access/seal.ts';
import { routes } from '../routes.ts';
import type { Cookies } from './cookies.ts';
import { sendErrorPage } from './error-pages.ts';
import { type ErrorPage, linkTo } from './errors.ts';

type Deps = { seal: Seal; cookies: Cookies };

/** An error page to show at the next request, with the ID of the request that failed. */
type DeferredPage = { page: ErrorPage; requestId: string };

const cookieName = 'problem';
/** Long enough to reload the page. */
const lifetimeMs = 60_000;

const expiredPage: ErrorPage = {
  status: 400,
  reason: 'sign-in-problem',
  title: 'The sign-in didn’t finish',
  text: 'You aren’t signed in. If this happens again, allow cookies for this site.',
  actions: [linkTo('Sign in with Spotify', routes.signIn), linkTo('Go home', routes.home)],
};

/**
 * Shows the error of a failed callback from Spotify at another URL. The URL of the callback contains a code and a state, which would stay in
 * the address bar, in the history and in the Referer of what the page loads. The page travels in a cookie, which is sealed because
 * other servers on this machine can set cookies for us.
 */
export function createSignInProblems({ seal, cookies }: Deps) {
  const name = cookies.name(cookieName);
  /** The callback from Spotify, as Express matches its path. */
  const callbackPath = new RegExp(`^${RegExp.escape(routes.callback())}/?$`, 'i');
  const router = Router();
  router.get(routes.signInProblem(), (req, res) => {
    // safeguard: seal-sign-in-problem
    const opened = seal.open(cookies.read(req).get(cookieName) ?? '', cookieName);
    const { requestId } = req;
    const deferred =
      opened.text === null ? { page: expiredPage, requestId } : (JSON.parse(opened.text) as DeferredPage);
    sendErrorPage(res, deferred);
  });

  return {
    routes: router,

    /** Redirects to the page if the request is a callback from Spotify. Returns whether it did. */
    redirect(req: Request, res: Response, deferred: DeferredPage): boolean {
      if (!callbackPath.test(req.path)) return false;
      const sealed = seal.seal(JSON.stringify(deferred), cookieName);
      res.cookie(name, sealed, { ...cookies.attributes, maxAge: lifetimeMs });
      res.set('Cache-Control', 'no-store').redirect(303, routes.signInProblem());
      return true;
    },
  };
}
