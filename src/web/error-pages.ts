import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { CoolDown, GrantLost, SessionsUnavailable } from '../access/errors.ts';
import {
  ClientRejected,
  MissingScope,
  NotInvited,
  OwnerNeedsPremium,
  RateLimited,
  Refused,
  SpotifyUnavailable,
} from '../spotify/errors.ts';
import { ForeignOrigin } from './same-origin.ts';
import { NotSignedIn } from './signed-in.ts';
import { wantsJson } from './wants-json.ts';

/** There is no such page. */
export class NoSuchPage extends Error {
  override readonly name = 'NoSuchPage';
}

/** What a person is told, and what they can do. */
type ErrorPage = {
  status: number;
  /** Short and stable, for programs. */
  reason: string;
  title: string;
  text: string;
  steps?: string[];
  action?: { label: string; href: string };
  retryAfterSeconds?: number;
};

type Needs = {
  now: () => number;
  onError: (error: unknown, req: Request, requestId: string, status: number) => void;
};

/** The end of every request that found no page. */
export const noSuchPage: RequestHandler = (req) => {
  throw new NoSuchPage(`No page at ${req.path}`);
};

/** Turns whatever was thrown into a page, or into problem details (RFC 9457) for programs. */
export function errorPages({ now, onError }: Needs): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req, res, _next) => {
    const page = pageFor(error, req, now());
    const requestId = String(res.locals.requestId);
    onError(error, req, requestId, page.status);
    // Too late for a page: the connection is cut, so that half an answer is not taken for a whole one.
    if (res.headersSent) return void res.destroy();

    res.status(page.status).set('Cache-Control', 'no-store');
    if (page.retryAfterSeconds !== undefined) res.set('Retry-After', String(page.retryAfterSeconds));
    if (wantsJson(req)) {
      const { status, reason, title, text: detail } = page;
      res.type('application/problem+json').send(JSON.stringify({ title, status, detail, reason, requestId }));
      return;
    }
    res.render('errors/page', { page, requestId });
  };
}

type About = {
  /** Where the person was, to come back to. */
  here: string;
  /** A sign-in that leads back there. */
  signIn: string;
  again: { label: string; href: string };
  /** How long to wait, where that is the matter. */
  seconds: number;
};

type ErrorClass = abstract new (...args: never[]) => Error;

const start = { label: 'Go to the start', href: '/' };

const pages: readonly [ErrorClass, (about: About) => ErrorPage][] = [
  [
    NotSignedIn,
    ({ signIn }) => ({
      status: 401,
      reason: 'not-signed-in',
      title: 'You are not signed in',
      text: 'This needs a sign-in with Spotify first.',
      action: { label: 'Sign in with Spotify', href: signIn },
    }),
  ],
  [
    GrantLost,
    ({ signIn }) => ({
      status: 401,
      reason: 'sign-in-ended',
      title: 'Your Spotify sign-in has ended',
      text: 'Spotify ends every sign-in six months after you agreed to it, or sooner when access is taken back in your Spotify account. Sign in again and you will be back here.',
      action: { label: 'Sign in again', href: signIn },
    }),
  ],
  [
    MissingScope,
    ({ signIn }) => ({
      status: 403,
      reason: 'missing-permission',
      title: 'This page needs one more permission',
      text: 'When you signed in, Spotify did not give this site everything that this page shows. Spotify will ask you again; agree to everything on its page.',
      action: { label: 'Grant it at Spotify', href: `${signIn}&switch=1` },
    }),
  ],
  [
    NotInvited,
    ({ signIn }) => ({
      status: 403,
      reason: 'not-invited',
      title: 'Spotify does not let you in here yet',
      text: 'The Spotify app behind this site is for people whom its owner has listed. Ask the owner to add you:',
      steps: [
        'Open the app at developer.spotify.com/dashboard and go to Settings, then User Management.',
        'Add your name and the e-mail address of your Spotify account. There is room for five people.',
        'Come back and sign in again.',
        'If you are on the list already: the app also rests while its owner has no Premium.',
      ],
      action: { label: 'Sign in again', href: signIn },
    }),
  ],
  [
    OwnerNeedsPremium,
    ({ again }) => ({
      status: 403,
      reason: 'owner-needs-premium',
      title: 'The owner of this site needs Spotify Premium',
      text: 'Spotify only answers apps whose owner has Premium. Once the owner has subscribed again, it can take a few hours until Spotify notices. You need not do anything.',
      action: again,
    }),
  ],
  [
    Refused,
    () => ({
      status: 403,
      reason: 'refused',
      title: 'Spotify refused this',
      text: 'Spotify does not allow this site to see what you asked for, and did not say why.',
      action: start,
    }),
  ],
  [CoolDown, coolDownPage],
  [RateLimited, coolDownPage],
  [
    ClientRejected,
    ({ again }) => ({
      status: 502,
      reason: 'client-rejected',
      title: 'Spotify does not accept this site',
      text: 'The client id or client secret is not as in Spotify’s dashboard. The owner of this site has to correct SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET; nobody here is signed out by it.',
      action: again,
    }),
  ],
  [
    SpotifyUnavailable,
    ({ again }) => ({
      status: 502,
      reason: 'spotify-unavailable',
      title: 'Spotify did not answer',
      text: 'Spotify gave no answer that makes sense. That passes, most often within a minute. Nothing of yours is lost.',
      action: again,
    }),
  ],
  [
    SessionsUnavailable,
    ({ again }) => ({
      status: 503,
      reason: 'sessions-unavailable',
      title: 'One moment, please',
      text: 'The part of this site that remembers who is signed in does not answer. That is our side, not yours: nothing is lost, and you need not sign in again.',
      retryAfterSeconds: 2,
      action: again,
    }),
  ],
  [
    ForeignOrigin,
    () => ({
      status: 403,
      reason: 'foreign-origin',
      title: 'That did not come from this site',
      text: 'Only pages of this site may change something here. If you pressed a button on this very site, load the page anew and press it again.',
      action: start,
    }),
  ],
  [
    NoSuchPage,
    () => ({
      status: 404,
      reason: 'no-such-page',
      title: 'There is no such page',
      text: 'The address may have been mistyped, or what was here has gone.',
      action: start,
    }),
  ],
];

function pageFor(error: unknown, req: Request, now: number): ErrorPage {
  // A POST is not repeated by following a link, so it leads to the start.
  const here = req.method === 'GET' ? req.originalUrl : '/';
  const about: About = {
    here,
    signIn: `/login?${new URLSearchParams({ returnTo: here })}`,
    again: { label: 'Try again', href: here },
    seconds: error instanceof CoolDown ? Math.max(1, Math.ceil((error.until - now) / 1000)) : 30,
  };
  const known = pages.find(([reason]) => error instanceof reason);
  if (known) return known[1](about);

  const status = clientStatus(error);
  if (status !== null) {
    return {
      status,
      reason: 'bad-request',
      title: 'That request cannot be understood',
      text: 'Something in the address or in what was sent is not as it should be.',
      action: start,
    };
  }
  return {
    status: 500,
    reason: 'ours',
    title: 'Something went wrong on our side',
    text: 'It has been written down with the number below. Tell it to the owner of this site if it happens again.',
    action: about.again,
  };
}

function coolDownPage({ seconds, again }: About): ErrorPage {
  return {
    status: 503,
    reason: 'cool-down',
    title: 'Spotify asked us to wait',
    text: `This site has asked Spotify too often. Spotify will answer again in about ${duration(seconds)}; until then we leave it alone.`,
    retryAfterSeconds: seconds,
    action: again,
  };
}

/** Express and its parts throw errors with a 4xx status for requests they cannot read. */
function clientStatus(error: unknown): number | null {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

function duration(seconds: number): string {
  const [amount, unit] =
    seconds < 90
      ? [seconds, 'second']
      : seconds < 90 * 60
        ? [Math.round(seconds / 60), 'minute']
        : [Math.round(seconds / 3600), 'hour'];
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
