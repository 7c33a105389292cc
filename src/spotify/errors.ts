/**
 * One class for each reason a caller would act differently. The messages are for the log: they name the
 * call, never what was sent with it. The words a person reads belong to the pages.
 */

/** No answer, or one that makes no sense: try again later. */
export class SpotifyUnavailable extends Error {
  override readonly name = 'SpotifyUnavailable';
}

/** Spotify no longer takes this access token: renew it. */
export class AccessTokenRejected extends Error {
  override readonly name = 'AccessTokenRejected';
}

/** The code or refresh token is spent, revoked or over: only a new consent helps. */
export class InvalidGrant extends Error {
  override readonly name = 'InvalidGrant';
}

/** Client id, secret or redirect URI are not as in Spotify's dashboard: the operator's to mend. */
export class ClientRejected extends Error {
  override readonly name = 'ClientRejected';
  /** Spotify's own words, where it had any. */
  readonly description: string | null;

  constructor(message: string, description: string | null) {
    super(message);
    this.description = description;
  }
}

/** The listener has not given a permission that this call needs. */
export class MissingScope extends Error {
  override readonly name = 'MissingScope';
  /** Which ones; empty where Spotify did not say. */
  readonly scopes: readonly string[];

  constructor(message: string, scopes: readonly string[] = []) {
    super(message);
    this.scopes = scopes;
  }
}

/** The listener is not on the list of people who may use this app. */
export class NotInvited extends Error {
  override readonly name = 'NotInvited';
}

/** The account that owns the app has no Premium, so the app rests. */
export class OwnerNeedsPremium extends Error {
  override readonly name = 'OwnerNeedsPremium';
}

/** Spotify lets only people with Premium do this. */
export class PremiumRequired extends Error {
  override readonly name = 'PremiumRequired';
}

/** Nothing plays anywhere that could be told what to do, or the device that was meant is gone. */
export class NoActiveDevice extends Error {
  override readonly name = 'NoActiveDevice';
}

/** The player does not do this just now: pausing what is paused, skipping an advertisement, a device that takes no orders. */
export class NotPossibleNow extends Error {
  override readonly name = 'NotPossibleNow';
}

/** Spotify cannot do what was asked in this form. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
}

/** There is no such thing at Spotify, or it shows it to no app. */
export class NotFound extends Error {
  override readonly name = 'NotFound';
}

/** A 403 that says nothing we know: the thing is somebody else's, or the call is gone. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** Too many calls: stay away for as long as `retryAfter` says. */
export class RateLimited extends Error {
  override readonly name = 'RateLimited';
  /** The header as Spotify sent it: seconds, a date, nonsense or nothing. */
  readonly retryAfter: string | undefined;
  /** Whether the calls of the day are used up, rather than too many made at once ("Web API quota updates", July 2026). */
  readonly quota: boolean;

  constructor(message: string, retryAfter: string | undefined, quota = false) {
    super(message);
    this.retryAfter = retryAfter;
    this.quota = quota;
  }
}
