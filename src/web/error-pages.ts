import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { Cooldown, GrantLost, TooManyRequests } from '../access/errors.ts';
import { ShuttingDown } from '../ops/background.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import {
  BadRequest,
  ClientRejected,
  MissingScope,
  NoActiveDevice,
  NotFound,
  NotInvited,
  NotPossibleNow,
  OwnerNeedsPremium,
  PremiumRequired,
  Refused,
  SpotifyUnavailable,
} from '../spotify/errors.ts';
import { scopes } from '../spotify/web-api.ts';
import { TooManyCookies } from './cookies.ts';
import { ownPath } from './return-path.ts';
import { ForeignOrigin } from './same-origin.ts';
import { NotSignedIn } from './signed-in.ts';
import { NotAcceptable, wantsJson } from './wants-json.ts';

/** There is no such page. */
export class NoSuchPage extends Error {
  override readonly name = 'NoSuchPage';
}

/** What a person is told, and what they can do. */
export type ErrorPage = {
  status: number;
  /** Short and stable, for programs. */
  reason: string;
  title: string;
  text: string;
  steps?: readonly string[];
  /** The first is the one most people want. */
  actions: readonly { label: string; href: string }[];
  retryAfterSeconds?: number;
  /** When it is over, in milliseconds since 1970. */
  until?: number;
};

/** Something that a page has its own words for. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly page: ErrorPage;

  constructor(page: ErrorPage) {
    super(`${page.reason}: ${page.title}`);
    this.page = page;
  }
}

type Deps = {
  baseUrl: string;
  now: () => number;
  /** Whether there is a page that checks how things are set up. */
  hasSetup: boolean;
  onError: (error: unknown, req: Request, requestId: string, status: number) => void;
  /** Shows the page at another address if it must not be shown at this one; returns whether it does. */
  redirect?: ((req: Request, res: Response, shown: { page: ErrorPage; requestId: string }) => boolean) | null;
};

/** The end of every request that found no page. */
export const noSuchPage: RequestHandler = (req) => {
  throw new NoSuchPage(`No page at ${req.path}`);
};

/** Turns whatever was thrown into a page, or into problem details (RFC 9457) for programs. */
export function errorPages({ baseUrl, now, hasSetup, onError, redirect }: Deps): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req, res, _next) => {
    const page = pageFor(error, placeOf(req, baseUrl), now());
    if (hasSetup && ofTheSetup.some((reason) => error instanceof reason))
      page.actions = [...page.actions, { label: 'Check the set-up', href: '/setup/check' }];
    const requestId = String(res.locals.requestId);
    onError(error, req, requestId, page.status);
    // Too late for a page: the connection is cut, so that half an answer is not taken for a whole one.
    if (res.headersSent) return void res.destroy();

    if (error instanceof GrantLost) delete res.locals.listener;
    res.vary('Accept');
    if (wantsJson(req)) {
      const { status, reason, title, text: detail } = page;
      setHeaders(res, page);
      res.type('application/problem+json').send(JSON.stringify({ title, status, detail, reason, requestId }));
      return;
    }
    // safeguard: redirect-away-from-callback
    if (redirect?.(req, res, { page, requestId })) return;
    const resend = resendOf(req, error, baseUrl);
    const onFailure = (failure: unknown) => onError(failure, req, requestId, 500);
    sendErrorPage(res, { page, requestId, resend, onFailure });
  };
}

type Shown = {
  page: ErrorPage;
  requestId: string;
  resend?: Resend | null;
  /** Called if the page cannot be rendered; its title is sent instead. */
  onFailure?: (failure: unknown) => void;
};

/** Answers with the page of an error. */
export function sendErrorPage(res: Response, { page, requestId, resend = null, onFailure }: Shown): void {
  setHeaders(res, page);
  res.render('errors/page', { page, requestId, resend }, (failure, html) => {
    if (failure) onFailure?.(failure);
    // Another answer has begun since; nobody would catch what a second one throws here.
    if (res.headersSent) return void res.destroy();
    res.type(failure ? 'text' : 'html').send(failure ? `${page.title}\n` : html);
  });
}

function setHeaders(res: Response, { status, retryAfterSeconds }: ErrorPage): void {
  res.status(status).set('Cache-Control', 'no-store');
  if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
}

/** What passes by itself: the same request may succeed in a moment. */
const passing: readonly ErrorClass[] = [
  Cooldown,
  SpotifyUnavailable,
  RedisUnavailable,
  ShuttingDown,
  // safeguard: resubmit-after-rate-limit
  TooManyRequests,
];

/** What a form of ours sent, and where to. */
type Resend = { to: string; fields: [string, string][] };

/** What a form of ours sent, to be sent once more with one press where it failed for a passing cause; else null. */
function resendOf(req: Request, error: unknown, baseUrl: string): Resend | null {
  const isForm = req.method === 'POST' && req.is('application/x-www-form-urlencoded') && req.body;
  // safeguard: offer-resubmit
  if (!isForm || !passing.some((reason) => error instanceof reason)) return null;
  // Nobody has looked at the address yet where Redis was away: what it leads to has to be here.
  const at = URL.canParse(req.originalUrl, baseUrl) ? new URL(req.originalUrl, baseUrl) : null;
  if (at?.origin !== baseUrl) return null;
  const fields = Object.entries(req.body as Record<string, unknown>);
  return {
    to: req.originalUrl,
    fields: fields.flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    ),
  };
}

/**
 * Where the person was, to come back to: a page of ours that can be visited again. Not the way back from Spotify, which has
 * a code in it and is spent; the sign-in says where it was to lead (`res.locals.returnTo`).
 */
function placeOf(req: Request, baseUrl: string): string {
  const returnTo: unknown = req.res?.locals.returnTo;
  if (typeof returnTo === 'string') return returnTo;
  return req.method === 'GET' ? ownPath(req.originalUrl, baseUrl) : '/';
}

type About = {
  /** A sign-in that leads back to where the person was. */
  signIn: string;
  again: { label: string; href: string };
  /** The page where the button was pressed. */
  back: { label: string; href: string };
  error: unknown;
  /** How long to wait, where that is the matter. */
  seconds: number;
  /** The end of that wait, in milliseconds since 1970. */
  until: number;
};

type ErrorClass = abstract new (...args: never[]) => Error;

/** What the owner of the site can look into. */
const ofTheSetup: readonly ErrorClass[] = [
  ClientRejected,
  OwnerNeedsPremium,
  NotInvited,
  SpotifyUnavailable,
  RedisUnavailable,
];

const start = { label: 'Go to the start', href: '/' };

const pages: readonly [ErrorClass, (about: About) => ErrorPage][] = [
  [
    NotSignedIn,
    ({ signIn }) => ({
      status: 401,
      reason: 'not-signed-in',
      title: 'You are not signed in',
      text: 'This needs a sign-in with Spotify first.',
      actions: [{ label: 'Sign in with Spotify', href: signIn }],
    }),
  ],
  [
    GrantLost,
    ({ signIn }) => ({
      status: 401,
      reason: 'sign-in-ended',
      title: 'Your Spotify sign-in has ended',
      text: 'Spotify ends every sign-in six months after you agreed to it, or sooner when access is taken back in your Spotify account. Sign in again and you will be back here.',
      actions: [{ label: 'Sign in again', href: signIn }],
    }),
  ],
  [
    MissingScope,
    ({ signIn, error }) => ({
      status: 403,
      reason: 'missing-permission',
      title: 'This page needs one more permission',
      text: 'You have not given this site everything that this takes. Spotify will ask you; agree to everything on its page.',
      actions: [
        {
          label: 'Grant it at Spotify',
          href: `${signIn}&switch=1&${new URLSearchParams({ allow: missingScopes(error) })}`,
        },
      ],
    }),
  ],
  [
    NotInvited,
    ({ again }) => ({
      status: 403,
      reason: 'not-invited',
      title: 'Spotify does not let you in here yet',
      text: 'The Spotify app behind this site is for people whom its owner has listed. Once you are on the list, try again. If you are on it already: the app also rests while its owner has no Premium. This is what the owner does:',
      steps: [
        'Open the app at developer.spotify.com/dashboard and go to Settings, then User Management.',
        'Add the new person: a name, and the e-mail address of their Spotify account. There is room for five people.',
      ],
      actions: [again],
    }),
  ],
  [
    OwnerNeedsPremium,
    ({ again }) => ({
      status: 403,
      reason: 'owner-needs-premium',
      title: 'The owner of this site needs Spotify Premium',
      text: 'Spotify only answers apps whose owner has Premium. Once the owner has subscribed again, it can take a few hours until Spotify notices. You need not do anything.',
      actions: [again],
    }),
  ],
  [
    PremiumRequired,
    ({ back }) => ({
      status: 403,
      reason: 'premium-required',
      title: 'Spotify wants Premium for this',
      text: 'Playing, pausing and skipping from other apps is for people with Spotify Premium. Everything that only shows something works without.',
      actions: [back],
    }),
  ],
  [
    NoActiveDevice,
    ({ back }) => ({
      status: 404,
      reason: 'no-active-device',
      title: 'Nothing is there to play on',
      text: 'Spotify knows no device of yours that is playing. Open Spotify on one of them, start something, and try again.',
      actions: [{ label: 'See your devices', href: '/devices' }, back],
    }),
  ],
  [
    NotPossibleNow,
    ({ back }) => ({
      status: 409,
      reason: 'not-possible-now',
      title: 'The player does not do this just now',
      text: 'It may have stopped or gone on meanwhile, an advertisement may be running, or the device takes no commands from apps.',
      actions: [back],
    }),
  ],
  [
    BadRequest,
    ({ back }) => ({
      status: 502,
      reason: 'not-understood',
      title: 'Spotify could not make sense of this',
      text: 'What was asked may have changed at Spotify meanwhile. Load the page anew and try again.',
      actions: [back],
    }),
  ],
  [
    Refused,
    () => ({
      status: 403,
      reason: 'refused',
      title: 'Spotify refused this',
      text: 'Spotify does not allow this site to see or change what you asked for, and did not say why.',
      actions: [start],
    }),
  ],
  [Cooldown, coolDownPage],
  [
    TooManyRequests,
    ({ again, seconds, until }) => ({
      status: 429,
      reason: 'too-many-requests',
      title: 'Slow down a little',
      text: `That was a lot in a short time. Wait about ${duration(seconds)}, then try again. Nothing is lost.`,
      retryAfterSeconds: seconds,
      until,
      actions: [again],
    }),
  ],
  [
    ClientRejected,
    ({ again, error }) => ({
      status: 502,
      reason: 'client-rejected',
      title: 'Spotify does not accept this site',
      text: `The client id or client secret is not as in Spotify’s dashboard${spotifysWords(error)}. The owner of this site has to correct SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET; nobody here is signed out by it.`,
      actions: [again],
    }),
  ],
  [
    SpotifyUnavailable,
    ({ again }) => ({
      status: 502,
      reason: 'spotify-unavailable',
      title: 'Spotify did not answer',
      text: 'Spotify gave no answer that makes sense. That passes, most often within a minute. Nothing of yours is lost.',
      actions: [again],
    }),
  ],
  [
    RedisUnavailable,
    ({ again }) => ({
      status: 503,
      reason: 'sessions-unavailable',
      title: 'One moment, please',
      text: 'The part of this site that remembers who is signed in does not answer. That is our side, not yours: nothing is lost, and you need not sign in again.',
      retryAfterSeconds: 2,
      actions: [again],
    }),
  ],
  [
    ShuttingDown,
    ({ again }) => ({
      status: 503,
      reason: 'restarting',
      title: 'Turntable is restarting',
      text: 'Nothing is lost. Try again in a moment.',
      retryAfterSeconds: 2,
      actions: [again],
    }),
  ],
  [
    ForeignOrigin,
    () => ({
      status: 403,
      reason: 'foreign-origin',
      title: 'Another site asked for this',
      text: 'Only pages of this site can change something here or show what it knows. Nothing was changed. If you pressed a button on this site, reload the page and press it again.',
      actions: [start],
    }),
  ],
  [
    TooManyCookies,
    ({ again }) => ({
      status: 431,
      reason: 'too-many-cookies',
      title: 'Your browser sent too many cookies',
      text: 'Those left over from unfinished sign-ins have been deleted. Nothing else is lost. If you see this page again, delete the cookies of this site in your browser’s settings.',
      actions: [again],
    }),
  ],
  [NoSuchPage, noSuchPageFound],
  // What is asked of Spotify is named by the address of the page.
  [NotFound, noSuchPageFound],
  [
    NotAcceptable,
    () => ({
      status: 406,
      reason: 'not-acceptable',
      title: 'This comes as a page or as JSON',
      text: 'The request asks for something else. Send "Accept: text/html" or "Accept: application/json".',
      actions: [start],
    }),
  ],
];

function pageFor(error: unknown, here: string, now: number): ErrorPage {
  if (error instanceof Problem) return error.page;

  const until = endOf(error, now);
  const about: About = {
    signIn: `/login?${new URLSearchParams({ returnTo: here })}`,
    again: { label: 'Try again', href: here },
    back: { label: 'Go back', href: here },
    error,
    seconds: Math.max(1, Math.ceil((until - now) / 1000)),
    until,
  };
  const known = pages.find(([reason]) => error instanceof reason);
  if (known) return known[1](about);

  const status = clientStatus(error);
  if (status === 404) return noSuchPageFound();
  if (status !== null) {
    return {
      status,
      reason: 'bad-request',
      title: 'That request cannot be understood',
      text: 'Something in the address or in what was sent is not as it should be.',
      actions: [start],
    };
  }
  return {
    status: 500,
    reason: 'ours',
    title: 'Something went wrong on our side',
    text: 'It has been written down with the number below. Tell it to the owner of this site if it happens again.',
    actions: [about.again],
  };
}

/** When somebody who was told to wait may go on, in milliseconds since 1970; now if waiting is not the matter. */
function endOf(error: unknown, now: number): number {
  if (error instanceof Cooldown) return error.until;
  return error instanceof TooManyRequests ? now + error.waitMs : now;
}

/** Every one that pages here may need, where Spotify did not say which. */
function missingScopes(error: unknown): string {
  const missing = error instanceof MissingScope ? error.scopes : [];
  return (missing.length > 0 ? missing : Object.values(scopes).flat()).join(' ');
}

function spotifysWords(error: unknown): string {
  const said = error instanceof ClientRejected ? error.description : null;
  return said ? `; Spotify says: “${said}”` : '';
}

function noSuchPageFound(): ErrorPage {
  return {
    status: 404,
    reason: 'no-such-page',
    title: 'There is no such page',
    text: 'The address may have been mistyped, or what was here has gone.',
    actions: [start],
  };
}

function coolDownPage({ seconds, until, again, error }: About): ErrorPage {
  const quota = error instanceof Cooldown && error.quota;
  return {
    status: 503,
    reason: quota ? 'quota-exceeded' : 'cool-down',
    title: quota ? 'Today’s calls to Spotify are used up' : 'Spotify asked us to wait',
    text: `${quota ? 'Spotify answers this site only so often a day, and that is used up.' : 'This site has asked Spotify too often.'} Spotify will answer again in about ${duration(seconds)}; until then we leave it alone.`,
    retryAfterSeconds: seconds,
    until,
    actions: [again],
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
