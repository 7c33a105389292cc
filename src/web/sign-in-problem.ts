import { type Request, type Response, Router } from 'express';
import type { Seal } from '../access/seal.ts';
import type { Cookies } from './cookies.ts';
import { type ErrorPage, sendErrorPage } from './error-pages.ts';

type Deps = { seal: Seal; cookies: Cookies };

/** A page that is still to be shown, and the number of the request it is about. */
type Notice = { page: ErrorPage; requestId: string };

const path = '/sign-in/problem';
/** The way back from Spotify, as Express matches its path. */
const wayBack = /^\/callback\/?$/i;
const cookieName = 'problem';
/** Long enough to load the page again. */
const lifetimeMs = 60_000;

const notHere: ErrorPage = {
  status: 400,
  reason: 'sign-in-problem',
  title: 'The sign-in did not finish',
  text: 'You are not signed in. If this happens again, allow this site its cookies.',
  actions: [
    { label: 'Sign in with Spotify', href: '/login' },
    { label: 'Go to the start', href: '/' },
  ],
};

/**
 * Shows what went wrong on the way back from Spotify at an address of its own: that of the way back holds a code and a state, and
 * would stand in the address bar, in the history and in the Referer of whatever the page loads. A sealed cookie carries the page over,
 * because cookies of other servers on this machine reach us as well.
 */
export function createSignInProblems({ seal, cookies }: Deps) {
  const name = cookies.name(cookieName);
  const router = Router();
  router.get(path, (req, res) => {
    // safeguard: seal-sign-in-problem
    const opened = seal.open(cookies.sent(req).get(cookieName) ?? '', cookieName);
    const requestId = String(res.locals.requestId);
    const notice = opened.text === null ? { page: notHere, requestId } : (JSON.parse(opened.text) as Notice);
    sendErrorPage(res, notice);
  });

  return {
    routes: router,

    /** Leads the browser to the page if the request is a way back from Spotify; returns whether it did. */
    redirect(req: Request, res: Response, notice: Notice): boolean {
      if (!wayBack.test(req.path)) return false;
      const sealed = seal.seal(JSON.stringify(notice), cookieName);
      res.cookie(name, sealed, { ...cookies.attributes, maxAge: lifetimeMs });
      res.set('Cache-Control', 'no-store').redirect(303, path);
      return true;
    },
  };
}

export type SignInProblems = ReturnType<typeof createSignInProblems>;
