import type { ErrorRequestHandler, Request, Response } from 'express';
import { Cooldown, GrantLost, TooManyRequests } from '../access/errors.ts';
import { familyLabels, stillWorks } from '../access/family-labels.ts';
import { controlScopes, knownScopes } from '../access/scopes.ts';
import { ShuttingDown } from '../ops/background.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import { basePathOf, pathWithin, routes } from '../routes.ts';
import * as spotify from '../spotify/errors.ts';
import { drawingOf } from './drawings.ts';
import { type Button, buttons } from './error-buttons.ts';
import { type ErrorMessage, type ErrorMessageName, errorMessages } from './error-messages.ts';
import * as web from './errors.ts';
import { type ErrorClass, type ErrorPage, isOneOf, NoSuchPage, PartlyDone, Problem } from './errors.ts';
import { type Resend, resendOf } from './resend.ts';
import { safeReturnPath } from './return-path.ts';
import { durationInWords } from './time-in-words.ts';
import { wantsJson } from './wants-json.ts';

type Deps = {
  baseUrl: string;
  now: () => number;
  hasSetup: boolean;
  onError: (error: unknown, req: Request, status: number) => void;
  /** Redirects to an address that can show the page, if this one must not. Returns whether it did. */
  redirect?:
    | ((req: Request, res: Response, deferred: { page: ErrorPage; requestId: string }) => boolean)
    | null;
};

/** The first class that an error is an instance of decides its message. */
const messageNames: readonly [ErrorClass, ErrorMessageName][] = [
  [web.NotSignedIn, 'notSignedIn'],
  [GrantLost, 'grantLost'],
  [spotify.MissingScope, 'missingScope'],
  [spotify.NotInvited, 'notInvited'],
  [spotify.OwnerNeedsPremium, 'ownerNeedsPremium'],
  [spotify.PremiumRequired, 'premiumRequired'],
  [spotify.NoActiveDevice, 'noActiveDevice'],
  [spotify.NotPossibleNow, 'notPossibleNow'],
  [spotify.BadRequest, 'notUnderstood'],
  [spotify.Refused, 'refused'],
  [Cooldown, 'cooldown'],
  [TooManyRequests, 'tooManyRequests'],
  [spotify.ClientRejected, 'clientRejected'],
  [spotify.SpotifyUnavailable, 'spotifyUnavailable'],
  [RedisUnavailable, 'redisUnavailable'],
  [ShuttingDown, 'shuttingDown'],
  [web.WrongHost, 'wrongHost'],
  [web.OutsideBasePath, 'outsideBasePath'],
  [web.ForeignOrigin, 'foreignOrigin'],
  [web.TooManyCookies, 'tooManyCookies'],
  [NoSuchPage, 'noSuchPage'],
  // The address of a page names what it asks Spotify for.
  [spotify.NotFound, 'noSuchPage'],
  [web.MethodNotAllowed, 'methodNotAllowed'],
  [web.NotAcceptable, 'notAcceptable'],
];

/** Errors that the owner can look into. Their pages link to the check of the setup. */
const setupErrors: readonly ErrorClass[] = [
  spotify.ClientRejected,
  spotify.OwnerNeedsPremium,
  spotify.NotInvited,
  spotify.SpotifyUnavailable,
  RedisUnavailable,
];

/** A restart, or a short outage of Redis, is usually over by then. */
const retrySoonSeconds = 2;
const longWaitSeconds = 60;
/** A shorter wait is over before anyone has read how long it is. */
const minCountdownSeconds = 3;
/** Pages that reload after a cooldown do so spread over this time, not all at once. */
const reloadSpreadSeconds = 30;

/** Answers with a page for the error that was thrown, or for programs with problem details (RFC 9457). */
export function errorPages({ baseUrl, now, hasSetup, onError, redirect }: Deps): ErrorRequestHandler {
  // Express recognizes an error handler by its four parameters.
  return (thrown: unknown, req, res, _next) => {
    // safeguard: failure-of-the-rest
    const error = thrown instanceof PartlyDone ? thrown.failure : thrown;
    const returnPath = returnPathOf(req, baseUrl);
    const canReload = req.method === 'GET' && returnPath === req.originalUrl && !req.isOnDemandOnly;
    const isPause = error instanceof Cooldown && error.endpoint === null;
    const isReloading = isPause && canReload && !wantsJson(req);
    const isChange = req.method === 'POST';
    const ofError = pageFor(error, { baseUrl, returnPath, now: now(), isReloading, isChange });
    const page = thrown instanceof PartlyDone ? thrown.addTo(ofError) : ofError;
    if (hasSetup && isOneOf(setupErrors, error))
      page.actions = [...page.actions, { label: buttons.checkSetup, href: routes.setupCheck() }];
    const { requestId } = req;
    onError(error, req, page.status);
    // The response has begun. Cut the connection, so that a partial response isn't mistaken for a complete one.
    if (res.headersSent) return void res.destroy();

    if (error instanceof GrantLost) {
      delete res.locals.listener;
      delete res.locals.bar;
    }
    res.vary('Accept');
    if (error instanceof web.MethodNotAllowed) res.set('Allow', error.allowed.join(', '));
    if (wantsJson(req)) {
      const { status, reason, title, text: detail, undo, details } = page;
      // safeguard: undo-in-problem-details
      const more = { ...details, ...(undo && { undo }) };
      setHeaders(res, page);
      res
        .type('application/problem+json')
        .send(JSON.stringify({ title, status, detail, reason, requestId, ...more }));
      return;
    }
    // safeguard: redirect-away-from-callback
    if (redirect?.(req, res, { page, requestId })) return;
    const resend = resendOf(req, error, baseUrl);
    const reloadSeconds = isReloading ? reloadAfter(page.retryAfterSeconds ?? 0) : null;
    const onFailure = (failure: unknown) => onError(failure, req, 500);
    sendErrorPage(res, { page, requestId, returnPath, resend, reloadSeconds, onFailure });
  };
}

type PageOptions = {
  page: ErrorPage;
  requestId: string;
  /** The page that its Undo returns to. */
  returnPath?: string;
  resend?: Resend | null;
  /** After how many seconds the page reloads; null if it doesn't. */
  reloadSeconds?: number | null;
  /** Called if the page cannot be rendered. Its title is sent instead. */
  onFailure?: (failure: unknown) => void;
};

export function sendErrorPage(
  res: Response,
  { page, requestId, returnPath, resend = null, reloadSeconds = null, onFailure }: PageOptions,
): void {
  setHeaders(res, page);
  const shown = { page, drawingName: drawingOf(page), requestId, returnPath, resend, reloadSeconds };
  res.render('errors/page', shown, (failure, html) => {
    if (failure) onFailure?.(failure);
    // Another response has begun since. Sending a second one would throw, and nothing would catch that here.
    if (res.headersSent) return void res.destroy();
    res.type(failure ? 'text' : 'html').send(failure ? `${page.title}\n` : html);
  });
}

function setHeaders(res: Response, { status, retryAfterSeconds }: ErrorPage): void {
  res.status(status).set('Cache-Control', 'no-store');
  if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
}

function reloadAfter(seconds: number): number {
  return seconds + 1 + Math.floor(Math.random() * reloadSpreadSeconds);
}

/**
 * The page to return to: one of ours that can be visited again. Not the callback from Spotify, whose URL contains a spent code: there it is
 * the page that the sign-in started from.
 */
function returnPathOf(req: Request, baseUrl: string): string {
  if (req.returnTo !== undefined) return req.returnTo;
  return req.method === 'GET' ? safeReturnPath(req.originalUrl, baseUrl) : routes.home();
}

type PageContext = {
  baseUrl: string;
  returnPath: string;
  now: number;
  /** Whether the page reloads at the same address when the wait is over. */
  isReloading: boolean;
  /** Whether the request was to change something. */
  isChange: boolean;
};

function pageFor(error: unknown, context: PageContext): ErrorPage {
  if (error instanceof Problem) return withUntil(error.page, context.now);

  const message: ErrorMessage = errorMessages[messageNameOf(error, context)];
  const until = retryAtOf(error, context.now);
  const seconds = until === null ? null : Math.max(1, Math.ceil((until - context.now) / 1000));
  const values = valuesFor(error, context.baseUrl, seconds ?? 0);
  const { happened, quote, next, heading, steps } = message;
  const lost = context.isReloading ? message.lostIfReloading : message.lost;
  const text = [happened, 'description' in values && quote, lost, next].filter(Boolean).join(' ');
  const retryAfterSeconds =
    seconds ?? (isOneOf([RedisUnavailable, ShuttingDown], error) ? retrySoonSeconds : null);

  return {
    status: message === errorMessages.badRequest ? (clientStatus(error) ?? 400) : message.status,
    reason: message.reason,
    title: fill(message.title, values),
    ...(heading !== undefined && { heading: fill(heading, values) }),
    text: fill(text, values),
    ...(steps && { steps: steps.map((step) => fill(step, values)) }),
    actions: buttonsOf(message, error, context, seconds).map((button) => ({
      label: fill(buttons[button], values),
      href: hrefOf(button, error, context),
      // safeguard: countdown-before-retry
      ...(button === 'tryAgain' && until !== null && { isSecondary: true }),
    })),
    ...(retryAfterSeconds !== null && { retryAfterSeconds }),
    ...(until !== null && { until }),
  };
}

/** The page with the time that its Retry-After means, for a countdown. */
function withUntil(page: ErrorPage, now: number): ErrorPage {
  const { retryAfterSeconds } = page;
  if (retryAfterSeconds === undefined || retryAfterSeconds < minCountdownSeconds) return page;
  return { until: now + retryAfterSeconds * 1000, ...page };
}

/** While Spotify refuses calls for more than a minute, trying again can't succeed. */
function buttonsOf(
  { buttons }: ErrorMessage,
  error: unknown,
  { isReloading }: PageContext,
  seconds: number | null,
): readonly Button[] {
  const isLong = error instanceof Cooldown && (seconds ?? 0) > longWaitSeconds;
  // safeguard: no-retry-during-cooldown
  if (!isLong) return buttons;
  const others = buttons.filter((button) => button !== 'tryAgain');
  if (error.family !== null && !others.includes('goHome')) return [...others, 'goHome'];
  return isReloading ? others : ['goBack', ...others];
}

function messageNameOf(error: unknown, { baseUrl, isChange }: PageContext): ErrorMessageName {
  // safeguard: not-accepted-is-400
  if (error instanceof spotify.BadRequest && isChange) return 'notAccepted';
  if (error instanceof Cooldown && error.endpoint !== null) return 'endpointRefused';
  if (error instanceof Cooldown && error.quota && error.family !== null) return 'familyPaused';
  if (error instanceof Cooldown && error.quota) return 'quotaExceeded';
  if (error instanceof web.WrongHost && baseUrl.startsWith('https:')) return 'wrongHostBehindProxy';
  const known = messageNames.find(([type]) => error instanceof type);
  if (known) return known[1];
  const status = clientStatus(error);
  if (status === null) return 'internal';
  return status === 404 ? 'noSuchPage' : 'badRequest';
}

function valuesFor(error: unknown, baseUrl: string, seconds: number): Record<string, string> {
  return {
    baseUrl,
    basePath: basePathOf(baseUrl),
    callback: pathWithin(routes.callback()) ?? '',
    wait: durationInWords(seconds),
    ...(error instanceof Cooldown &&
      error.family !== null && {
        paused: familyLabels[error.family].paused,
        stillWorks: stillWorks([error.family, ...error.paused]),
      }),
    ...(error instanceof web.WrongHost && { host: error.host.slice(0, 100) || 'an address without a name' }),
    ...(error instanceof spotify.ClientRejected && error.description && { description: error.description }),
  };
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text
    .replace(/\{(\w+)\}/g, (placeholder, name) => values[name] ?? placeholder)
    .replace(/ {2,}/g, ' ')
    .trim();
}

function hrefOf(button: Button, error: unknown, { baseUrl, returnPath }: PageContext): string {
  const signIn = routes.signIn({ returnTo: returnPath });
  const hrefs: Record<Button, string> = {
    signIn,
    signInAgain: signIn,
    grantPermission: routes.signIn({ returnTo: returnPath, showDialog: true, allow: missingScopes(error) }),
    tryAgain: returnPath,
    goBack: returnPath,
    goHome: routes.home(),
    showDevices: routes.devices(),
    openSite: new URL(baseUrl).origin + returnPath,
    checkSetup: routes.setupCheck(),
  };
  return hrefs[button];
}

/** When a client that was asked to wait may try again, in milliseconds since 1970; null if waiting doesn't help. */
function retryAtOf(error: unknown, now: number): number | null {
  if (error instanceof Cooldown) return error.until;
  return error instanceof TooManyRequests ? now + error.waitMs : null;
}

/** If Spotify didn't say which are missing, all that any page may need. Those for changes are granted in one step. */
function missingScopes(error: unknown): readonly string[] {
  const missing: readonly string[] = error instanceof spotify.MissingScope ? error.scopes : [];
  if (missing.length === 0) return knownScopes;
  // safeguard: one-permission-step
  const isForChanges = controlScopes.some((scope) => missing.includes(scope));
  return isForChanges ? [...new Set([...missing, ...controlScopes])] : missing;
}

/** The status of a 4xx error that Express or one of its parsers threw for a request it cannot read, else null. */
function clientStatus(error: unknown): number | null {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
