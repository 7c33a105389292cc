import { randomBytes } from 'node:crypto';
import express, { type Response, Router } from 'express';
import type { Grants } from './grants.ts';
import type { Listener } from './listeners.ts';
import { consentPage, errorPage } from './pages.ts';
import { scopeDescriptions } from './scopes.ts';

type AuthorizeRequest = {
  redirectUri: string;
  state: string | null;
  scopes: string[];
  challenge: string | null;
  showDialog: boolean;
};

type Deps = {
  client: { id: string };
  redirectUris: Set<string>;
  grants: Grants;
  listeners: ReadonlyMap<string, Listener>;
};

const cookieName = 'simulator_browser';

/** The page at /authorize, where a listener agrees or cancels. */
export function createAuthorize({ client, redirectUris, grants, listeners }: Deps) {
  /** The listener who is signed in to the simulator, by browser. */
  const browsers = new Map<string, string>();

  /** Returns the request, or Spotify's error message if it isn't valid. */
  const parseRequest = (query: URLSearchParams) => parseAuthorizeRequest(query, { client, redirectUris });

  const approvedUrl = (request: AuthorizeRequest, listenerId: string): string =>
    redirectUrl(request, { code: grants.approve({ ...request, listenerId }) });

  const pages = Router();

  pages.get('/authorize', (req, res) => {
    const query = new URL(req.url, 'http://localhost').searchParams;
    const request = parseRequest(query);
    if (typeof request === 'string') return sendError(res, request);
    const listenerId = browsers.get(cookieOf(req.headers.cookie) ?? '');
    if (listenerId && !request.showDialog && grants.hasApproved(listenerId, request.scopes)) {
      return res.redirect(302, approvedUrl(request, listenerId));
    }
    setHeaders(res, request.redirectUri).send(
      consentPage({ ...request, fields: query, selected: listenerId ?? 'mara' }),
    );
  });

  pages.post(
    '/authorize',
    express.text({ type: 'application/x-www-form-urlencoded', limit: '16kb' }),
    (req, res) => {
      const form = new URLSearchParams(typeof req.body === 'string' ? req.body : '');
      const [decision, listenerId] = [form.get('simulator_decision'), form.get('simulator_listener') ?? ''];
      form.delete('simulator_decision');
      form.delete('simulator_listener');
      const request = parseRequest(form);
      if (typeof request === 'string') return sendError(res, request);
      setHeaders(res, request.redirectUri);
      if (decision === 'cancel') return res.redirect(303, redirectUrl(request, { error: 'access_denied' }));
      if (decision !== 'agree' || !listeners.has(listenerId)) return sendError(res, 'Invalid form');

      const browser = cookieOf(req.headers.cookie) ?? randomBytes(16).toString('base64url');
      browsers.set(browser, listenerId);
      res.cookie(cookieName, browser, { httpOnly: true, sameSite: 'lax', path: '/' });
      res.redirect(303, approvedUrl(request, listenerId));
    },
  );

  return {
    pages,
    async agree(authorizeUrl: string, listenerId: string): Promise<string> {
      const url = new URL(authorizeUrl);
      const request = url.pathname === '/authorize' ? parseRequest(url.searchParams) : 'Not an authorize URL';
      if (typeof request === 'string') throw new Error(request);
      if (!listeners.has(listenerId)) throw new Error(`No such listener: ${listenerId}`);
      return approvedUrl(request, listenerId);
    },
  };
}

function parseAuthorizeRequest(
  query: URLSearchParams,
  { client, redirectUris }: Pick<Deps, 'client' | 'redirectUris'>,
): AuthorizeRequest | string {
  for (const name of query.keys()) {
    if (query.getAll(name).length > 1) return `Duplicate parameter: ${name}`;
  }
  if (query.get('client_id') !== client.id) return 'INVALID_CLIENT: Failed to get client';
  const redirectUri = query.get('redirect_uri');
  if (!redirectUri || !URL.canParse(redirectUri)) return 'INVALID_CLIENT: Invalid redirect URI';
  if (!isSecure(new URL(redirectUri))) return 'INVALID_CLIENT: Insecure redirect URI';
  if (!isRegistered(redirectUri, redirectUris)) return 'INVALID_CLIENT: Invalid redirect URI';
  if (query.get('response_type') !== 'code') return 'response_type must be code';
  const scopes = (query.get('scope') ?? '').split(' ').filter(Boolean);
  if (scopes.some((scope) => !scopeDescriptions.has(scope))) return 'Illegal scope';
  const challenge = query.get('code_challenge');
  const method = query.get('code_challenge_method');
  if ((challenge !== null || method !== null) && method !== 'S256')
    return 'code_challenge_method must be S256';
  if (method !== null && !/^[A-Za-z0-9_-]{43}$/.test(challenge ?? ''))
    return 'code_challenge must be base64url without padding';
  return {
    redirectUri,
    state: query.get('state'),
    scopes,
    challenge,
    showDialog: query.get('show_dialog') === 'true',
  };
}

/** HTTPS, a custom scheme, or a loopback IP address; never the name localhost (Spotify: "Redirect URIs"). */
function isSecure({ protocol, hostname }: URL): boolean {
  if (hostname === 'localhost') return false;
  return protocol !== 'http:' || isLoopback(hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]';
}

/** An exact match, except that a loopback address registered without a port allows any port. */
function isRegistered(uri: string, registered: ReadonlySet<string>): boolean {
  if (registered.has(uri)) return true;
  if (!isLoopback(new URL(uri).hostname)) return false;
  return registered.has(uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d+(?=\/|$)/, '$1'));
}

function redirectUrl({ redirectUri, state }: AuthorizeRequest, params: Record<string, string>): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  if (state !== null) url.searchParams.set('state', state);
  return url.href;
}

function sendError(res: Response, message: string) {
  setHeaders(res).status(400).send(errorPage(message));
}

/** Browsers also apply `form-action` to the redirect after a form, so the policy names the redirect URI's origin. */
function setHeaders(res: Response, redirectUri?: string): Response {
  const target = redirectUri === undefined ? null : new URL(redirectUri);
  // A source list can't contain an IPv6 address or a scheme without a host; then the scheme alone has to do.
  const hasOrigin = target && /^https?:$/.test(target.protocol) && !target.hostname.startsWith('[');
  const formTarget = target ? (hasOrigin ? target.origin : target.protocol) : '';
  return res.set({
    'content-security-policy': `default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self' ${formTarget}; base-uri 'none'; frame-ancestors 'none'`,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
}

function cookieOf(header: string | undefined): string | undefined {
  return header
    ?.split('; ')
    .find((pair) => pair.startsWith(`${cookieName}=`))
    ?.slice(cookieName.length + 1);
}
