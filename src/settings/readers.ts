import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { credentialProblem } from './plain-text.ts';
import { defaultRedisPrefix, defaultRedisUrl, keyPrefixIn, parseRedisUrl, redisTarget } from './redis-url.ts';
import { type Read, readSettingFile } from './setting-files.ts';

/*
 * One function for each kind of setting. Each returns a usable value, and if the given one can't work, adds a sentence to `problems` that says
 * what to write instead. None throws, and no sentence quotes a secret.
 */

export type LogLevel = (typeof logLevels)[number];

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const namedProxies = /^(loopback|linklocal|uniquelocal)$/;

/** Matches the placeholders for secrets in examples. */
const placeholder =
  /change[-_ ]?(me|this|it)|replace[-_ ]?(me|this|it)|placeholder|example|your[-_ ]|secret[-_ ]?here|<.*>/i;
/** 32 random decimal digits contain fewer different ones only once in ten billion times. */
const minDifferentCharacters = 5;
const minSecretLength = 32;

export function readPort(value: string | undefined, problems: string[]): number {
  if (value === undefined) return 3000;
  if (isPort(value)) return Number(value);
  problems.push('PORT must be a whole number from 1 to 65535.');
  return 3000;
}

function isPort(value: string): boolean {
  return /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 65535;
}

/** Returns METRICS_PORT and METRICS_TOKEN, null for each that is not set. */
export function readMetrics(
  metricsPort: string | undefined,
  metricsToken: string | undefined,
  port: number,
  problems: string[],
): { metricsPort: number | null; metricsToken: string | null } {
  if (metricsPort !== undefined && (!isPort(metricsPort) || Number(metricsPort) === port))
    problems.push('METRICS_PORT must be a whole number from 1 to 65535, and not the same as PORT.');
  // The characters of a bearer token (RFC 6750, section 2.1).
  // safeguard: refuse-weak-metrics-token
  if (metricsToken !== undefined && !(/^[\w.~+/-]+=*$/.test(metricsToken) && isStrongSecret(metricsToken)))
    problems.push(
      'METRICS_TOKEN must be random: at least 32 letters, digits, or any of - . _ ~ + /. To create one: openssl rand -base64 36',
    );
  return { metricsPort: metricsPort ? Number(metricsPort) : null, metricsToken: metricsToken ?? null };
}

/** Returns whether this is production, for Turntable and for the libraries that read NODE_ENV. */
export function readProduction(value: string | undefined, problems: string[]): boolean {
  if (value !== undefined && value !== 'production' && /^prod/i.test(value))
    problems.push('NODE_ENV must be exactly "production", in lowercase.');
  return value === 'production';
}

/** Returns HOST, without the brackets of an IPv6 address, or 127.0.0.1. */
export function readHost(value: string | undefined, problems: string[]): string {
  if (value === undefined) return '127.0.0.1';
  const host = value.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && /[^\w.-]/.test(host))
    problems.push(
      'HOST must be an address such as 127.0.0.1 or a host name, without a scheme or port. Those belong in BASE_URL and PORT.',
    );
  return host;
}

/** Returns the URL of a server on this machine that listens on `host`, for use if BASE_URL is not set. */
export function ownAddress(host: string, port: number, problems: string[]): string {
  if (['127.0.0.1', '0.0.0.0', '::'].includes(host)) return `http://127.0.0.1:${port}`;
  if (host === '::1') return `http://[::1]:${port}`;
  problems.push(
    `HOST=${host} requires BASE_URL: the address that people use and that Spotify sends them back to.`,
  );
  return `http://127.0.0.1:${port}`;
}

/** Returns an http or https URL, without slashes at the end. */
export function readUrl(name: string, read: Read, fallback: string, problems: string[]): string {
  const value = read(name) ?? fallback;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
  problems.push(`${name} must be an http or https URL.`);
  return fallback;
}

/** Returns the client ID or the client secret; undefined if it is not set. */
export function readCredential(name: string, read: Read, problems: string[]): string | undefined {
  const value = read(name);
  const problem = credentialProblem(name, value ?? '');
  if (problem) problems.push(problem);
  return value;
}

/** Returns REDIS_URL in the form that `redisTarget` expects, or the default. */
export function readRedisUrl(value: string | undefined, problems: string[]): string {
  const parsed = parseRedisUrl(value ?? defaultRedisUrl);
  if ('url' in parsed) return parsed.url;
  problems.push(parsed.problem);
  return defaultRedisUrl;
}

/** The certificates of all authorities that a system trusts, in one file, are 200 kB or more. */
const maxCaBytes = 1_000_000;

/** Returns the certificates in REDIS_CA_FILE, as PEM; null if it is not set. */
export function readRedisCa(path: string | undefined, redisUrl: string, problems: string[]): string | null {
  if (path === undefined) return null;
  const file = readSettingFile('REDIS_CA_FILE', path, maxCaBytes);
  // safeguard: certificates-need-tls
  if (!redisTarget(redisUrl).isTls)
    problems.push('REDIS_CA_FILE is set, but REDIS_URL doesn’t use TLS. Write rediss: in place of redis:.');
  else if ('problem' in file) problems.push(file.problem);
  else if (!file.text.includes('-----BEGIN CERTIFICATE-----'))
    problems.push(
      'The file in REDIS_CA_FILE contains no certificate in PEM format (-----BEGIN CERTIFICATE-----).',
    );
  else return file.text;
  return null;
}

/** Returns the prefix of Redis keys. A brace in it would override the hash tags of the keys. */
export function readRedisPrefix(value: string | undefined, redisUrl: string, problems: string[]): string {
  if (value !== undefined && keyPrefixIn(redisUrl) !== '')
    problems.push('REDIS_PREFIX is set, and REDIS_URL has a keyPrefix. Remove the one in REDIS_URL.');
  if (value === undefined || /^[^\s{}*?[\]]{1,100}$/.test(value)) return value ?? defaultRedisPrefix;
  problems.push('REDIS_PREFIX must be at most 100 characters, without spaces or any of { } * ? [ ].');
  return defaultRedisPrefix;
}

/** Returns the secrets in SESSION_SECRET, in order; without it, one that is derived from the client secret. */
export function readSecrets(
  value: string | undefined,
  clientSecret: string | undefined,
  problems: string[],
): [string, ...string[]] {
  const [first, ...others] = (value ?? '').split(',').map((secret) => secret.trim());
  if (!first && others.length === 0) {
    // Two settings are enough: without SESSION_SECRET, a hash of the client secret is used, so that the client secret itself is used only for
    // Spotify.
    return [
      createHash('sha256')
        .update(`turntable session ${clientSecret ?? ''}`)
        .digest('hex'),
    ];
  }
  const secrets: [string, ...string[]] = [first ?? '', ...others];
  // safeguard: refuse-secrets-on-lines
  if (secrets.some((secret) => /[\r\n]/.test(secret))) {
    problems.push('SESSION_SECRET has a line break inside. Separate secrets by commas.');
  } else if (secrets.some((secret) => secret.length < minSecretLength)) {
    problems.push(
      'SESSION_SECRET: each secret in the comma-separated list must have at least 32 characters. ' +
        'To create one: openssl rand -base64 36',
    );
  } else if (!isStrongSecret(secrets[0])) {
    problems.push(
      'SESSION_SECRET starts with a placeholder that anyone could guess. Put a new secret and a comma before it, so that no one is signed ' +
        'out. To create one: openssl rand -base64 36',
    );
  }
  return secrets;
}

function isStrongSecret(secret: string): boolean {
  // safeguard: refuse-placeholder-secret
  const isGuessable = placeholder.test(secret) || new Set(secret).size < minDifferentCharacters;
  return secret.length >= minSecretLength && !isGuessable;
}

/** Returns a value for Express's `trust proxy`. */
export function readTrustProxy(value: string | undefined, problems: string[]): boolean | number | string {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (/^\d+$/.test(value)) return Number(value);
  // safeguard: refuse-to-trust-everyone
  if (value === 'true' || value.split(',').some((one) => /\/0+$/.test(one.trim()))) {
    problems.push(
      'TRUST_PROXY=true, or a range that ends in /0, would trust every client. Set the number of proxies, such as 1, or their addresses.',
    );
    return false;
  }
  if (value.split(',').every((one) => isProxy(one.trim()))) return value;
  problems.push('TRUST_PROXY must be the number of proxies, or a list of their addresses.');
  return false;
}

function isProxy(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const version = isIP(address);
  const maxBits = version === 4 ? 32 : 128;
  const maskFits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= maxBits);
  return namedProxies.test(value) || (version > 0 && maskFits && more.length === 0);
}

/** Returns LOG_LEVEL, or `info`. */
export function readLogLevel(value: string | undefined, problems: string[]): LogLevel {
  const level = logLevels.find((one) => one === (value ?? 'info'));
  if (level) return level;
  problems.push(`LOG_LEVEL must be one of ${logLevels.join(', ')}.`);
  return 'info';
}

/** Returns the path in SPOTIFY_LOGO; null if it is not set. */
export function readLogoPath(value: string | undefined, problems: string[]): string | null {
  if (value === undefined || /\.(svg|png)$/i.test(value)) return value ?? null;
  problems.push('SPOTIFY_LOGO must be the path of an .svg or .png file.');
  return null;
}

/** Returns the country code in SPOTIFY_MARKET, in uppercase, or US. */
export function readMarket(value: string | undefined, problems: string[]): string {
  if (value === undefined) return 'US';
  if (/^[A-Za-z]{2}$/.test(value)) return value.toUpperCase();
  problems.push('SPOTIFY_MARKET must be a two-letter country code, such as US or SE.');
  return 'US';
}

/** Returns the name of the ledger of calls: by default, every app has its own. */
export function readLedgerName(
  value: string | undefined,
  clientId: string | undefined,
  problems: string[],
): string {
  if (value === undefined) return clientId ?? '';
  if (!/^[\w-]{1,60}$/.test(value))
    problems.push('SPOTIFY_LEDGER must be at most 60 letters, digits, hyphens, and underscores.');
  return value;
}

/** Returns a list of listeners' IDs at Spotify; null if it is not set. */
export function readListeners(name: string, read: Read, problems: string[]): string[] | null {
  const value = read(name);
  if (value === undefined) return null;
  const ids = value.split(',').map((id) => id.trim());
  // safeguard: refuse-unusable-listener-ids
  if (!ids.every((id) => /^[\w.~%-]{1,100}$/.test(id)))
    problems.push(
      `${name} must be Spotify user IDs, separated by commas: for https://open.spotify.com/user/kitchen, write kitchen.`,
    );
  return ids;
}

/** Returns a whole number, 0 or more. */
export function readAmount(name: string, read: Read, fallback: number, problems: string[]): number {
  const value = read(name) ?? String(fallback);
  if (/^\d{1,9}$/.test(value)) return Number(value);
  problems.push(`${name} must be a whole number, 0 or more.`);
  return fallback;
}

export function readSwitch(name: string, read: Read, fallback: boolean, problems: string[]): boolean {
  const value = read(name) ?? (fallback ? 'on' : 'off');
  if (value !== 'on' && value !== 'off') problems.push(`${name} must be on or off.`);
  return value === 'on';
}

/** Returns the origins of those of these URLs that aren't on spotify.com or below it, without duplicates. */
export function originsOutsideSpotify(urls: string[]): string[] {
  const origins = urls.map((url) => new URL(url)).filter((url) => !/(^|\.)spotify\.com$/.test(url.hostname));
  return [...new Set(origins.map((url) => url.origin))];
}
