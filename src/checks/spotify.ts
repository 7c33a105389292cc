import { Cooldown } from '../access/errors.ts';
import type { QuotaGate } from '../access/quota-gate.ts';
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
import { clockFinding } from './clock.ts';
import { bad, type CheckResult, good, open } from './result.ts';

type Deps = {
  accounts: Accounts;
  webApi: WebApi;
  quotaGate: QuotaGate;
  market: string;
  redirectUri: string;
  /** What the clock of the accounts service showed last, in milliseconds since 1970. */
  spotifysTime: () => { at: number; ours: number } | null;
};

const credentials = 'Client id and secret';
const wayBack = 'Redirect URI';
const answers = 'Spotify answers the app';

/** There is nothing to ask Spotify with. */
export function missingCredentials(missing: readonly string[]): CheckResult {
  return bad(
    credentials,
    `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set`,
    'Start Turntable (npm start) and open it: its first page leads through every step.',
  );
}

/** What Spotify makes of the app: its credentials, its way back, its owner's Premium. Takes one call of the app's quota. */
export async function spotifyFindings(deps: Deps): Promise<CheckResult[]> {
  const [ofTheApp, ofTheWayBack] = await Promise.all([appFindings(deps), wayBackFinding(deps)]);
  const seen = deps.spotifysTime();
  return [...ofTheApp, ofTheWayBack, ...(seen ? [clockFinding('Spotify', seen.at, seen.ours)] : [])];
}

async function appFindings({ accounts, webApi, quotaGate, market }: Deps): Promise<CheckResult[]> {
  let token: string;
  try {
    token = (await accounts.appToken()).accessToken;
  } catch (error) {
    return [refusedCredentials(error)];
  }
  const accepted = good(credentials, 'Spotify accepts them');
  const search = () => webApi.search(token, 'a', { types: ['artist'], page: 1, market });
  try {
    // The door of all processes: while Spotify asks to be left alone, a check is no exception.
    await quotaGate.through(search).catch((error: unknown) => {
      if (!(error instanceof RedisUnavailable)) throw error;
      return search();
    });
    return [accepted, good(answers, 'a search was answered: the owner of the app has Premium')];
  } catch (error) {
    return [accepted, refusedSearch(error)];
  }
}

function refusedCredentials(error: unknown): CheckResult {
  if (error instanceof ClientRejected) {
    const said = error.description ? `, and says: “${error.description}”` : '';
    return bad(
      credentials,
      `Spotify does not accept them${said}`,
      'Copy "Client ID" and "Client secret" once more from the app\'s settings at https://developer.spotify.com/dashboard into .env, whole and without quotes, then start Turntable again.',
    );
  }
  if (error instanceof RateLimited)
    return open(credentials, 'Spotify asks to be left alone for a while', 'Check again later.');
  return bad(credentials, noAnswer(error), 'Let this machine reach accounts.spotify.com over https.');
}

function refusedSearch(error: unknown): CheckResult {
  if (error instanceof OwnerNeedsPremium || error instanceof NotInvited) {
    // To an app's own token Spotify speaks of people who are not registered where it is the owner who has no Premium.
    return bad(
      answers,
      error instanceof OwnerNeedsPremium
        ? 'Spotify says that the owner of the app has no Premium'
        : 'Spotify speaks of somebody who is not registered; for a call without a listener that means the owner’s Premium',
      'Have the account that owns the app subscribe to Premium. It can take a few hours until Spotify notices.',
    );
  }
  if (error instanceof Cooldown || error instanceof RateLimited) {
    const until = error instanceof Cooldown ? ` until ${new Date(error.until).toISOString()}` : '';
    return open(
      answers,
      `Spotify asked to be left alone${until}: too many calls`,
      'It opens again by itself.',
    );
  }
  return bad(answers, noAnswer(error), 'Let this machine reach api.spotify.com over https, or try again.');
}

async function wayBackFinding({ accounts, redirectUri }: Deps): Promise<CheckResult> {
  const dashboard = `In the app's settings at https://developer.spotify.com/dashboard, under "Redirect URIs", add exactly ${redirectUri} and save.`;
  try {
    const refusal = await accounts.refusalToAuthorize();
    if (refusal === null) return good(wayBack, `Spotify has nothing against ${redirectUri}`);
    return /redirect uri/i.test(refusal)
      ? bad(wayBack, `Spotify does not know ${redirectUri}: “${refusal}”`, dashboard)
      : bad(wayBack, `Spotify shows no sign-in: “${refusal}”`, 'Look at SPOTIFY_CLIENT_ID.');
  } catch (error) {
    return open(wayBack, `could not be tried: ${noAnswer(error)}`, dashboard);
  }
}

/** Messages of SpotifyUnavailable are made for the log: they name the call, and hold no secret. */
function noAnswer(error: unknown): string {
  return error instanceof SpotifyUnavailable ? error.message : 'Spotify’s answer makes no sense';
}
