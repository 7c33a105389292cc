import { appCalls } from '../access/app-api.ts';
import { Cooldown } from '../access/errors.ts';
import type { QuotaGate } from '../access/quota-gate.ts';
import { targetOf } from '../access/spotify-call.ts';
import { RedisUnavailable } from '../redis/errors.ts';
import type { Accounts } from '../spotify/accounts.ts';
import {
  ClientRejected,
  NotInvited,
  OwnerNeedsPremium,
  RateLimited,
  SpotifyUnavailable,
} from '../spotify/errors.ts';
import type { WebApi } from '../spotify/web-api.ts';
import { checkClock } from './clock.ts';
import { type CheckResult, failed, note, ok } from './result.ts';

type Deps = {
  accounts: Accounts;
  webApi: WebApi;
  quotaGate: QuotaGate;
  market: string;
  redirectUri: string;
  /** The time in the last response of the accounts service, and ours at that moment, in milliseconds since 1970. */
  spotifyTime: () => { theirs: number; ours: number } | null;
};

const credentials = 'Client ID and secret';
const redirect = 'Redirect URI';
const webApiName = 'Spotify Web API';

/** Returns the result if there are no credentials to check. */
export function missingCredentials(missing: readonly string[]): CheckResult {
  return failed(
    credentials,
    `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set`,
    'Start Turntable (npm start) and open it: the first page explains every step.',
  );
}

/** Checks the app at Spotify: its credentials, its redirect URI and its owner's Premium. Uses one call of the app's quota. */
export async function checkSpotify(deps: Deps): Promise<CheckResult[]> {
  const [app, redirectUri] = await Promise.all([checkApp(deps), checkRedirectUri(deps)]);
  const time = deps.spotifyTime();
  return [...app, redirectUri, ...(time ? [checkClock('Spotify', time.theirs, time.ours)] : [])];
}

async function checkApp({ accounts, webApi, quotaGate, market }: Deps): Promise<CheckResult[]> {
  let token: string;
  try {
    token = (await accounts.appToken()).accessToken;
  } catch (error) {
    return [credentialsProblem(error)];
  }
  const accepted = ok(credentials, 'Spotify accepts them');
  const search = () => webApi.search(token, 'a', { types: ['artist'], page: 1, market });
  try {
    // Through the quota gate, because a cooldown applies to checks as well.
    await quotaGate.run(targetOf(appCalls.search), search).catch((error: unknown) => {
      if (!(error instanceof RedisUnavailable)) throw error;
      return search();
    });
    return [accepted, ok(webApiName, 'a search succeeded, so the owner of the app has Premium')];
  } catch (error) {
    return [accepted, searchProblem(error)];
  }
}

function credentialsProblem(error: unknown): CheckResult {
  if (error instanceof ClientRejected) {
    const description = error.description ? `: “${error.description}”` : '';
    return failed(
      credentials,
      `Spotify rejects them${description}`,
      'Copy “Client ID” and “Client secret” again from your app’s settings at https://developer.spotify.com/dashboard into .env, complete and without quotes, then restart Turntable.',
    );
  }
  if (error instanceof RateLimited)
    return note(credentials, 'Spotify is limiting this app’s requests', 'Check again later.');
  return failed(
    credentials,
    describe(error),
    'Allow this machine to connect to accounts.spotify.com over https.',
  );
}

function searchProblem(error: unknown): CheckResult {
  if (error instanceof OwnerNeedsPremium || error instanceof NotInvited) {
    // If the owner doesn't have Premium, Spotify may respond to an app token that "the user" isn't registered.
    return failed(
      webApiName,
      error instanceof OwnerNeedsPremium
        ? 'Spotify says that the owner of the app doesn’t have Premium'
        : 'Spotify says that someone isn’t registered; in a call without a listener, that means the owner doesn’t have Premium',
      'Subscribe to Premium with the account that owns the app. Spotify can take a few hours to notice.',
    );
  }
  if (error instanceof Cooldown || error instanceof RateLimited) {
    const until = error instanceof Cooldown ? ` until ${new Date(error.until).toISOString()}` : '';
    return note(
      webApiName,
      `Spotify is refusing calls${until}: there were too many`,
      'It recovers by itself.',
    );
  }
  return failed(
    webApiName,
    describe(error),
    'Allow this machine to connect to api.spotify.com over https, or try again.',
  );
}

async function checkRedirectUri({ accounts, redirectUri }: Deps): Promise<CheckResult> {
  const fix = `In your app’s settings at https://developer.spotify.com/dashboard, under “Redirect URIs”, add exactly ${redirectUri} and save.`;
  try {
    const problem = await accounts.authorizeProblem();
    if (problem === null) return ok(redirect, `Spotify reports no problem with ${redirectUri}`);
    return namesRedirectUri(problem)
      ? failed(redirect, `Spotify doesn’t know ${redirectUri}: “${problem}”`, fix)
      : failed(redirect, `Spotify won’t show its sign-in page: “${problem}”`, 'Check SPOTIFY_CLIENT_ID.');
  } catch (error) {
    return note(redirect, `couldn’t be checked: ${describe(error)}`, fix);
  }
}

/** Whether an error on Spotify's sign-in page is about the redirect URI. */
export function namesRedirectUri(problem: string): boolean {
  return /redirect uri/i.test(problem);
}

/** Messages of SpotifyUnavailable are written for the log: they name the call and contain no secret. */
function describe(error: unknown): string {
  return error instanceof SpotifyUnavailable ? error.message : 'Spotify sent an invalid response';
}
