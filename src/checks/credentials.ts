import { timing } from '../access/timing.ts';
import type { SpotifyApp } from '../config.ts';
import { createAccounts } from '../spotify/accounts.ts';
import { ClientRejected, RateLimited, SpotifyUnavailable } from '../spotify/errors.ts';
import { createHttp } from '../spotify/http.ts';
import { namesRedirectUri } from './spotify.ts';

/** Why credentials can't be used: what Spotify says about them, or that it doesn't say anything. */
export type CredentialProblem = 'rejected' | 'unknown-redirect-uri' | 'rate-limited' | 'unavailable';

/**
 * Tries credentials at Spotify's accounts service, which costs none of the app's quota. Returns the problem, or null if Spotify accepts them
 * and reports none with the redirect URI.
 */
export async function tryCredentials(
  { accountsUrl, clientId, clientSecret }: SpotifyApp,
  redirectUri: string,
): Promise<CredentialProblem | null> {
  const http = createHttp({ baseUrl: accountsUrl, deadlineMs: timing.accountsDeadlineMs });
  const accounts = createAccounts({ http, accountsUrl, clientId, clientSecret, redirectUri });
  try {
    await accounts.appToken();
  } catch (error) {
    if (error instanceof ClientRejected) return 'rejected';
    if (error instanceof RateLimited) return 'rate-limited';
    if (error instanceof SpotifyUnavailable) return 'unavailable';
    throw error;
  }
  // If Spotify doesn't show its sign-in page now, that is no reason to refuse credentials it has just accepted.
  const problem = await accounts.authorizeProblem().catch(() => null);
  // safeguard: try-redirect-uri
  return problem !== null && namesRedirectUri(problem) ? 'unknown-redirect-uri' : null;
}
