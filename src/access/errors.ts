/** Redis did not answer, or refused: nothing is lost, but nobody can be known just now. */
export class SessionsUnavailable extends Error {
  override readonly name = 'SessionsUnavailable';
}

/** Spotify no longer honours this sign-in (revoked, or six months over), or it was ended meanwhile. */
export class GrantLost extends Error {
  override readonly name = 'GrantLost';
}

/** Spotify asked everyone here to stay away until `until` (milliseconds since 1970). */
export class CoolDown extends Error {
  override readonly name = 'CoolDown';
  readonly until: number;

  constructor(until: number) {
    super(`Spotify asked to wait until ${new Date(until).toISOString()}`);
    this.until = until;
  }
}

/**
 * Waits for Redis. What it throws instead is ours and says only the kind of fault: an error of the Redis
 * client carries the command it was given, and with it whatever was to be stored.
 */
export async function fromRedis<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    // A ReplyError begins with a code such as OOM or READONLY; all else is told by its name.
    const code = error instanceof Error && /^[A-Z]{2,}(?= )/.exec(error.message)?.[0];
    throw new SessionsUnavailable(
      `Redis: ${code || (error instanceof Error ? error.name : 'unknown fault')}`,
    );
  }
}
