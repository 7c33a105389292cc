import { Redis, type RedisOptions } from 'ioredis';
import { isRefusedDatabase, movedOn, type RedisFault, redisFault, replyCode } from './errors.ts';
import { findFault } from './probe.ts';
import { closeWhenSilent } from './silence.ts';

export type RedisConnection = ReturnType<typeof connectRedis>;

/** Runs work that nothing awaits, and reports its failure: see ops/background.ts. */
export type Background = { run(name: string, work: Promise<unknown>): void };

type Deps = {
  url: string;
  /** Goes before every key; a `keyPrefix` in the URL wins. */
  prefix: string;
  /** Milliseconds that Redis may take for a reply. Past that the connection counts as gone. */
  deadlineMs: number;
  /** Called once when Redis stops serving pages, and again if it does so for another reason. */
  onDown: (fault: RedisFault) => void;
  /** Called when it serves them again. */
  onUp: () => void;
  background: Background;
};

/** The least time between two reconnections because of what Redis replied, and between two looks at whether it serves again. */
const retryMs = 1_000;
const pingMs = 5_000;
/** Checks have more patience than pages. */
export const checkDeadlineMs = 2_000;

const fastFailing = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  // How long a closing connection waits for the other side, which may be gone.
  disconnectTimeout: 100,
  // It asks INFO, which many users may not. Commands that come too early are refused with LOADING.
  enableReadyCheck: false,
  // They would go on by themselves, unseen by whoever waited for them.
  autoResendUnfulfilledCommands: false,
} satisfies RedisOptions;

/**
 * A connection that fails fast and heals by itself: a command waits for nothing while Redis is away, and for less than a second
 * while it is silent, so that an outage is an error page and not a page that hangs.
 */
export function connectRedis({ url, prefix, deadlineMs, onDown, onUp, background }: Deps) {
  let down: RedisFault | null = null;
  /** Why the connection was lost, or is being left. */
  let lastError: unknown;
  let databaseRefused = false;
  let reconnectedAt = Number.NEGATIVE_INFINITY;
  let nextCheck: NodeJS.Timeout | undefined;
  const known = Promise.withResolvers<void>();
  const redis = new Redis(url, {
    ...fastFailing,
    keyPrefix: prefix,
    retryStrategy: (attempt) => Math.min(100 * attempt, 500),
    reconnectOnError(error) {
      // A replica may stay one for a while; what can be read there is worth more than a connection that is always being made.
      // safeguard: stay-with-usable-server
      // safeguard: leave-unusable-server
      if (!movedOn.has(replyCode(error)) || performance.now() - reconnectedAt < retryMs) return false;
      reconnectedAt = performance.now();
      lastError = error;
      return true;
    },
    enableAutoPipelining: true,
  });
  // safeguard: redis-command-deadline
  closeWhenSilent(redis, deadlineMs);

  redis.on('connect', () => {
    databaseRefused = false;
  });
  redis.on('error', (error) => {
    lastError = error;
    if (!isRefusedDatabase(error)) return;
    databaseRefused = true;
    // safeguard: leave-refused-database
    report(redisFault(error));
    redis.disconnect(true);
  });
  redis.on('reconnecting', () => {
    if (databaseRefused) return;
    // What it was left for a while ago has been reported.
    if (down === null || lastError !== undefined) report(redisFault(lastError));
  });
  redis.on('ready', () => {
    // It is also said to be ready when the database was refused and the connection is closing.
    if (databaseRefused) return;
    lastError = undefined;
    check();
  });

  function report(fault: RedisFault | null): void {
    if (fault && fault.does !== down?.does) onDown(fault);
    if (fault === null && down !== null) onUp();
    down = fault;
    known.resolve();
  }

  /** Sees whether Redis does what pages need, until it does: a connection that stands is no proof. */
  function check(): void {
    clearTimeout(nextCheck);
    const checked = findFault(redis).then((fault) => {
      // A lost connection has been reported, and the next one is checked when it stands.
      if (redis.status !== 'ready') return;
      report(fault);
      // safeguard: check-redis-when-idle
      if (fault !== null) nextCheck = setTimeout(check, retryMs).unref();
    });
    background.run('check Redis', checked);
  }

  return {
    redis,
    /** Resolves when it is known whether Redis serves pages. */
    known: known.promise,
  };
}

/**
 * A second connection like this one, to listen to channels. It has no subscription of its own accord, so whoever listens subscribes
 * whenever it is `ready`. It is pinged, because whoever only listens does not notice that the other side has gone, and made again
 * with the first one, because that may lead elsewhere now.
 */
export function connectSubscriber(redis: Redis, deadlineMs: number): Redis {
  const subscriber = redis.duplicate({ autoResubscribe: false });
  closeWhenSilent(subscriber, deadlineMs);
  // The first connection reports what is wrong with Redis.
  subscriber.on('error', () => undefined);
  const reconnect = () => {
    if (subscriber.status === 'ready') subscriber.disconnect(true);
  };
  // safeguard: reconnect-subscriber
  redis.on('close', reconnect);
  const pinging = setInterval(() => {
    // A connection that does not answer is closed for its silence.
    // safeguard: ping-subscriber
    if (subscriber.status === 'ready') subscriber.ping().catch(() => undefined);
  }, pingMs).unref();
  subscriber.once('end', () => {
    clearInterval(pinging);
    redis.off('close', reconnect);
  });
  return subscriber;
}

/** A connection for checks: not opened yet, and saying at once what is wrong instead of trying again. */
export function connectForCheck(url: string, prefix: string): Redis {
  const redis = new Redis(url, {
    ...fastFailing,
    keyPrefix: prefix,
    lazyConnect: true,
    retryStrategy: () => null,
  });
  closeWhenSilent(redis, checkDeadlineMs);
  redis.on('error', (error) => {
    if (isRefusedDatabase(error)) redis.disconnect();
  });
  return redis;
}
