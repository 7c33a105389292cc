import { AsyncLocalStorage } from 'node:async_hooks';

/** Other servers that a request may wait for. */
type Server = 'redis' | 'spotify';

/** A stopwatch that runs while at least one reply is awaited, so that replies awaited together count once. */
type Stopwatch = { awaited: number; startedAt: number; totalMs: number };

type Waits = Record<Server, Stopwatch>;

const current = new AsyncLocalStorage<Waits>();

/** Measures how long a request waits for other servers. It doesn't see a wait for something that another request has begun, such as a refresh. */
export function measureWaits() {
  const waits: Waits = { redis: createStopwatch(), spotify: createStopwatch() };
  return {
    /** Runs `work`, and everything it starts, as part of the request. */
    run: (work: () => void): void => current.run(waits, work),

    /** Returns the milliseconds so far. */
    ms: (server: Server): number => Math.round(elapsedMs(waits[server])),
  };
}

/** Counts the time until `reply` is there as a wait of the current request, if its waits are measured. Returns the reply. */
export function awaitReply<T>(server: Server, reply: Promise<T>): Promise<T> {
  const stopwatch = current.getStore()?.[server];
  if (!stopwatch) return reply;
  // safeguard: count-overlapping-waits-once
  if (stopwatch.awaited === 0) stopwatch.startedAt = performance.now();
  stopwatch.awaited += 1;
  return reply.finally(() => {
    stopwatch.totalMs = elapsedMs(stopwatch);
    stopwatch.startedAt = performance.now();
    stopwatch.awaited -= 1;
  });
}

function createStopwatch(): Stopwatch {
  return { awaited: 0, startedAt: 0, totalMs: 0 };
}

function elapsedMs({ awaited, startedAt, totalMs }: Stopwatch): number {
  return awaited === 0 ? totalMs : totalMs + performance.now() - startedAt;
}
