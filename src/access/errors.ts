import type { Redis } from 'ioredis';

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

/**
 * Waits for Redis. What it throws instead is ours and says only the kind of fault: an error of the Redis
 * client carries the command it was given, and with it whatever was to be stored.
 */
export async function fromRedis<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const kind = replyCode(error) ?? (error instanceof Error ? error.name : 'unknown fault');
    throw new SessionsUnavailable(`Redis: ${kind}`);
  }
}

/** The text under a key, null where there is none. Something else than a text reads as an empty one, which is no record of ours. */
export async function readText(redis: Redis, key: string): Promise<string | null> {
  const text = redis.get(key).catch((error: unknown) => {
    if (replyCode(error) === 'WRONGTYPE') return '';
    throw error;
  });
  return fromRedis(text);
}

/** Whether Redis has refused the connection itself, for its user or password. */
export function isRefusedConnection(code: string | undefined): boolean {
  return ['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(code ?? '');
}

/** The code that a refusal of Redis begins with, such as OOM, READONLY or WRONGTYPE; undefined for other errors. */
export function replyCode(error: unknown): string | undefined {
  return error instanceof Error ? /^[A-Z]{3,}(?= )/.exec(error.message)?.[0] : undefined;
}
