import type { Redis } from 'ioredis';

export type RedisClock = ReturnType<typeof createRedisClock>;

const everyMs = 60_000;

/**
 * The time by Redis, the same for all processes: one whose own clock is wrong would renew what another has just renewed, or
 * take everybody's sign-in for over. Until Redis has told, it goes by this machine's clock. From then on it only counts on: a
 * clock that is put right, or wrong, while the process runs does not move it.
 */
export function createRedisClock(redis: Redis) {
  let startedAt = Date.now() - performance.now();
  const set = async (): Promise<void> => {
    const asked = performance.now();
    const time = await timeOf(redis);
    const answered = performance.now();
    startedAt = time - (asked + answered) / 2;
  };
  // Without an answer the clock goes on as it was set last.
  const trySet = () => set().catch(() => undefined);

  const isSet = new Promise<void>((resolve) => redis.once('ready', () => trySet().then(resolve)));
  redis.on('ready', trySet);
  const timer = setInterval(trySet, everyMs).unref();

  return {
    /** Milliseconds since 1970. */
    // safeguard: monotonic-clock
    now: () => Math.round(startedAt + performance.now()),
    /** Resolves when Redis has been asked for the first time. */
    isSet,
    close: () => clearInterval(timer),
  };
}

/** What the clock of Redis shows, in milliseconds since 1970. Throws what Redis throws. */
export async function timeOf(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}
