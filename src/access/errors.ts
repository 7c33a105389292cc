import { RedisUnavailable } from '../redis/errors.ts';
import type { QuotaFamily } from './quota-families.ts';

/** Spotify no longer accepts this sign-in (revoked, or six months old), or it has been ended here. */
export class GrantLost extends Error {
  override readonly name = 'GrantLost';
}

/** Spotify asked this app not to call until `until`, in milliseconds since 1970. */
export class Cooldown extends Error {
  override readonly name = 'Cooldown';
  readonly until: number;
  /** Whether the daily quota is used up, rather than the rate too high. */
  readonly quota: boolean;
  /** The family of calls that are refused; null if it is all of them, or those to the accounts service. */
  readonly family: QuotaFamily | null;
  /** The endpoint, if only its calls get 429s: Spotify may have removed it. */
  readonly endpoint: string | null;
  /** All families that are paused at this time. */
  readonly paused: readonly QuotaFamily[];

  constructor(
    until: number,
    {
      quota = false,
      family = null,
      endpoint = null,
      paused = [],
    }: Partial<Pick<Cooldown, 'quota' | 'family' | 'endpoint' | 'paused'>> = {},
  ) {
    const calls = endpoint ?? (family === null ? 'calls' : `calls of the family ${family}`);
    super(
      `Spotify refuses ${calls} until ${new Date(until).toISOString()}${quota ? ': the quota is used up' : ''}`,
    );
    this.until = until;
    this.quota = quota;
    this.family = family;
    this.endpoint = endpoint;
    this.paused = paused;
  }
}

/** One of this site's limits is exceeded, for one client or for all together. `waitMs` is the time until more requests are accepted. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
  readonly waitMs: number;

  constructor(limit: string, waitMs: number) {
    super(`The limit ${limit} is used up for ${Math.ceil(waitMs / 1000)} s`);
    this.waitMs = waitMs;
  }
}

export class ArtistsNotOffered extends Error {
  override readonly name = 'ArtistsNotOffered';

  constructor() {
    super('Spotify does not let this app follow artists');
  }
}

/**
 * For a call that a page can do without: returns null if Spotify doesn't answer it. Rethrows the error if the sign-in is lost or Redis is down, because
 * then the rest of the page can't be shown either.
 */
export function nullWithoutSpotify(error: unknown): null {
  if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
  return null;
}
