import { basePathOf } from '../routes.ts';
import { version } from '../settings/version.ts';
import { reasonIn, refusalFor } from './refusals.ts';
import { type CheckResult, failed, note, ok } from './result.ts';

/** For each request. */
const usualTimeoutMs = 5_000;
const spotify = 'https://accounts.spotify.com';

const names = {
  site: 'Site',
  readiness: 'Readiness',
  https: 'HTTPS',
  signIn: 'Sign-in',
  cookies: 'Cookies',
  headers: 'Security headers',
  stream: 'Live updates',
};

/** The attributes that every cookie needs, as a pattern of its header. */
const cookieAttributes: [string, RegExp][] = [
  ['HttpOnly', /; *httponly/i],
  ['SameSite=Lax', /; *samesite=lax/i],
];

/** The headers that every page needs, and a part of their values. */
const pageHeaders: [string, RegExp][] = [
  ['Content-Security-Policy', /default-src 'none'(?!.*unsafe-inline)/],
  ['X-Content-Type-Options', /^nosniff$/],
  ['X-Frame-Options', /^DENY$/i],
  ['Referrer-Policy', /^same-origin$/],
];
const securePageHeaders: [string, RegExp][] = [['Strict-Transport-Security', /max-age=[1-9]/]];

/**
 * Returns the BASE_URL of the site in an option such as `https://music.example.org` or `https://example.org/music/`; null if it isn't the address of
 * a site, which has no user, query, or fragment.
 */
export function parseSiteUrl(text: string): string | null {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  const site = url.origin + basePathOf(text);
  return [site, `${site}/`].includes(url.href) ? site : null;
}

/**
 * Checks a running site from outside, without its settings and without signing in. It makes four requests, to this address only, which take at most
 * ten seconds together.
 */
export async function checkRunningSite(baseUrl: string, timeoutMs = usualTimeoutMs): Promise<CheckResult[]> {
  const ask = (path: string) => request(baseUrl + path, timeoutMs);
  const health = await ask('/healthz');
  if (health instanceof Error) return [unreachable(baseUrl, health, timeoutMs)];
  const site = checkHealth(baseUrl, health);
  if (site.status === 'failed') return [site];
  const [readiness, signIn, page] = await Promise.all([ask('/readyz'), ask('/login'), ask('/privacy')]);
  return [
    site,
    checkVersion(health),
    checkHttps(baseUrl),
    readiness instanceof Error ? noAnswer(names.readiness) : checkReadiness(readiness),
    ...(signIn instanceof Error ? [noAnswer(names.signIn)] : checkSignIn(baseUrl, signIn)),
    page instanceof Error ? noAnswer(names.headers) : checkHeaders(baseUrl, page),
    note(
      names.stream,
      'not checked, because only someone who is signed in gets them. If a proxy holds them back, pages ask for them instead',
    ),
  ];
}

type Answer = { status: number; headers: Headers; text: string };

/** Returns the answer, whatever its status, without following redirects; the error if there was none in time. */
async function request(url: string, timeoutMs: number): Promise<Answer | Error> {
  try {
    const response = await fetch(url, {
      // safeguard: doctor-stays-at-the-address
      redirect: 'manual',
      headers: { Accept: 'application/json, text/plain' },
      // safeguard: doctor-deadline
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    return error instanceof Error ? error : new Error('no answer');
  }
}

function unreachable(baseUrl: string, error: Error, timeoutMs: number): CheckResult {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  const why = code ?? (error.name === 'TimeoutError' ? `no answer within ${timeoutMs / 1000} seconds` : null);
  return failed(
    names.site,
    `${baseUrl} can’t be reached${why ? ` (${why})` : ''}`,
    'Check that Turntable and the proxy in front of it are running, and the address, its DNS entry and its certificate.',
  );
}

function noAnswer(name: string): CheckResult {
  return failed(name, 'no answer', 'Look at the logs of Turntable and of the proxy in front of it.');
}

function versionIn({ text }: Answer): string | undefined {
  return /^alive (\d[\w.+-]{0,30})\s*$/.exec(text)?.[1];
}

function checkHealth(baseUrl: string, answer: Answer): CheckResult {
  if (answer.status === 200 && /^alive\b/.test(answer.text))
    return ok(names.site, `Turntable answers at ${baseUrl}`);
  return failed(
    names.site,
    `what answers at ${baseUrl} isn’t Turntable (status ${answer.status})`,
    'Check the address, and where the proxy forwards it.',
  );
}

function checkVersion(answer: Answer): CheckResult {
  const running = versionIn(answer);
  if (running === version) return ok('Version', running);
  return note(
    'Version',
    `${running ? `it is ${running}` : 'it doesn’t say which, so it’s older'}; this doctor is of ${version}`,
  );
}

function checkHttps(baseUrl: string): CheckResult {
  const { protocol, hostname } = new URL(baseUrl);
  if (protocol === 'https:') return ok(names.https, 'the certificate is valid');
  if (['127.0.0.1', '[::1]'].includes(hostname))
    return ok(names.https, 'not needed: only this machine can reach the address');
  return failed(
    names.https,
    'the address begins with http, so anyone on the way can read the cookies that sign people in',
    'Put a proxy with https in front, and set BASE_URL and TRUST_PROXY.',
  );
}

function checkReadiness({ status, text }: Answer): CheckResult {
  if (status === 200) return ok(names.readiness, 'it can serve pages');
  const why = printable(text).replace(/^not ready: /, '');
  return failed(
    names.readiness,
    `it can’t serve pages now (status ${status})${/^not ready: /.test(text) ? `: ${why}` : ''}`,
    'Run npm run doctor on the server, which says how to fix it.',
  );
}

/** Checks where the sign-in leads, and the cookie that it sets. */
function checkSignIn(baseUrl: string, answer: Answer): CheckResult[] {
  const location = URL.parse(answer.headers.get('Location') ?? '');
  const redirectUri = location?.searchParams.get('redirect_uri');
  if (!location?.pathname.endsWith('/authorize') || redirectUri == null) return [refusedSignIn(answer)];
  const expected = `${baseUrl}/callback`;
  if (redirectUri !== expected)
    return [
      failed(
        names.signIn,
        `Spotify would lead back to ${printable(redirectUri)}, not to ${expected}`,
        `Set BASE_URL=${baseUrl}, and restart.`,
      ),
    ];
  return [
    location.origin === spotify
      ? ok(names.signIn, `leads to Spotify, and back to ${expected}`)
      : note(names.signIn, `leads back to ${expected}, but to ${location.origin} in place of Spotify`),
    checkCookies(baseUrl, answer.headers.getSetCookie()),
  ];
}

function refusedSignIn({ status, text }: Answer): CheckResult {
  const reason = reasonIn(text);
  const refusal = refusalFor(reason);
  if (refusal) return failed(names.signIn, refusal.detail, refusal.fix);
  return failed(
    names.signIn,
    `it doesn’t lead to Spotify (status ${status}${reason && `, ${reason}`})`,
    'Open the address in a browser: the page says why.',
  );
}

function checkCookies(baseUrl: string, cookies: readonly string[]): CheckResult {
  if (cookies.length === 0)
    return failed(names.cookies, 'the sign-in sets none', 'Have the proxy pass on Set-Cookie.');
  const needed = [...cookieAttributes, ...attributesAt(baseUrl)];
  const missing = needed.filter(([, pattern]) => !cookies.every((cookie) => pattern.test(cookie)));
  // safeguard: doctor-checks-cookies
  if (missing.length === 0) return ok(names.cookies, `${namesOf(needed)}, as they should be`);
  return failed(
    names.cookies,
    `the cookie of the sign-in lacks ${namesOf(missing)}`,
    'Have the proxy pass on Set-Cookie unchanged, and set BASE_URL to this address.',
  );
}

/** The attributes that depend on the address. Browsers take the prefix `__Host-` only with the path `/`. */
function attributesAt(baseUrl: string): [string, RegExp][] {
  const path = basePathOf(baseUrl) || '/';
  const prefix = path === '/' ? '__Host-' : '__Secure-';
  return [
    [`Path=${path}`, new RegExp(`; *path=${RegExp.escape(path)} *(;|$)`, 'i')],
    ...(isHttps(baseUrl)
      ? ([
          ['Secure', /; *secure/i],
          [`the prefix ${prefix}`, new RegExp(`^${prefix}`)],
        ] satisfies [string, RegExp][])
      : []),
  ];
}

function checkHeaders(baseUrl: string, { headers }: Answer): CheckResult {
  const needed = [...pageHeaders, ...(isHttps(baseUrl) ? securePageHeaders : [])];
  const missing = needed.filter(([name, pattern]) => !pattern.test(headers.get(name) ?? ''));
  // safeguard: doctor-checks-headers
  if (missing.length === 0) return ok(names.headers, 'all there');
  return failed(
    names.headers,
    `missing or changed: ${namesOf(missing)}`,
    'Have the proxy pass them on unchanged, and set BASE_URL to this address.',
  );
}

function isHttps(baseUrl: string): boolean {
  return baseUrl.startsWith('https:');
}

function namesOf(all: readonly (readonly [string, RegExp])[]): string {
  return all.map(([name]) => name).join(', ');
}

/** Text from another server, without the characters that could control a terminal. */
function printable(text: string): string {
  // safeguard: doctor-prints-plain-text
  return text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .slice(0, 200)
    .trim();
}
