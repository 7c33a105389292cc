import type { Request } from 'express';
import { type CheckResult, failed, note, ok } from '../../checks/result.ts';
import { basePathOf } from '../../routes.ts';

type Deps = {
  baseUrl: string;
  redirectUri: string;
  trustProxy: boolean | number | string;
  /** Whether the browser sent back the cookie that was set. */
  cookieCameBack: boolean;
};

/** Returns results for what only a visit can show: the address in the browser, the headers of a proxy, and whether cookies come back. */
export function checkVisit(
  req: Request,
  { baseUrl, redirectUri, trustProxy, cookieCameBack }: Deps,
): CheckResult[] {
  return [checkAddress(req, baseUrl, redirectUri), checkProxy(req, baseUrl, trustProxy), checkCookies()];

  function checkCookies(): CheckResult {
    const name = 'Cookies';
    return cookieCameBack
      ? ok(name, 'one was set, and the browser sent it back')
      : failed(
          name,
          'one was set, but the browser didn’t send it back',
          'Allow cookies for this site, open it at its BASE_URL, and make sure the proxy passes cookies on.',
        );
  }
}

function checkAddress(req: Request, baseUrl: string, redirectUri: string): CheckResult {
  const name = 'Address in your browser';
  const visitedUrl = `${req.protocol}://${req.get('Host') ?? ''}${basePathOf(baseUrl)}`;
  if (visitedUrl === baseUrl)
    return ok(name, `${visitedUrl}, and Spotify sends people back to ${redirectUri}`);
  return failed(
    name,
    `${visitedUrl}, but Spotify sends people back to ${redirectUri}. To a browser, these are two sites that don’t share cookies`,
    `Open ${baseUrl}, or set BASE_URL to the address people use, and add that address followed by ${redirectUri.slice(baseUrl.length)} as a redirect URI in Spotify’s dashboard.`,
  );
}

function checkProxy(req: Request, baseUrl: string, trustProxy: Deps['trustProxy']): CheckResult {
  const name = 'Proxy';
  const proto = req.get('X-Forwarded-Proto');
  const hasProxyHeaders = proto !== undefined || req.get('X-Forwarded-For') !== undefined;
  const trusted = trustProxy === false ? 'TRUST_PROXY is not set' : `TRUST_PROXY is ${trustProxy}`;
  if (baseUrl.startsWith('https:')) {
    const headerText =
      proto === undefined ? 'there is no X-Forwarded-Proto' : `X-Forwarded-Proto says ${shorten(proto)}`;
    return req.secure
      ? ok(name, `${headerText} and is trusted: ${trusted}`)
      : failed(
          name,
          `BASE_URL is https, but ${headerText}; ${trusted}`,
          'Have the proxy send "X-Forwarded-Proto: https", and set TRUST_PROXY to the number of proxies or their addresses.',
        );
  }
  if (!hasProxyHeaders) return ok(name, 'none, as configured');
  return note(
    name,
    'the request has proxy headers, but BASE_URL is http',
    'If people use https, set BASE_URL to that address, and set TRUST_PROXY.',
  );
}

function shorten(header: string): string {
  return header.slice(0, 40);
}
