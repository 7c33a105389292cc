import { ShuttingDown } from '../ops/background.ts';
import { AccessTokenRejected, SpotifyUnavailable } from '../spotify/errors.ts';
import { Cooldown } from './errors.ts';
import type { QuotaGate } from './quota-gate.ts';

/*
 * What a listener's token and the app's own have in common.
 */

/** One call to Spotify, given an access token that should work. */
export type SpotifyCall<T> = (accessToken: string) => Promise<T>;

/** How long before its end an access token is renewed. */
export const earlyMs = 60_000;

/** Whether a renewal that failed like this may go well in a while: a token that still holds is used meanwhile. */
export function isPassing(error: unknown): boolean {
  // safeguard: use-token-while-stopping
  return [SpotifyUnavailable, Cooldown, ShuttingDown].some((one) => error instanceof one);
}

/** Calls Spotify with this token, and once more with the one that `renewed` gives where Spotify no longer takes it. */
export async function askOrRenew<T>(
  quotaGate: QuotaGate,
  accessToken: string,
  call: SpotifyCall<T>,
  renewed: () => Promise<string>,
): Promise<T> {
  try {
    return await askWith(quotaGate, accessToken, call);
  } catch (error) {
    if (!(error instanceof AccessTokenRejected)) throw error;
  }
  return askWithFresh(quotaGate, await renewed(), call);
}

/** Calls Spotify with a token it made a moment ago: to refuse that is a fault of Spotify's, and no renewal will help. */
export async function askWithFresh<T>(
  quotaGate: QuotaGate,
  accessToken: string,
  call: SpotifyCall<T>,
): Promise<T> {
  try {
    return await askWith(quotaGate, accessToken, call);
  } catch (error) {
    if (!(error instanceof AccessTokenRejected)) throw error;
    throw new SpotifyUnavailable(`${error.message}, to a fresh token`);
  }
}

function askWith<T>(quotaGate: QuotaGate, accessToken: string, call: SpotifyCall<T>): Promise<T> {
  return quotaGate.through(() => call(accessToken));
}
