import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { keyPrefixIn, type RedisTarget, redisTarget } from '../settings/redis-url.ts';

/** A connection to one Redis, which Sentinels may choose, or to all nodes of a cluster. */
export type RedisClient = Redis | Cluster;

/** The address of Redis, from the settings. */
export type RedisServer = {
  /** From `parseRedisUrl`. */
  url: string;
  /** The certificates of the authorities to trust, as PEM; null for those that Node trusts. */
  ca: string | null;
};

/** ioredis has other types of replies if `replyMapping` could be set. */
type PlainOptions = Omit<RedisOptions, 'replyMapping' | 'protocol'>;
type Options = PlainOptions & {
  /** Returns the milliseconds to wait before a new connection, or null for none. */
  retryStrategy: (attempt: number) => number | null;
};

/** How often a client of a cluster asks which node serves which keys. It also asks whenever a node refers it to another one. */
const slotsRefreshMs = 2_000;
/** How many times a command follows a cluster to another node. A failover takes one. */
const maxRedirections = 4;

/** Opens a connection that retries nothing by itself, except for commands that a cluster refers to another node. */
export function createClient(server: RedisServer, options: Options): RedisClient {
  const target = redisTarget(server.url);
  if (target.kind === 'single') return new Redis(server.url, { ...options, ...tlsOptions(target, server) });
  if (target.kind === 'cluster') return createCluster(target, server, options);
  const { hosts, name, db, sentinelUsername, sentinelPassword } = target;
  return new Redis({
    ...options,
    ...sharedOptions(target, server, options),
    sentinels: hosts,
    name,
    db,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(target.isTls && {
      enableTLSForSentinelMode: true,
      sentinelTLS: tlsOptions(target, server).tls ?? {},
    }),
    sentinelCommandTimeout: 2_000,
    // Without this, the connection would end for good the first time that no Sentinel answers.
    sentinelRetryStrategy: options.retryStrategy,
    // A primary that lost its place may still accept writes, which are lost when it returns as a replica.
    failoverDetector: true,
  });
}

function createCluster(
  target: Extract<RedisTarget, { kind: 'cluster' }>,
  server: RedisServer,
  options: Options,
): Cluster {
  const { retryStrategy, lazyConnect = false, enableAutoPipelining: _, ...others } = options;
  const { keyPrefix = '', ...shared } = sharedOptions(target, server, options);
  const cluster = new Cluster(target.hosts, {
    keyPrefix,
    lazyConnect,
    // If a node refers a command in an automatic pipeline to another node, the command fails as soon as anything else in the pipeline was done
    // (GitHub: redis/ioredis#2075). Single commands are followed, and don't wait for each other's replies either.
    // safeguard: no-pipelines-in-cluster
    enableAutoPipelining: false,
    clusterRetryStrategy: retryStrategy,
    // The check runs CLUSTER INFO and silently reconnects if the user may not. Our own check reports what is wrong.
    enableReadyCheck: false,
    // A command without a reply is never sent again, and one that can't be served fails at once, as with a single Redis.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections,
    slotsRefreshInterval: slotsRefreshMs,
    // Certificates are for names, so names must not be replaced by addresses.
    dnsLookup: (name, done) => done(null, name),
    redisOptions: { ...withoutQueueOptions(others), ...shared },
  });
  // The queue of a cluster holds commands back while it isn't connected, and pages with them. Without any queue, though, commands fail while
  // the first connection to a node is being opened.
  const { sendCommand } = cluster;
  cluster.sendCommand = (command, stream, node) => {
    if (['ready', 'connect', 'wait'].includes(cluster.status) || command.name === 'cluster')
      return sendCommand.call(cluster, command, stream, node);
    command.reject(new Error('Connection is closed.'));
    return command.promise;
  };
  return cluster;
}

/** Commands to a node wait until the connection to it is open, or has failed. */
function withoutQueueOptions({ enableOfflineQueue: _, keyPrefix: _prefix, ...options }: PlainOptions) {
  return options;
}

function sharedOptions(
  target: Exclude<RedisTarget, { kind: 'single' }>,
  server: RedisServer,
  { keyPrefix }: PlainOptions,
): PlainOptions {
  const { username, password, family } = target;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(family !== undefined && { family }),
    keyPrefix: keyPrefixIn(server.url) || (keyPrefix ?? ''),
    ...tlsOptions(target, server),
  };
}

function tlsOptions({ isTls }: { isTls: boolean }, { ca }: RedisServer): Pick<RedisOptions, 'tls'> {
  return isTls ? { tls: ca === null ? {} : { ca } } : {};
}

export function isCluster(redis: RedisClient): redis is Cluster {
  return redis instanceof Cluster;
}

/** Returns a connection to each server that accepts writes: one, or in a cluster every primary. */
export function primaries(redis: RedisClient): Redis[] {
  return isCluster(redis) ? redis.nodes('master') : [redis];
}

/**
 * Opens a second connection with the same options, for subscriptions, which doesn't resubscribe by itself. In a cluster, every node has the
 * messages of all, so it leads to any of them, and to another one after each failure.
 */
export function duplicateForSubscriptions(redis: RedisClient): Redis {
  if (!isCluster(redis)) return redis.duplicate({ autoResubscribe: false });
  const { clusterRetryStrategy, lazyConnect } = redis.options;
  const shared: PlainOptions = redis.options.redisOptions ?? {};
  let next = Math.floor(Math.random() * 1_000);
  const subscriber: Redis = new Redis({
    ...shared,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy(attempt) {
      // safeguard: subscribe-at-another-node
      chooseNode();
      return clusterRetryStrategy?.(attempt) ?? null;
    },
  });
  chooseNode();
  // The nodes are known by then.
  redis.on('ready', () => {
    if (subscriber.status !== 'wait') return;
    chooseNode();
    // If it fails, it is retried like any other connection.
    if (!lazyConnect) subscriber.connect().catch(() => undefined);
  });
  return subscriber;

  /** ioredis reads the address from the options at each connection. */
  function chooseNode(): void {
    next += 1;
    const nodes = (redis as Cluster).nodes();
    const { host, port } = nodes[next % nodes.length]?.options ?? {};
    if (host !== undefined && port !== undefined) Object.assign(subscriber.options, { host, port });
  }
}
