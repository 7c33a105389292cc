import { bad, type CheckResult, good, open } from './result.ts';

type Deps = { baseUrl: string; redirectUri: string; clientId: string; accountsUrl: string };

const what = 'This site, from outside';
const lockWaitMs = 5_000;

/** Whether the address that people type leads to this site, over whatever proxy stands in front, and on to Spotify from there. */
export async function siteFinding({
  baseUrl,
  redirectUri,
  clientId,
  accountsUrl,
}: Deps): Promise<CheckResult> {
  const asked = await fetch(`${baseUrl}/login`, {
    redirect: 'manual',
    headers: { Accept: 'application/json' },
    signal: AbortSignal.timeout(lockWaitMs),
  }).catch((error: Error) => error);
  if (asked instanceof Error) {
    const { code } = (asked.cause ?? {}) as NodeJS.ErrnoException;
    const because = code ? ` (${code})` : '';
    return code === 'ECONNREFUSED'
      ? open(
          what,
          `nothing answers at ${baseUrl}`,
          'Start Turntable, and ask again, to have this checked too.',
        )
      : bad(
          what,
          `${baseUrl} cannot be reached${because}`,
          'Look at BASE_URL, its name and its certificate.',
        );
  }

  // An answer that is cut off is judged by its head.
  const text = await asked.text().catch(() => '');
  const goesTo = asked.headers.get('Location') ?? '';
  const location = URL.canParse(goesTo) ? new URL(goesTo) : null;
  if (location?.href.startsWith(`${accountsUrl}/authorize?`)) {
    const { redirect_uri, client_id } = Object.fromEntries(location.searchParams);
    if (redirect_uri !== redirectUri || client_id !== clientId) {
      return bad(
        what,
        `what runs there uses other settings: its redirect URI is ${redirect_uri}`,
        'Start it again with these settings, or ask with its own.',
      );
    }
    return asked.headers.getSetCookie().length > 0
      ? good(what, `${baseUrl} leads to the sign-in, and sets its cookie`)
      : bad(what, `${baseUrl} sets no cookie`, 'Let the proxy in front pass Set-Cookie on.');
  }
  if (/"reason":"silent-proxy"/.test(text)) {
    return bad(
      what,
      'the proxy in front does not say that it speaks https, or is not believed',
      'Have it send "X-Forwarded-Proto: https", and set TRUST_PROXY so that it is believed.',
    );
  }
  if (/"reason":"wrong-host"/.test(text)) {
    return bad(
      what,
      `Turntable answers at ${baseUrl}, but takes that for another address than its own`,
      'Start it again with these settings. If it has them, let the proxy in front pass on Host or X-Forwarded-Host.',
    );
  }
  if (/"reason":"sessions-unavailable"/.test(text))
    return open(what, `Turntable is at ${baseUrl}, but has no Redis`, 'See to Redis first.');
  return bad(
    what,
    `what answers at ${baseUrl} is not Turntable (status ${asked.status})`,
    'Look at BASE_URL, and at where the proxy in front sends it.',
  );
}
