import type { Request } from 'express';
import { bad, type CheckResult, good, open } from '../../checks/result.ts';

type Deps = {
  baseUrl: string;
  redirectUri: string;
  trustProxy: boolean | number | string;
  /** Whether the cookie that was set came back. */
  cookieCameBack: boolean;
};

/** What the visit itself tells: the address it came to, the headers of a proxy, and whether cookies come back. */
export function visitFindings(
  req: Request,
  { baseUrl, redirectUri, trustProxy, cookieCameBack }: Deps,
): CheckResult[] {
  return [addressFinding(req, baseUrl, redirectUri), proxyFinding(req, baseUrl, trustProxy), cookieFinding()];

  function cookieFinding(): CheckResult {
    const what = 'Cookies';
    return cookieCameBack
      ? good(what, 'one was set, and came back')
      : bad(
          what,
          'one was set, but did not come back',
          'Allow this site its cookies, come over the address that is set, and let the proxy in front pass cookies on.',
        );
  }
}

function addressFinding(req: Request, baseUrl: string, redirectUri: string): CheckResult {
  const what = 'The address you came to';
  const came = `${req.protocol}://${req.get('Host') ?? ''}`;
  if (came === baseUrl) return good(what, `${came}, and Spotify sends people back to ${redirectUri}`);
  return bad(
    what,
    `${came}, but Spotify sends people back to ${redirectUri}: another address to a browser, where its cookies do not count`,
    `Come to ${baseUrl}, or set BASE_URL to the address that people type and add its /callback in Spotify's dashboard.`,
  );
}

function proxyFinding(req: Request, baseUrl: string, trustProxy: Deps['trustProxy']): CheckResult {
  const what = 'Proxy';
  const proto = req.get('X-Forwarded-Proto');
  const isThere = proto !== undefined || req.get('X-Forwarded-For') !== undefined;
  const trusted = trustProxy === false ? 'TRUST_PROXY is not set' : `TRUST_PROXY is ${trustProxy}`;
  if (baseUrl.startsWith('https:')) {
    const says = proto === undefined ? 'no X-Forwarded-Proto came' : `X-Forwarded-Proto says ${short(proto)}`;
    return req.secure
      ? good(what, `${says}, and is believed: ${trusted}`)
      : bad(
          what,
          `BASE_URL is https, but ${says}; ${trusted}`,
          'Have the proxy send "X-Forwarded-Proto: https", and set TRUST_PROXY to the number of proxies, or to their addresses.',
        );
  }
  if (!isThere) return good(what, 'none is in front, and none is expected');
  return open(
    what,
    'the headers of one came, but BASE_URL is http',
    'If people come over https, set BASE_URL to that address, and TRUST_PROXY.',
  );
}

function short(header: string): string {
  return header.slice(0, 40);
}
