/** Used if REDIS_URL is not set. */
export const defaultRedisUrl = 'redis://127.0.0.1:6379';
/** Used if REDIS_PREFIX is not set. */
export const defaultRedisPrefix = 'turntable:';

const encoding =
  'In the user and password, write % as %25, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and a space as %20.';
const forms = `${defaultRedisUrl}, redis://USER:PASSWORD@HOST:6379/0 (rediss: for TLS), or unix:/path/to/redis.sock`;

/** The parameters of REDIS_URL that are supported, after the question mark, by what the URL leads to. */
const parameters = {
  single: ['db', 'family', 'keyPrefix', 'username', 'password'],
  sentinel: ['db', 'family', 'keyPrefix', 'username', 'password', 'sentinelUsername', 'sentinelPassword'],
  cluster: ['cluster', 'family', 'keyPrefix', 'username', 'password'],
};

/** The maximum length of a socket path in bytes. It is 104 on macOS and 108 on Linux, including the terminating zero. */
const maxSocketPathBytes = 103;

/**
 * Parses REDIS_URL: a redis or rediss URL, one with several hosts (a cluster), a redis+sentinel or rediss+sentinel URL, or the absolute path
 * of a socket, with or without `unix:` or `redis+unix:`. Returns it in the form that {@link redisTarget} expects, or the problem as a sentence
 * that doesn't quote it.
 */
export function parseRedisUrl(value: string): { url: string } | { problem: string } {
  const path = /^(?:(?:redis\+)?unix:(?:\/\/)?)?(\/.*)$/.exec(value)?.[1];
  if (path !== undefined) {
    const problem = socketPathProblem(path);
    if (problem) return { problem: `REDIS_URL: ${problem}` };
    return parameterProblem('single', new URLSearchParams(path.split('?')[1])) ?? { url: path };
  }
  const parts = splitHosts(value);
  if (!parts || parts.hosts.some((host) => !isHost(host)) || !URL.canParse(parts.firstUrl))
    return { problem: `REDIS_URL must have the form ${forms}. ${encoding}` };

  const { kind, hosts, firstUrl } = parts;
  const { username, password, pathname, search, searchParams, hash } = new URL(firstUrl);
  // safeguard: refuse-port-zero
  if (hosts.some((host) => toHost(host, 6379).port === 0))
    return { problem: `REDIS_URL must include the port of Redis, as in ${defaultRedisUrl}.` };
  // An unencoded / ? or # in the password ends the host too early, so the rest of the password and the @ follow it.
  // safeguard: detect-misplaced-password
  if (`${pathname}${search}${hash}`.includes('@'))
    return { problem: `REDIS_URL has an @ after its host. ${encoding}` };
  // safeguard: detect-unencoded-password
  if (!isEncoded(username) || !isEncoded(password))
    return { problem: `REDIS_URL has a % in its user or password. ${encoding}` };
  if (hash) return { problem: `REDIS_URL has a # at the end, which has no meaning there. ${encoding}` };
  const problem = databaseProblem(kind, pathname, searchParams);
  return problem === null ? (parameterProblem(kind, searchParams) ?? { url: value }) : { problem };
}

/** Returns the problem with the path of a URL and its parameters `db` and `cluster`, as a sentence, or null if there is none. */
function databaseProblem(
  kind: RedisTarget['kind'],
  pathname: string,
  search: URLSearchParams,
): string | null {
  if (kind === 'sentinel' && !sentinelPath.test(pathname))
    return 'REDIS_URL must have the name of the primary after the Sentinels: redis+sentinel://HOST:26379,HOST:26379/NAME';
  // safeguard: refuse-database-of-cluster
  if (kind === 'cluster' && !/^\/?0?$/.test(pathname))
    return 'REDIS_URL leads to a cluster, which has only database 0. Remove the number after the hosts.';
  // safeguard: detect-invalid-database
  if ((kind !== 'sentinel' && !/^\/?\d*$/.test(pathname)) || !/^\d*$/.test(search.get('db') ?? ''))
    return `The database in REDIS_URL is not a number. Write the number after the host: ${defaultRedisUrl}/0`;
  if (kind === 'cluster' && (search.get('cluster') ?? 'true') !== 'true')
    return 'In REDIS_URL, cluster can only be true. For a single Redis, remove it.';
  return null;
}

/** Returns the problem if a parameter isn't supported: ioredis takes each as an option, and some stop it from connecting. */
function parameterProblem(kind: RedisTarget['kind'], search: URLSearchParams): { problem: string } | null {
  const unknown = [...search.keys()].find((name) => !parameters[kind].includes(name));
  // safeguard: refuse-unknown-redis-parameters
  if (unknown === undefined) return null;
  const named = /^\w{1,30}$/.test(unknown) ? `: ${unknown}` : '';
  return {
    problem: `REDIS_URL has a parameter after the ? that isn’t supported${named}. Remove it. Supported parameters: ${parameters[kind].join(', ')}.`,
  };
}

/** Returns why there can't be a socket at this path, as a sentence, or null if there can. */
export function socketPathProblem(path: string): string | null {
  const bytes = Buffer.byteLength(path.split('?')[0] ?? '');
  return bytes > maxSocketPathBytes
    ? `The socket path is ${bytes} bytes long, but can be at most ${maxSocketPathBytes}. Use a shorter one.`
    : null;
}

/** Returns the URL's `keyPrefix`, which ioredis adds to every key, or an empty string. */
export function keyPrefixIn(url: string): string {
  return new URLSearchParams(url.split('?')[1]).get('keyPrefix') ?? '';
}

/** The address of a Redis: a host and port, or the path of a socket. */
export type RedisAddress = Host | { path: string };
type Host = { host: string; port: number };

/** The parts of REDIS_URL. Texts in it are decoded, and undefined if they aren't in the URL. */
export type RedisTarget = { kind: 'single'; url: string; isTls: boolean } | (ManyHosts & HostOptions);
type ManyHosts =
  | { kind: 'cluster' }
  | {
      kind: 'sentinel';
      /** The name that the Sentinels know the primary by. */
      name: string;
      db: number;
      sentinelUsername: string | undefined;
      sentinelPassword: string | undefined;
    };
type HostOptions = {
  hosts: Host[];
  isTls: boolean;
  username: string | undefined;
  password: string | undefined;
  /** 4 or 6 to only use IPv4 or IPv6. */
  family: number | undefined;
};

export function redisTarget(url: string): RedisTarget {
  const parts = splitHosts(url);
  if (!parts || parts.kind === 'single') return { kind: 'single', url, isTls: /^rediss:/i.test(url) };
  const { kind, isTls, firstUrl } = parts;
  const { username, password, pathname, searchParams } = new URL(firstUrl);
  const get = (name: string) => searchParams.get(name) || undefined;
  const options: HostOptions = {
    hosts: parts.hosts.map((host) => toHost(host, kind === 'sentinel' ? 26379 : 6379)),
    isTls,
    username: decodeURIComponent(username) || get('username'),
    password: decodeURIComponent(password) || get('password'),
    family: Number(get('family')) || undefined,
  };
  if (kind === 'cluster') return { kind, ...options };
  const [, name = '', db] = sentinelPath.exec(pathname) ?? [];
  return {
    kind,
    ...options,
    name: decodeURIComponent(name),
    db: Number(db ?? get('db') ?? 0),
    sentinelUsername: get('sentinelUsername'),
    sentinelPassword: get('sentinelPassword'),
  };
}

/** The name of the primary, and the number of the database. */
const sentinelPath = /^\/([\w.%-]+)(?:\/(\d+))?$/;

type Parts = {
  kind: RedisTarget['kind'];
  isTls: boolean;
  /** As they are written, with their ports. */
  hosts: string[];
  /** The URL with the first host only, which can be parsed like any other. */
  firstUrl: string;
};

/** Splits a URL that may have several hosts; null if it isn't one of Redis. */
function splitHosts(url: string): Parts | null {
  const [, scheme = '', sentinel, authority, rest = ''] =
    /^(rediss?)(\+sentinel)?:\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (authority === undefined) return null;
  const hostsAt = authority.lastIndexOf('@') + 1;
  const hosts = authority.slice(hostsAt).split(',');
  const firstUrl = `${scheme}://${authority.slice(0, hostsAt)}${hosts[0]}${rest}`;
  const isCluster = hosts.length > 1 || /[?&]cluster=/.test(rest);
  const kind = sentinel ? 'sentinel' : isCluster ? 'cluster' : 'single';
  return { kind, isTls: scheme.toLowerCase() === 'rediss', hosts, firstUrl };
}

function isHost(text: string): boolean {
  return text !== '' && URL.canParse(`redis://${text}`) && new URL(`redis://${text}`).hostname !== '';
}

function toHost(text: string, defaultPort: number): Host {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || defaultPort) };
}

/** Returns the address in the URL of a single Redis, or the first address in any other URL. */
export function parseRedisAddress(url: string): RedisAddress {
  if (url.startsWith('/')) return { path: url.split('?')[0] ?? url };
  return toHost(splitHosts(url)?.hosts[0] ?? '', 6379);
}

/** Returns the addresses in a Redis URL for logs and pages, without user and password. */
export function formatRedisAddress(url: string): string {
  const target = redisTarget(url);
  if (target.kind === 'cluster') return target.hosts.map(formatHost).join(', ');
  if (target.kind === 'sentinel') return `${target.name} (${target.hosts.map(formatHost).join(', ')})`;
  const address = parseRedisAddress(url);
  return 'path' in address ? address.path : formatHost(address);
}

export function formatHost({ host, port }: Host): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
