import type { PlayerReason } from './player-reasons.ts';

/**
 * One class for each failure that callers handle differently. The messages are for the log: they name the call, never what was sent with
 * it. The pages decide what visitors read.
 */
export abstract class SpotifyError extends Error {
  /** Whether Spotify was asked. If not, the error says nothing about Spotify. */
  readonly wasAsked: boolean = true;
}

/** Spotify did not answer, or sent an invalid response: try again later. */
export class SpotifyUnavailable extends SpotifyError {
  override readonly name = 'SpotifyUnavailable';
  /** Of the response; null if there was none, or if it was invalid. */
  readonly status: number | null;

  constructor(message: string, status: number | null = null) {
    super(message);
    this.status = status;
  }
}

/** Spotify no longer accepts this access token: refresh it. */
export class AccessTokenRejected extends SpotifyError {
  override readonly name = 'AccessTokenRejected';
}

/** The refresh token was revoked, has expired or was used up (`invalid_grant`): only a new consent helps. */
export class RefreshTokenRejected extends SpotifyError {
  override readonly name = 'RefreshTokenRejected';
}

/** The code of a sign-in was used up, has expired or belongs to another sign-in (`invalid_grant`). */
export class CodeRejected extends SpotifyError {
  override readonly name = 'CodeRejected';
}

/** The client ID, secret or redirect URI doesn't match Spotify's dashboard; only the operator can fix that. */
export class ClientRejected extends SpotifyError {
  override readonly name = 'ClientRejected';
  /** Spotify's own words, if it sent any. */
  readonly description: string | null;

  constructor(message: string, description: string | null) {
    super(message);
    this.description = description;
  }
}

/** The listener has not granted a permission that this call needs. */
export class MissingScope extends SpotifyError {
  override readonly name = 'MissingScope';
  /** Which ones; empty if Spotify did not say. */
  readonly scopes: readonly string[];

  constructor(message: string, scopes: readonly string[] = []) {
    super(message);
    this.scopes = scopes;
  }
}

/** The listener is not on the list of people who may use this app. */
export class NotInvited extends SpotifyError {
  override readonly name = 'NotInvited';
}

/** The account that owns the app has no Premium, so Spotify answers no calls of the app. */
export class OwnerNeedsPremium extends SpotifyError {
  override readonly name = 'OwnerNeedsPremium';
}

/** Only accounts with Premium can do this. */
export class PremiumRequired extends SpotifyError {
  override readonly name = 'PremiumRequired';
}

export class NoActiveDevice extends SpotifyError {
  override readonly name: string = 'NoActiveDevice';
}

/** The device that was named is gone: idle ones disappear, and their ids aren't permanent ("Get Available Devices"). */
export class DeviceGone extends NoActiveDevice {
  override readonly name = 'DeviceGone';
}

/** The player can't do this at the moment: pausing twice, skipping an ad, or a device that can't be controlled from here. */
export class NotPossibleNow extends SpotifyError {
  override readonly name = 'NotPossibleNow';
  /** Null if Spotify sent none that is known. */
  readonly reason: PlayerReason | null;

  constructor(message: string, reason: PlayerReason | null) {
    super(message);
    this.reason = reason;
  }
}

/** Spotify can't process the request in this form. */
export class BadRequest extends SpotifyError {
  override readonly name = 'BadRequest';
}

/** Spotify has no such object, or doesn't show it to apps. */
export class NotFound extends SpotifyError {
  override readonly name = 'NotFound';
}

/** A 403 without a known reason: the object belongs to someone else, or the endpoint no longer exists. */
export class Refused extends SpotifyError {
  override readonly name = 'Refused';
}

/** Too many calls: make none for as long as `retryAfter` says. */
export class RateLimited extends SpotifyError {
  override readonly name = 'RateLimited';
  /** The header as Spotify sent it: seconds, a date, nonsense or nothing. */
  readonly retryAfter: string | undefined;
  /** Whether the daily quota is used up, rather than the rate too high ("Web API quota updates", July 2026). */
  readonly quota: boolean;

  constructor(message: string, retryAfter: string | undefined, quota = false) {
    super(message);
    this.retryAfter = retryAfter;
    this.quota = quota;
  }
}
