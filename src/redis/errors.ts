import { awaitReply } from '../waiting.ts';

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
    return await awaitReply('redis', reply);
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

/** Returns whether no Sentinel named a primary. */
export function isMissingPrimary(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('All sentinels are unreachable');
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
  const redirected = /^Too many Cluster redirections\. Last error: \w+: ([A-Z]{3,}) /.exec(message)?.[1];
  // safeguard: redis-6-script-errors
  return wrapped ?? redirected ?? /^[A-Z]{3,}(?= )/.exec(message)?.[0];
}

/** Why Redis doesn't serve pages. Contains nothing of the commands it was sent. */
export type RedisFault = {
  /** The code of the reply or of the connection error, if there is one. */
  code: string | undefined;
  /** Continues a sentence that begins with "Redis", such as "is a read-only replica". */
  problem: string;
  fix: string;
};

const refused = { problem: 'refuses the connection', fix: 'Check the user and password in REDIS_URL.' };
const replica = {
  problem: 'is a read-only replica',
  fix: 'REDIS_URL must point to the primary, or to Sentinels that know it. Turntable keeps reconnecting until it does.',
};
const clusterNode = {
  problem: 'is one node of a cluster and doesn’t serve all keys',
  fix: 'Write ?cluster=true at the end of REDIS_URL, or the addresses of several nodes in it, separated by commas.',
};
const incompleteCluster = {
  problem: 'is a cluster that doesn’t serve all keys now',
  fix: 'A replica takes the place of a lost primary within seconds. If it lasts, see redis-cli cluster nodes.',
};
const missingNode = {
  problem: 'has a node that doesn’t answer',
  fix: incompleteCluster.fix,
};
const noCluster = {
  problem: 'is not a cluster',
  fix: 'In REDIS_URL, write only one address, without cluster=true.',
};
const noPrimary = {
  problem: 'can’t be found, because no Sentinel names a primary',
  fix: 'In REDIS_URL, check the addresses of the Sentinels, the name of the primary after the slash, and sentinelPassword if they have one.',
};
const untrusted = {
  problem: 'has a certificate from an authority that isn’t trusted',
  fix: 'Set REDIS_CA_FILE to the file with the certificate of that authority.',
};
const expired = {
  problem: 'has a certificate that isn’t valid now',
  fix: 'Renew the certificate, and check the clocks.',
};
const otherName = {
  problem: 'has a certificate for another host',
  fix: 'In REDIS_URL, write the host as in the certificate.',
};
/** Only the checks find this: such a server waits for the rest of a command. */
export const withoutTls = {
  code: undefined,
  problem: 'doesn’t use TLS on this port',
  fix: 'In REDIS_URL, write redis: in place of rediss:, or another port.',
};
/** By the code of the connection error. */
const connectionFaults: Readonly<Record<string, Omit<RedisFault, 'code'>>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: expired,
  CERT_NOT_YET_VALID: expired,
  ERR_TLS_CERT_ALTNAME_INVALID: otherName,
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
    fix: 'Run ACL SETUSER with your user and the rights in docs/deploy.md.',
  },
  CLUSTERDOWN: incompleteCluster,
  MOVED: clusterNode,
};

/** Returns why Redis doesn't serve pages, according to an error, and what to do about it. */
export function redisFault(error: unknown): RedisFault {
  // ioredis says that no node answers, and why the last one didn't.
  const { lastNodeError } = (error ?? {}) as { lastNodeError?: unknown };
  if (lastNodeError) return redisFault(lastNodeError);
  const reply = error instanceof RedisUnavailable ? error.reply : replyCode(error);
  if (isRefusedDatabase(error)) return { code: reply, ...database };
  const message = error instanceof Error ? error.message : '';
  if (message.includes('cluster support disabled')) return { code: reply, ...noCluster };
  if (isMissingPrimary(error)) return { code: undefined, ...noPrimary };
  if (reply === undefined) {
    const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
    const known = Object.hasOwn(connectionFaults, code ?? '') ? connectionFaults[code ?? ''] : undefined;
    return {
      code,
      ...(known ?? { problem: 'does not answer', fix: 'To start one: redis-server --appendonly yes.' }),
    };
  }
  const known = Object.hasOwn(faults, reply) ? faults[reply] : undefined;
  return { code: reply, ...(known ?? { problem: 'refuses commands', fix: 'Check the Redis log.' }) };
}

/**
 * Returns the same for an error of a cluster that is connected. Without a reply, or if a command was referred to another node and didn't get
 * there, only one of its nodes is missing.
 */
export function clusterFault(error: unknown): RedisFault {
  const fault = redisFault(error);
  return fault.code === undefined || fault.code === 'MOVED' ? { code: undefined, ...missingNode } : fault;
}
