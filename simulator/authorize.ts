import { randomBytes } from 'node:crypto';
import express, { type Response, Router } from 'express';
import type { Grants } from './grants.ts';
import type { Listener } from './listeners.ts';
import { consentPage, refusalPage } from './pages.ts';
import { scopeWords } from './scopes.ts';

/** A checked authorize request. */
type Wish = {
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

/** The page at /authorize, where a listener agrees or not. */
export function createAuthorize({ client, redirectUris, grants, listeners }: Deps) {
  /** Which listener is signed in to the simulator in which browser. */
  const browsers = new Map<string, string>();

  /** Gives the wish, or the words with which Spotify refuses it. */
  const read = (query: URLSearchParams): Wish | string => {
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
    if (scopes.some((scope) => !scopeWords.has(scope))) return 'Illegal scope';
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
  };

  /** Where the browser goes with a listener's yes. */
  const yes = (wish: Wish, listenerId: string): string =>
    back(wish, { code: grants.approve({ ...wish, listenerId }) });

  const pages = Router();

  pages.get('/authorize', (req, res) => {
    const query = new URL(req.url, 'http://localhost').searchParams;
    const wish = read(query);
    if (typeof wish === 'string') return refuse(res, wish);
    const signedIn = browsers.get(cookieOf(req.headers.cookie) ?? '');
    if (signedIn && !wish.showDialog && grants.hasApproved(signedIn, wish.scopes)) {
      return res.redirect(302, yes(wish, signedIn));
    }
    protect(res, wish.redirectUri).send(consentPage({ ...wish, fields: query, chosen: signedIn ?? 'mara' }));
  });

  pages.post(
    '/authorize',
    express.text({ type: 'application/x-www-form-urlencoded', limit: '16kb' }),
    (req, res) => {
      const form = new URLSearchParams(typeof req.body === 'string' ? req.body : '');
      const [decision, listenerId] = [form.get('simulator_decision'), form.get('simulator_listener') ?? ''];
      form.delete('simulator_decision');
      form.delete('simulator_listener');
      const wish = read(form);
      if (typeof wish === 'string') return refuse(res, wish);
      protect(res, wish.redirectUri);
      if (decision === 'cancel') return res.redirect(303, back(wish, { error: 'access_denied' }));
      if (decision !== 'agree' || !listeners.has(listenerId)) return refuse(res, 'Invalid form');

      const browser = cookieOf(req.headers.cookie) ?? randomBytes(16).toString('base64url');
      browsers.set(browser, listenerId);
      res.cookie(cookieName, browser, { httpOnly: true, sameSite: 'lax', path: '/' });
      res.redirect(303, yes(wish, listenerId));
    },
  );

  return {
    pages,
    async agree(authorizeUrl: string, listenerId: string): Promise<string> {
      const url = new URL(authorizeUrl);
      const wish = url.pathname === '/authorize' ? read(url.searchParams) : 'Not an authorize URL';
      if (typeof wish === 'string') throw new Error(wish);
      if (!listeners.has(listenerId)) throw new Error(`No such listener: ${listenerId}`);
      return yes(wish, listenerId);
    },
  };
}

/** HTTPS, a scheme of one's own, or a loopback address as a number; never the name localhost (Spotify: "Redirect URIs"). */
function isSecure({ protocol, hostname }: URL): boolean {
  if (hostname === 'localhost') return false;
  return protocol !== 'http:' || isLoopback(hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]';
}

/** Exact, except that a loopback address registered without a port may be used with any. */
function isRegistered(uri: string, registered: ReadonlySet<string>): boolean {
  if (registered.has(uri)) return true;
  if (!isLoopback(new URL(uri).hostname)) return false;
  return registered.has(uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d+(?=\/|$)/, '$1'));
}

function back(wish: Wish, outcome: Record<string, string>): string {
  const url = new URL(wish.redirectUri);
  for (const [name, value] of Object.entries(outcome)) url.searchParams.set(name, value);
  if (wish.state !== null) url.searchParams.set('state', wish.state);
  return url.href;
}

function refuse(res: Response, words: string) {
  protect(res).status(400).send(refusalPage(words));
}

/** Browsers apply `form-action` to the redirect that answers a form too, so it has to name where the way leads back. */
function protect(res: Response, redirectUri?: string): Response {
  const target = redirectUri === undefined ? null : new URL(redirectUri);
  // A source list cannot name an IPv6 address or a scheme without host; there the scheme alone has to do.
  const nameable = target && /^https?:$/.test(target.protocol) && !target.hostname.startsWith('[');
  const formTarget = target ? (nameable ? target.origin : target.protocol) : '';
  return res.set({
    'content-security-policy': `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' ${formTarget}; base-uri 'none'; frame-ancestors 'none'`,
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
