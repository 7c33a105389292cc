import { reasonIn, refusalFor } from './refusals.ts';
import { type CheckResult, failed, note, ok } from './result.ts';

type Deps = { baseUrl: string; redirectUri: string; clientId: string; accountsUrl: string };

const name = 'Public address';
const timeoutMs = 5_000;

/** Checks that BASE_URL leads to this site, through any proxy, and that its sign-in leads to Spotify. */
export async function checkSite({ baseUrl, redirectUri, clientId, accountsUrl }: Deps): Promise<CheckResult> {
  const response = await fetch(`${baseUrl}/login`, {
    redirect: 'manual',
    headers: { Accept: 'application/json' },
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: Error) => error);
  if (response instanceof Error) return unreachable(baseUrl, response);

  const url = response.headers.get('Location') ?? '';
  const location = URL.canParse(url) ? new URL(url) : null;
  if (!location?.href.startsWith(`${accountsUrl}/authorize?`)) return diagnoseSignIn(baseUrl, response);
  const { redirect_uri, client_id } = Object.fromEntries(location.searchParams);
  if (redirect_uri !== redirectUri || client_id !== clientId) {
    return failed(
      name,
      `the running server has different settings: its redirect URI is ${redirect_uri}`,
      'Restart it with these settings, or run this check with the server’s.',
    );
  }
  return response.headers.getSetCookie().length > 0
    ? ok(name, `${baseUrl} leads to the sign-in and sets its cookie`)
    : failed(name, `${baseUrl} sets no cookie`, 'Have the proxy pass on Set-Cookie.');
}

function unreachable(baseUrl: string, error: Error): CheckResult {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED')
    return note(
      name,
      `nothing answers at ${baseUrl}`,
      'To include this in the check, start Turntable first.',
    );
  return failed(
    name,
    `${baseUrl} can’t be reached${code ? ` (${code})` : ''}`,
    'Check BASE_URL, its DNS entry, and its certificate.',
  );
}

/** Works out from the response why there is no sign-in. */
async function diagnoseSignIn(baseUrl: string, response: Response): Promise<CheckResult> {
  // A response that is cut off is judged by its status.
  const text = await response.text().catch(() => '');
  const refusal = refusalFor(reasonIn(text));
  if (refusal?.reason === 'redis-unavailable')
    return note(name, `Turntable answers at ${baseUrl}, but its Redis doesn’t`, 'Fix Redis first.');
  if (refusal?.reason === 'wrong-host') {
    return failed(
      name,
      `Turntable answers at ${baseUrl}, but has a different BASE_URL`,
      'Restart it with these settings. If it already has them, have the proxy pass on Host or X-Forwarded-Host.',
    );
  }
  if (refusal) return failed(name, `Turntable answers at ${baseUrl}, but ${refusal.detail}`, refusal.fix);
  return failed(
    name,
    `the server at ${baseUrl} isn’t Turntable (status ${response.status})`,
    'Check BASE_URL, and where the proxy forwards it.',
  );
}
