import type { RequestHandler } from 'express';
import { type ErrorPage, Problem } from './error-pages.ts';
import { ownPath } from './return-path.ts';

/** Names of this machine for itself. */
const thisMachine = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const localhost = /^localhost(:\d+)?$/i;

/**
 * Lets people in at BASE_URL only: Spotify sends them back there after a sign-in, and another address is another site to a browser, where
 * the cookies of this one do not count. Whoever comes as `localhost` is sent on to the same page; every other address gets a page (421)
 * that says where this site is and what to set. Host is used for nothing else.
 *
 * What counts is the Host that the browser used: that of the request, or the X-Forwarded-Host of a proxy that TRUST_PROXY covers. Most
 * proxies pass one of them on. nginx does neither unless told to, and asks for 127.0.0.1: behind https that is let in, because the browser
 * may well be where it should.
 */
export function canonicalHost({ baseUrl }: { baseUrl: string }): RequestHandler {
  const { protocol, host: expected } = new URL(baseUrl);
  const isBehindProxy = protocol === 'https:';

  return (req, res, next) => {
    // safeguard: trusted-proxy-host-only
    const asked = req.host ?? '';
    if (hostOf(`${protocol}//${asked}`) === expected) return next();
    // safeguard: allow-loopback-behind-proxy
    if (isBehindProxy && thisMachine.test(asked)) return next();
    // safeguard: wrong-host-page
    if (isBehindProxy || !localhost.test(asked)) {
      // It would search at the wrong address.
      res.locals.searchable = false;
      throw new Problem(wrongHost(asked, baseUrl, req.originalUrl));
    }

    // 307 and no-store: browsers keep a permanent redirect, and localhost:3000 belongs to every project of a developer.
    res.set('Cache-Control', 'no-store');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.status(421).type('text').send(`This server is at ${baseUrl}: send the request there.\n`);
      return;
    }
    const path = req.originalUrl.startsWith('/') ? req.originalUrl : '/';
    res.redirect(307, `${baseUrl}${path}`);
  };
}

/** As URLs have it: in lower case, without the usual port. Empty if it is none. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

function wrongHost(asked: string, baseUrl: string, path: string): ErrorPage {
  const host = asked.slice(0, 100) || 'an address without a name';
  const steps = baseUrl.startsWith('https:')
    ? [
        `If your browser shows ${baseUrl} already, the proxy in front does not pass that on. Have it send Host or X-Forwarded-Host (nginx: proxy_set_header Host $host;).`,
        `If ${host} is where this site should be, set BASE_URL to it, add the same with /callback as a redirect URI in Spotify’s dashboard, and restart Turntable.`,
      ]
    : [
        `On the computer that runs Turntable, open ${baseUrl}.`,
        `For other devices, a tunnel or a network address, Spotify wants https. Put a proxy or a tunnel with https in front, set BASE_URL to its address (https://…) and TRUST_PROXY=1, add the same address with /callback as a redirect URI in Spotify’s dashboard, and restart Turntable.`,
        'For another port on this computer, set PORT or BASE_URL, and change the redirect URI in Spotify’s dashboard to match.',
      ];
  return {
    status: 421,
    reason: 'wrong-host',
    title: `This site is at ${baseUrl}`,
    text: `You came to ${host}. Signing in can’t work there, because Spotify sends everyone back to ${baseUrl}.`,
    steps,
    actions: [{ label: `Open ${baseUrl}`, href: baseUrl + ownPath(path, baseUrl) }],
  };
}
