/** Where Turntable looks for a Redis if REDIS_URL is not set. */
export const defaultRedisUrl = 'redis://127.0.0.1:6379';
/** What goes before every key if REDIS_PREFIX is not set. */
export const defaultRedisPrefix = 'turntable:';

const encoding =
  'In its user and password write % as %25, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and a space as %20.';
const forms = `${defaultRedisUrl}, redis://USER:PASSWORD@HOST:6379/0 (rediss: for TLS), or unix:/path/to/redis.sock`;

/** The longest path of a socket in bytes: 104 on macOS and 108 on Linux, with the byte that ends it. */
const maxSocketPathBytes = 103;

/**
 * Reads REDIS_URL: a redis or rediss URL, or the absolute path of a socket, with or without `unix:`. Returns it in the form that
 * ioredis takes, or the problem as a sentence that does not quote it.
 */
export function parseRedisUrl(value: string): { url: string } | { problem: string } {
  const path = /^(?:unix:(?:\/\/)?)?(\/.*)$/.exec(value)?.[1];
  if (path !== undefined) {
    const problem = socketPathProblem(path);
    return problem ? { problem: `REDIS_URL: ${problem}` } : { url: path };
  }
  if (!/^rediss?:\/\//i.test(value) || !URL.canParse(value) || new URL(value).hostname === '')
    return { problem: `REDIS_URL must look like ${forms}. ${encoding}` };

  const { username, password, port, pathname, search, searchParams, hash } = new URL(value);
  // safeguard: refuse-port-zero
  if (port === '0')
    return { problem: `REDIS_URL must name the port that Redis listens on, such as ${defaultRedisUrl}.` };
  // An unencoded / ? or # in the password ends the host early, and leaves the rest with the @ behind it.
  // safeguard: detect-misplaced-password
  if (`${pathname}${search}${hash}`.includes('@'))
    return { problem: `REDIS_URL has an @ too far to the right. ${encoding}` };
  // safeguard: detect-unencoded-password
  if (!isEncoded(username) || !isEncoded(password))
    return { problem: `REDIS_URL has a % in its user or password. ${encoding}` };
  if (hash) return { problem: `REDIS_URL has a # at its end, which leads nowhere. ${encoding}` };
  // safeguard: detect-invalid-database
  if (!/^\/?\d*$/.test(pathname) || !/^\d*$/.test(searchParams.get('db') ?? ''))
    return {
      problem: `REDIS_URL names a database that is not a number. Write the number after the host: ${defaultRedisUrl}/0`,
    };
  return { url: value };
}

/** Why there cannot be a socket at this path, as a sentence; null if there can. */
export function socketPathProblem(path: string): string | null {
  const bytes = Buffer.byteLength(path.split('?')[0] ?? '');
  return bytes > maxSocketPathBytes
    ? `The path of the socket has ${bytes} bytes, and a system takes at most ${maxSocketPathBytes}. Use a shorter one.`
    : null;
}

/** What the URL puts before every key, as ioredis reads it; empty if it puts nothing there. */
export function keyPrefixIn(url: string): string {
  return new URLSearchParams(url.split('?')[1]).get('keyPrefix') ?? '';
}

/** Where a Redis listens: a port of a host, or the path of a socket. */
export type Listening = { host: string; port: number } | { path: string };

/** Where the Redis of a URL, or of the path of a socket, listens. */
export function listeningAt(url: string): Listening {
  if (url.startsWith('/')) return { path: url.split('?')[0] ?? url };
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
}

/** Where the Redis of a URL listens, in words fit for logs and pages: without user and password. */
export function redisAddress(url: string): string {
  const at = listeningAt(url);
  if ('path' in at) return at.path;
  return `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
