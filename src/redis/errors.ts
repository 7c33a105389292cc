/** Redis didn't answer, or refused a command. Nothing is lost, but visitors can't be identified for now. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
  /** The code of the reply, such as READONLY; undefined if there was none. */
  readonly reply: string | undefined;

  constructor(message: string, reply?: string) {
    super(message);
    this.reply = reply;
  }
}

/**
 * Returns a reply of Redis. Throws RedisUnavailable in place of ioredis's errors, which contain the command and with it the data that
 * was to be stored.
 */
export async function redisCall<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    const code = replyCode(error);
    // safeguard: hide-redis-errors
    const kind = code ?? (error instanceof Error ? error.name : 'unknown fault');
    throw new RedisUnavailable(`Redis: ${kind}`, code);
  }
}

/**
 * Replies of a server that can't serve pages while another one at the same address may: after a failover, the old primary is a replica, is
 * loading its data, or has lost its peers. A connection to it would never move to the new primary. UNBLOCKED is not in this list because
 * no command of ours blocks, and OOM and MISCONF are not because the connection leads to the right server.
 */
export const failoverReplies: ReadonlySet<string | undefined> = new Set([
  'READONLY',
  'MASTERDOWN',
  'LOADING',
  'NOREPLICAS',
  'CLUSTERDOWN',
]);

/** For work that can continue without Redis: returns null for RedisUnavailable and rethrows every other error. */
export function nullIfUnavailable(error: unknown): null {
  if (error instanceof RedisUnavailable) return null;
  throw error;
}

/** Returns whether Redis refused the connection because of its user or password. */
function isRefusedConnection(code: string | undefined): boolean {
  return ['NOAUTH', 'WRONGPASS', 'NOPERM'].includes(code ?? '');
}

/**
 * Returns whether Redis refused the database in the URL. ioredis emits this as an `error` and carries on in database 0, which may belong to
 * another program, so the caller has to disconnect.
 */
export function isRefusedDatabase(error: unknown): boolean {
  const { command } = (error ?? {}) as { command?: { name?: string } };
  return command?.name === 'select' && !isRefusedConnection(replyCode(error));
}

/**
 * Returns the code of an error reply, such as OOM, READONLY or WRONGTYPE; undefined for other errors. Redis 6 wraps the errors of commands
 * in scripts, and Redis 7 has no code for a command that the user may not run in a script.
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

/** Why Redis doesn't serve pages. Contains nothing of the commands it was sent. */
export type RedisFault = {
  /** The code of the reply or of the connection error, if there is one. */
  code: string | undefined;
  /** Continues a sentence that begins with "Redis", such as "is a read-only replica". */
  problem: string;
  /** How to fix it. */
  fix: string;
};

const refused = { problem: 'refuses the connection', fix: 'Check the user and password in REDIS_URL.' };
const replica = {
  problem: 'is a read-only replica',
  fix: 'REDIS_URL must point to the primary. Turntable keeps reconnecting until it does.',
};
const cluster = {
  problem: 'is one node of a cluster and doesn’t serve all keys',
  fix: 'REDIS_URL must point to a single Redis.',
};
const database = {
  problem: 'refuses the database number in REDIS_URL',
  fix: 'Write a different number after the host in REDIS_URL. Most servers have 16 databases, numbered from 0; without a number, 0 is used.',
};
const faults: Readonly<Record<string, Omit<RedisFault, 'code'>>> = {
  NOAUTH: refused,
  WRONGPASS: refused,
  READONLY: replica,
  MASTERDOWN: replica,
  LOADING: { problem: 'is still loading its data', fix: 'Wait until it has finished.' },
  OOM: { problem: 'is out of memory', fix: 'Raise its limit (maxmemory).' },
  MISCONF: { problem: 'can’t write to its disk', fix: 'Check the Redis log; the disk may be full.' },
  NOREPLICAS: {
    problem: 'has too few replicas to accept writes',
    fix: 'Check its replicas, or min-replicas-to-write.',
  },
  NOPERM: {
    problem: 'does not give this user the permissions that pages need',
    fix: 'Run ACL SETUSER with your user and ~* &* +@all -@dangerous.',
  },
  CLUSTERDOWN: cluster,
  MOVED: cluster,
};

/** Returns why Redis doesn't serve pages, according to an error, and what to do about it. */
export function redisFault(error: unknown): RedisFault {
  const reply = error instanceof RedisUnavailable ? error.reply : replyCode(error);
  if (isRefusedDatabase(error)) return { code: reply, ...database };
  if (reply === undefined) {
    return {
      code: error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined,
      problem: 'does not answer',
      fix: 'To start one: redis-server --appendonly yes.',
    };
  }
  const known = Object.hasOwn(faults, reply) ? faults[reply] : undefined;
  return { code: reply, ...(known ?? { problem: 'refuses commands', fix: 'Check the Redis log.' }) };
}
