/** Redis did not answer, or refused: nothing is lost, but nobody can be known just now. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
  /** The code of its reply, such as READONLY; undefined if it did not reply. */
  readonly reply: string | undefined;

  constructor(message: string, reply?: string) {
    super(message);
    this.reply = reply;
  }
}

/**
 * Waits for Redis. What it throws instead is ours and says only the kind of fault: an error of the Redis
 * client carries the command it was given, and with it whatever was to be stored.
 */
export async function redisCall<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const reply = replyCode(error);
    // safeguard: hide-redis-errors
    const kind = reply ?? (error instanceof Error ? error.name : 'unknown fault');
    throw new RedisUnavailable(`Redis: ${kind}`, reply);
  }
}

/**
 * Replies of a server that cannot serve now, while another one may at the same address: after a failover the old primary is a
 * replica, loads its data, or has lost the others. A connection to it would stay there for ever. UNBLOCKED is not among them,
 * because no command of ours blocks; OOM and MISCONF are not, because the connection leads to the right server.
 */
export const movedOn: ReadonlySet<string | undefined> = new Set([
  'READONLY',
  'MASTERDOWN',
  'LOADING',
  'NOREPLICAS',
  'CLUSTERDOWN',
]);

/** For work that can go on without what Redis would have told: null where it is unavailable. Throws every other error on. */
export function nullIfUnavailable(error: unknown): null {
  if (error instanceof RedisUnavailable) return null;
  throw error;
}

/** Whether Redis has refused the connection itself, for its user or password. */
export function isRefusedConnection(code: string | undefined): boolean {
  return ['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(code ?? '');
}

/**
 * Whether Redis refused the database that the URL names. ioredis says so in an `error` event and goes on in database 0, which may be
 * somebody else's, so whoever sees this has to disconnect.
 */
export function isRefusedDatabase(error: unknown): boolean {
  const { command } = (error ?? {}) as { command?: { name?: string } };
  return command?.name === 'select' && !isRefusedConnection(replyCode(error));
}

/**
 * The code of an error reply of Redis, such as OOM, READONLY or WRONGTYPE; undefined for other errors. Redis 6 wraps the replies
 * to what a script does, and Redis 7 has no code for what a script may not do.
 */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  // safeguard: redis-7-script-permissions
  if (message.startsWith('ERR The user executing the script')) return 'NOPERM';
  const wrapped = /^ERR Error running script.*?: -([A-Z]{3,}) /s.exec(message)?.[1];
  // safeguard: redis-6-script-errors
  return wrapped ?? /^[A-Z]{3,}(?= )/.exec(message)?.[0];
}

/** Why Redis doesn't do what pages need, in words that quote nothing of what it was asked. */
export type RedisFault = {
  /** The code of its reply or of the failed connection, if there is one. */
  code: string | undefined;
  /** What it does, such as "is a read-only replica". */
  does: string;
  /** What to do about it. */
  fix: string;
};

const refused = { does: 'refuses the connection', fix: 'Look at the user and password in REDIS_URL.' };
const replica = {
  does: 'is a read-only replica',
  fix: 'REDIS_URL must lead to the primary. Turntable keeps connecting again until it does.',
};
const cluster = {
  does: 'is part of a cluster that does not serve all keys here',
  fix: 'REDIS_URL must lead to a single Redis.',
};
const database = {
  does: 'refuses the database that REDIS_URL names',
  fix: 'Write another number after the host in REDIS_URL: most have 16 databases, numbered from 0. Without a number it is 0.',
};
const faults: Readonly<Record<string, Omit<RedisFault, 'code'>>> = {
  NOAUTH: refused,
  WRONGPASS: refused,
  READONLY: replica,
  MASTERDOWN: replica,
  LOADING: { does: 'is still loading its data', fix: 'It answers when it is done.' },
  OOM: { does: 'is out of memory', fix: 'Give it more (maxmemory).' },
  MISCONF: { does: 'cannot write to its disk', fix: 'Look at the log of Redis: the disk may be full.' },
  NOREPLICAS: {
    does: 'has too few replicas to take writes',
    fix: 'Look at its replicas, or at min-replicas-to-write.',
  },
  NOPERM: {
    does: 'does not permit this user what pages do',
    fix: 'Allow it: ACL SETUSER with your user, ~* &* +@all -@dangerous.',
  },
  CLUSTERDOWN: cluster,
  MOVED: cluster,
};

/** What is wrong with Redis, by the error it caused. */
export function redisFault(error: unknown): RedisFault {
  const reply = error instanceof RedisUnavailable ? error.reply : replyCode(error);
  if (isRefusedDatabase(error)) return { code: reply, ...database };
  if (reply === undefined) {
    return {
      code: error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined,
      does: 'does not answer',
      fix: 'To start one: redis-server --appendonly yes.',
    };
  }
  const known = Object.hasOwn(faults, reply) ? faults[reply] : undefined;
  return { code: reply, ...(known ?? { does: 'refuses what pages ask', fix: 'Look at the log of Redis.' }) };
}
