import { RedisUnavailable } from '../redis/errors.ts';
import {
  AccessTokenRejected,
  ClientRejected,
  CodeRejected,
  NotInvited,
  OwnerNeedsPremium,
  RateLimited,
  RefreshTokenRejected,
  SpotifyError,
  SpotifyUnavailable,
} from '../spotify/errors.ts';
import { Cooldown, GrantLost } from './errors.ts';
import type { QuotaFamily } from './quota-families.ts';

/** How a call to Spotify, or a refresh of a token, ended. `paused`: it wasn't made because of a cooldown. */
export type CallOutcome = (typeof callOutcomes)[number];

/** Every outcome, for metrics. */
export const callOutcomes = [
  'ok',
  'paused',
  'rate_limited',
  'quota_exceeded',
  'grant_lost',
  'token_rejected',
  'client_rejected',
  'not_invited',
  'owner_needs_premium',
  'refused',
  'unavailable',
  'redis_unavailable',
  'failed',
] as const;

/** Called after each call. `ms`: how long it took; null if it wasn't made. */
export type OnCall = (family: QuotaFamily | 'accounts', outcome: CallOutcome, ms: number | null) => void;

/** Called after each attempt to replace an access token: a listener's, or the app's own. */
export type OnRefresh = (token: 'grant' | 'app', outcome: CallOutcome) => void;

/** The first class that an error belongs to counts. */
const outcomes: readonly [abstract new (...args: never[]) => Error, CallOutcome][] = [
  [Cooldown, 'paused'],
  [GrantLost, 'grant_lost'],
  [AccessTokenRejected, 'token_rejected'],
  [RefreshTokenRejected, 'token_rejected'],
  [CodeRejected, 'token_rejected'],
  [ClientRejected, 'client_rejected'],
  [NotInvited, 'not_invited'],
  [OwnerNeedsPremium, 'owner_needs_premium'],
  [SpotifyUnavailable, 'unavailable'],
  [SpotifyError, 'refused'],
  [RedisUnavailable, 'redis_unavailable'],
];

function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof RateLimited) return error.quota ? 'quota_exceeded' : 'rate_limited';
  return outcomes.find(([kind]) => error instanceof kind)?.[1] ?? 'failed';
}

/** Makes a call, and calls `onEnd` with its outcome and how long it took, in milliseconds. Throws what the call throws. */
export async function withOutcome<T>(
  call: () => Promise<T>,
  onEnd: (outcome: CallOutcome, ms: number) => void,
): Promise<T> {
  const startedAt = performance.now();
  const end = (outcome: CallOutcome) => onEnd(outcome, performance.now() - startedAt);
  try {
    const result = await call();
    end('ok');
    return result;
  } catch (error) {
    end(outcomeOf(error));
    throw error;
  }
}
