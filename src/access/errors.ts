/** Spotify no longer honours this sign-in (revoked, or six months over), or it was ended meanwhile. */
export class GrantLost extends Error {
  override readonly name = 'GrantLost';
}

/** Spotify asked everyone here to stay away until `until` (milliseconds since 1970). */
export class Cooldown extends Error {
  override readonly name = 'CoolDown';
  readonly until: number;
  /** Whether the calls of the day are used up, rather than too many made at once. */
  readonly quota: boolean;

  constructor(until: number, quota = false) {
    super(
      `Spotify asked to wait until ${new Date(until).toISOString()}${quota ? ': the quota is used up' : ''}`,
    );
    this.until = until;
    this.quota = quota;
  }
}

/** More requests than this site allows one visitor, or all of them together; `waitMs` says how long until it takes more. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
  readonly waitMs: number;

  constructor(limit: string, waitMs: number) {
    super(`The limit ${limit} is used up for ${Math.ceil(waitMs / 1000)} s`);
    this.waitMs = waitMs;
  }
}
