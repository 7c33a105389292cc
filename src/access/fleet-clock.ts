import type { Redis } from 'ioredis';

export type FleetClock = ReturnType<typeof createFleetClock>;

const everyMs = 60_000;

/**
 * The time by Redis, the same for all processes: one whose own clock is wrong would renew what another has just renewed, or
 * take everybody's sign-in for over. Until Redis has told, and while it is away, it goes by this machine's clock.
 */
export function createFleetClock(redis: Redis) {
  let aheadMs = 0;
  const set = async (): Promise<void> => {
    const asked = Date.now();
    const [seconds, micros] = await redis.time();
    aheadMs = Number(seconds) * 1000 + Number(micros) / 1000 - (asked + Date.now()) / 2;
  };
  // Without an answer the clock goes on as it was set last.
  const trySet = () => set().catch(() => undefined);

  const isSet = new Promise<void>((resolve) => redis.once('ready', () => trySet().then(resolve)));
  redis.on('ready', trySet);
  const timer = setInterval(trySet, everyMs).unref();

  return {
    /** Milliseconds since 1970. */
    now: () => Math.round(Date.now() + aheadMs),
    /** Resolves when Redis has been asked for the first time. */
    isSet,
    close: () => clearInterval(timer),
  };
}
