/** Used if REDIS_URL is not set. */
export const defaultRedisUrl = 'redis://127.0.0.1:6379';
/** Used if REDIS_PREFIX is not set. */
export const defaultRedisPrefix = 'turntable:';

const encoding =
  'In the user and password, write % as %25, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and a space as %20.';
const forms = `${defaultRedisUrl}, redis://USER:PASSWORD@HOST:6379/0 (rediss: for TLS), or unix:/path/to/redis.sock`;

/** The parameters of REDIS_URL that are supported, after the question mark. */
const parameters = ['db', 'family', 'keyPrefix', 'username', 'password'];

/** The maximum length of a socket path in bytes. It is 104 on macOS and 108 on Linux, including the terminating zero. */
const maxSocketPathBytes = 103;

/**
 * Parses REDIS_URL: a redis or rediss URL, or the absolute path of a socket, with or without `unix:`. Returns it in the form that ioredis
 * expects, or the problem as a sentence that doesn't quote it.
 */
export function parseRedisUrl(value: string): { url: string } | { problem: string } {
  const path = /^(?:unix:(?:\/\/)?)?(\/.*)$/.exec(value)?.[1];
  if (path !== undefined) {
    const problem = socketPathProblem(path);
    if (problem) return { problem: `REDIS_URL: ${problem}` };
    return parameterProblem(new URLSearchParams(path.split('?')[1])) ?? { url: path };
  }
  if (!/^rediss?:\/\//i.test(value) || !URL.canParse(value) || new URL(value).hostname === '')
    return { problem: `REDIS_URL must have the form ${forms}. ${encoding}` };

  const { username, password, port, pathname, search, searchParams, hash } = new URL(value);
  // safeguard: refuse-port-zero
  if (port === '0') return { problem: `REDIS_URL must include the port of Redis, as in ${defaultRedisUrl}.` };
  // An unencoded / ? or # in the password ends the host too early, so the rest of the password and the @ follow it.
  // safeguard: detect-misplaced-password
  if (`${pathname}${search}${hash}`.includes('@'))
    return { problem: `REDIS_URL has an @ after its host. ${encoding}` };
  // safeguard: detect-unencoded-password
  if (!isEncoded(username) || !isEncoded(password))
    return { problem: `REDIS_URL has a % in its user or password. ${encoding}` };
  if (hash) return { problem: `REDIS_URL has a # at the end, which means nothing there. ${encoding}` };
  // safeguard: detect-invalid-database
  if (!/^\/?\d*$/.test(pathname) || !/^\d*$/.test(searchParams.get('db') ?? ''))
    return {
      problem: `The database in REDIS_URL is not a number. Write the number after the host: ${defaultRedisUrl}/0`,
    };
  return parameterProblem(searchParams) ?? { url: value };
}

/** Returns the problem if a parameter isn't supported: ioredis takes each as an option, and some stop it from connecting. */
function parameterProblem(search: URLSearchParams): { problem: string } | null {
  const unknown = [...search.keys()].find((name) => !parameters.includes(name));
  // safeguard: refuse-unknown-redis-parameters
  if (unknown === undefined) return null;
  const named = /^\w{1,30}$/.test(unknown) ? `: ${unknown}` : '';
  return {
    problem: `REDIS_URL has a parameter after the ? that isn’t supported${named}. Remove it; possible are ${parameters.join(', ')}.`,
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
export type RedisAddress = { host: string; port: number } | { path: string };

/** Returns the address in a Redis URL or socket path. */
export function parseRedisAddress(url: string): RedisAddress {
  if (url.startsWith('/')) return { path: url.split('?')[0] ?? url };
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
}

/** Returns the address in a Redis URL for logs and pages, without user and password. */
export function formatRedisAddress(url: string): string {
  const address = parseRedisAddress(url);
  if ('path' in address) return address.path;
  const { host, port } = address;
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
