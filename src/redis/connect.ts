import type { Redis, RedisOptions } from 'ioredis';
import {
  createClient,
  duplicateForSubscriptions,
  isCluster,
  type RedisClient,
  type RedisServer,
} from './client.ts';
import { diagnose } from './diagnose.ts';
import {
  failoverReplies,
  isMissingPrimary,
  isRefusedDatabase,
  type RedisFault,
  redisFault,
  replyCode,
} from './errors.ts';
import { enforceReplyTimeout } from './reply-timeout.ts';

/** The part of `ops/background.ts` that is needed here: runs work that nothing awaits, and reports its failure. */
export type Background = { run(name: string, work: Promise<unknown>): void };

type Deps = {
  server: RedisServer;
  /** Goes before every key; a `keyPrefix` in the URL wins. */
  prefix: string;
  /** Milliseconds that Redis may take to reply. After that, the connection is closed. */
  deadlineMs: number;
  /** Called when Redis stops serving pages, and again if the reason changes. */
  onDown: (fault: RedisFault) => void;
  /** Called when Redis serves pages again. */
  onUp: () => void;
  /** Called for each command that wasn't carried out, with the code of the reply; undefined if there was none. */
  onCommandError: (code: string | undefined) => void;
  background: Background;
};

/** The minimum time between two reconnections because of a reply, and between two checks whether Redis serves pages again. */
const retryMs = 1_000;
const pingMs = 5_000;
/** Checks may wait longer than pages. */
export const checkDeadlineMs = 2_000;

const fastFailing = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  // How long to wait for the other side when closing; it may be gone.
  disconnectTimeout: 100,
  // It sends INFO, which many users aren't allowed to. While Redis loads its data it refuses commands with LOADING anyway.
  enableReadyCheck: false,
  // Their callers have already been rejected.
  autoResendUnfulfilledCommands: false,
} satisfies RedisOptions;

/**
 * Opens a connection that fails fast and reconnects by itself. A command fails at once while Redis is down, and within a second while it doesn't
 * reply, so an outage causes error pages and not pages that hang.
 */
export function connectRedis({ server, prefix, deadlineMs, onDown, onUp, onCommandError, background }: Deps) {
  let down: RedisFault | null = null;
  /** Why the connection was lost or is being closed. */
  let lastError: unknown;
  let databaseRefused = false;
  let nextCheck: NodeJS.Timeout | undefined;
  const firstReport = Promise.withResolvers<void>();
  const redis = createClient(server, {
    ...fastFailing,
    keyPrefix: prefix,
    retryStrategy: (attempt) => Math.min(100 * attempt, 500),
    reconnectOnError: leaveUnusableServer((error) => {
      lastError = error;
    }),
    enableAutoPipelining: true,
  });
  keepUsable(redis, deadlineMs);
  reportErrors(redis, onCommandError);

  redis.on('connect', () => {
    databaseRefused = false;
  });
  redis.on('error', (error) => {
    lastError = error;
    // ioredis goes on asking the Sentinels while it connects, so nothing else reports them.
    // safeguard: report-missing-sentinels
    if (isMissingPrimary(error)) report(redisFault(error));
    if (!isRefusedDatabase(error)) return;
    databaseRefused = true;
    // safeguard: leave-refused-database
    report(redisFault(error));
    redis.disconnect(true);
  });
  // A cluster stays connected while one of its nodes is gone.
  // safeguard: report-missing-node
  redis.on('node error', () => {
    if (redis.status === 'ready' && down === null) check();
  });
  redis.on('reconnecting', () => {
    if (databaseRefused) return;
    // The reason for an earlier close has been reported already.
    if (down === null || lastError !== undefined) report(redisFault(lastError));
  });
  redis.on('ready', () => {
    // ioredis also emits this when the database was refused and the connection is closing.
    if (databaseRefused) return;
    lastError = undefined;
    check();
  });

  function report(fault: RedisFault | null): void {
    if (fault && fault.problem !== down?.problem) onDown(fault);
    if (fault === null && down !== null) onUp();
    down = fault;
    firstReport.resolve();
  }

  /** Checks whether Redis serves pages, and repeats the check until it does. Being connected doesn't prove it. */
  function check(): void {
    clearTimeout(nextCheck);
    const checked = diagnose(redis).then((fault) => {
      // The connection was lost, which has been reported. The next one is checked when it is ready.
      if (redis.status !== 'ready') return;
      report(fault);
      // safeguard: check-redis-when-idle
      if (fault !== null) nextCheck = setTimeout(check, retryMs).unref();
    });
    background.run('check Redis', checked);
  }

  return {
    redis,
    /** Whether commands reach the database that was chosen. */
    // safeguard: use-chosen-database-only
    isUsable: () => redis.status === 'ready' && !databaseRefused,
    /** Resolves when it is known whether Redis serves pages. */
    firstReport: firstReport.promise,
  };
}

/** Replies after which ioredis sends the command again: with the text of a script, or to another node. */
const followedReplies: ReadonlySet<string | undefined> = new Set(['NOSCRIPT', 'MOVED', 'ASK']);

function reportErrors(redis: RedisClient, onError: Deps['onCommandError']): void {
  const client: Pick<Redis, 'sendCommand'> = redis;
  const { sendCommand } = client;
  client.sendCommand = (command, ...others) => {
    const { reject } = command;
    command.reject = (error) => {
      const code = replyCode(error);
      if (!followedReplies.has(code)) onError(code);
      reject(error);
    };
    return sendCommand.call(redis as Redis, command, ...others);
  };
}

/** Returns a function that decides, by the error of a command, whether to reconnect. `onLeave` is called before that. */
function leaveUnusableServer(onLeave: (error: Error) => void): (error: Error) => boolean {
  let reconnectedAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    // Not more often than `retryMs`: a replica may stay one for a while, and being able to read from it is better than reconnecting all the time.
    // safeguard: stay-with-usable-server
    // safeguard: leave-unusable-server
    if (!failoverReplies.has(replyCode(error)) || performance.now() - reconnectedAt < retryMs) return false;
    reconnectedAt = performance.now();
    onLeave(error);
    return true;
  };
}

/**
 * Opens a second connection with the same options, for subscriptions. It doesn't resubscribe by itself, so the subscriber must do so on each
 * `ready`. It is pinged, because a connection that only receives doesn't notice when the other side is gone, and it reconnects when the first one
 * does, because the address may lead to another server by then.
 */
export function connectSubscriber(redis: RedisClient, deadlineMs: number): Redis {
  const subscriber = duplicateForSubscriptions(redis);
  keepUsable(subscriber, deadlineMs);
  // The first connection reports what is wrong.
  subscriber.on('error', () => undefined);
  const reconnect = () => {
    if (subscriber.status === 'ready') subscriber.disconnect(true);
  };
  // safeguard: reconnect-subscriber
  redis.on('close', reconnect);
  // A node that left its cluster doesn't get the messages of the others.
  redis.on('-node', reconnect);
  const pingTimer = setInterval(() => {
    // If there is no reply, the reply timeout closes the connection.
    // safeguard: ping-subscriber
    if (subscriber.status === 'ready') subscriber.ping().catch(() => undefined);
  }, pingMs).unref();
  subscriber.on('end', () => {
    if (subscriber.status !== 'end') return;
    clearInterval(pingTimer);
    redis.off('close', reconnect);
    redis.off('-node', reconnect);
  });
  return subscriber;
}

/** Closes a connection whose reply is overdue, and reopens one that has ended. */
function keepUsable(redis: RedisClient, deadlineMs: number): void {
  // safeguard: redis-command-deadline
  enforceReplyTimeouts(redis, deadlineMs);
  connectAgainAtEnd(redis);
}

/**
 * Connects again if the connection ends without having been closed. ioredis ends it for good if the Sentinels announce a failover just while it
 * asks them for the primary.
 */
function connectAgainAtEnd(redis: RedisClient): void {
  if (isCluster(redis)) return;
  const { disconnect } = redis;
  let isClosed = false;
  redis.disconnect = (reconnect = false) => {
    isClosed ||= !reconnect;
    disconnect.call(redis, reconnect);
  };
  redis.on('end', () => {
    // If it fails, it is retried like any other connection.
    // safeguard: connect-again-after-announced-failover
    if (!isClosed) redis.connect().catch(() => undefined);
  });
}

/** Returns a connection for checks, which isn't open yet, and fails at once instead of retrying. */
export function connectForCheck(server: RedisServer, prefix: string): RedisClient {
  const redis = createClient(server, {
    ...fastFailing,
    keyPrefix: prefix,
    lazyConnect: true,
    retryStrategy: () => null,
  });
  enforceReplyTimeouts(redis, checkDeadlineMs);
  redis.on('error', (error) => {
    if (isRefusedDatabase(error)) redis.disconnect();
  });
  return redis;
}

function enforceReplyTimeouts(redis: RedisClient, timeoutMs: number): void {
  if (isCluster(redis)) redis.on('+node', (node: Redis) => enforceReplyTimeout(node, timeoutMs));
  else enforceReplyTimeout(redis, timeoutMs);
}
