/** Redis did not answer, or refused: nothing is lost, but nobody can be known just now. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}

/**
 * Waits for Redis. What it throws instead is ours and says only the kind of fault: an error of the Redis
 * client carries the command it was given, and with it whatever was to be stored.
 */
export async function redisCall<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const kind = replyCode(error) ?? (error instanceof Error ? error.name : 'unknown fault');
    throw new RedisUnavailable(`Redis: ${kind}`);
  }
}

/** Whether Redis has refused the connection itself, for its user or password. */
export function isRefusedConnection(code: string | undefined): boolean {
  return ['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(code ?? '');
}

/** The code that a refusal of Redis begins with, such as OOM, READONLY or WRONGTYPE; undefined for other errors. */
export function replyCode(error: unknown): string | undefined {
  return error instanceof Error ? /^[A-Z]{3,}(?= )/.exec(error.message)?.[0] : undefined;
}
