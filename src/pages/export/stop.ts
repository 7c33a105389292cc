import { Cooldown, GrantLost, TooManyRequests } from '../../access/errors.ts';
import { ShuttingDown } from '../../ops/background.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import * as spotify from '../../spotify/errors.ts';
import { Problem } from '../../web/errors.ts';

/** Why an export stopped early, and how to continue it. */
export type Stop = {
  /** A machine-readable code; `part-full` if a part has reached its limit. */
  reason: string;
  /** When Spotify may be called again, in ISO 8601; null if that is unknown. */
  until: string | null;
  /** The URL of the next part. */
  resume: string;
};

type ErrorClass = abstract new (...args: never[]) => Error;

/** Covers every error class of spotify/ and access/, which a test checks. */
const reasons: readonly [ErrorClass, string][] = [
  [Cooldown, 'cooldown'],
  [spotify.RateLimited, 'cooldown'],
  [spotify.SpotifyUnavailable, 'spotify-unavailable'],
  [spotify.AccessTokenRejected, 'spotify-unavailable'],
  [GrantLost, 'sign-in-ended'],
  [spotify.RefreshTokenRejected, 'sign-in-ended'],
  [spotify.CodeRejected, 'sign-in-ended'],
  [RedisUnavailable, 'redis-unavailable'],
  [TooManyRequests, 'too-many-requests'],
  [ShuttingDown, 'restarting'],
  [spotify.ClientRejected, 'client-rejected'],
  [spotify.MissingScope, 'missing-permission'],
  [spotify.NotInvited, 'not-invited'],
  [spotify.OwnerNeedsPremium, 'owner-needs-premium'],
  [spotify.PremiumRequired, 'premium-required'],
  [spotify.NoActiveDevice, 'no-active-device'],
  [spotify.NotPossibleNow, 'not-possible-now'],
  [spotify.BadRequest, 'not-understood'],
  [spotify.NotFound, 'not-found'],
  [spotify.Refused, 'refused'],
];

/** Returns the machine-readable code for an error; null for our own errors. */
export function reasonOf(error: unknown): string | null {
  if (error instanceof Problem) return error.page.reason;
  return reasons.find(([kind]) => error instanceof kind)?.[1] ?? null;
}

/** Returns when Spotify may be called again, in milliseconds since 1970; null for an error without a time. */
export function untilOf(error: unknown): number | null {
  if (error instanceof Problem) return error.page.until ?? null;
  return error instanceof Cooldown ? error.until : null;
}

/** Returns how a part describes the error that ended it. Throws the error itself if it is our own: the file may be wrong. */
export function stopFor(error: unknown, resume: string): Stop {
  const [reason, until] = [reasonOf(error), untilOf(error)];
  if (reason === null) throw error;
  return { reason, until: until === null ? null : new Date(until).toISOString(), resume };
}
