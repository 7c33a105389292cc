import type { RequestHandler } from 'express';
import { routes } from '../routes.ts';
import { WrongHost } from './errors.ts';

/** The names of this machine for itself. */
const thisMachine = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const localhost = /^localhost(:\d+)?$/i;

/**
 * Serves pages at BASE_URL only, because Spotify redirects there after a sign-in, and because browsers treat another address as another
 * site with other cookies. `localhost` is redirected to the same page at BASE_URL; any other address gets a page (421) that says where this
 * site is and what to set. The host is used for nothing else.
 *
 * It is the host that the browser used: the Host of the request, or the X-Forwarded-Host of a proxy that TRUST_PROXY covers. Most proxies
 * pass one of them on. nginx does neither unless configured to, and requests 127.0.0.1. Behind https that is accepted, because the browser
 * may well be at the right address.
 */
export function canonicalHost({ baseUrl }: { baseUrl: string }): RequestHandler {
  const { origin, protocol, host: expected } = new URL(baseUrl);
  const isBehindProxy = protocol === 'https:';

  return (req, res, next) => {
    // safeguard: trusted-proxy-host-only
    const host = req.host ?? '';
    // As most browsers send it, it needs no parsing.
    if (host === expected || hostOf(`${protocol}//${host}`) === expected) return next();
    // safeguard: allow-loopback-behind-proxy
    if (isBehindProxy && thisMachine.test(host)) return next();
    // safeguard: wrong-host-page
    if (isBehindProxy || !localhost.test(host)) {
      // Its search field would lead to the wrong address.
      res.locals.hasSearch = false;
      throw new WrongHost(host);
    }

    // 307 and no-store, because browsers cache permanent redirects, and a developer uses localhost:3000 for many projects.
    res.set('Cache-Control', 'no-store');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.status(421).type('text').send(`This server is at ${baseUrl}: send the request there.\n`);
      return;
    }
    const path = req.originalUrl.startsWith('/') ? req.originalUrl : routes.home();
    res.redirect(307, origin + path);
  };
}

/** The host as the WHATWG URL parser writes it: in lower case, without the default port. Empty if the URL is invalid. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? '';
}
