import { join } from 'node:path';
import { readBaseUrl } from './settings/base-url.ts';
import { type EnvFile, loadEnvFile } from './settings/env-file.ts';
import { toPlainText } from './settings/plain-text.ts';
import {
  type LogLevel,
  originsOutsideSpotify,
  ownAddress,
  readAmount,
  readCredential,
  readHost,
  readLedgerName,
  readListeners,
  readLogLevel,
  readLogoPath,
  readMarket,
  readMetrics,
  readPort,
  readProduction,
  readRedisCa,
  readRedisPrefix,
  readRedisUrl,
  readSecrets,
  readSwitch,
  readTrustProxy,
  readUrl,
} from './settings/readers.ts';
import { createRead, type Read } from './settings/setting-files.ts';
import { setupInstructions } from './settings/setup-steps.ts';
import { unknownSettings } from './settings/unknown.ts';

/** An app's credentials from Spotify's dashboard, and the addresses of Spotify. */
export type SpotifyApp = {
  clientId: string;
  clientSecret: string;
  /** The origin of the accounts service, without a slash at the end. */
  accountsUrl: string;
  /** The base URL of the Web API, without a slash at the end. */
  apiUrl: string;
  /** Origins besides Spotify's that may serve covers and links, such as the simulator's. */
  otherOrigins: string[];
};

export type Config = {
  isProduction: boolean;
  port: number;
  host: string;
  /** The public origin, such as `http://127.0.0.1:3000`. */
  baseUrl: string;
  /** Must be in Spotify's dashboard exactly like this. */
  redirectUri: string;
  /** For `redisTarget`. */
  redisUrl: string;
  /** The certificates of the authorities that Redis's certificate may come from, as PEM; null for those that Node trusts. */
  redisCa: string | null;
  /** Added before every key and channel in Redis. */
  redisPrefix: string;
  /** Whether REDIS_URL is not set and Turntable may find a Redis or start a private one. Never in production. */
  shouldFindRedis: boolean;
  /** The first secret signs and seals; all of them verify and open. */
  secrets: [string, ...string[]];
  /** Null if the client ID or secret is missing; then only the setup page is served. */
  spotify: SpotifyApp | null;
  /** The names of the credentials that are not set. */
  missing: string[];
  /** For Express's `trust proxy`. */
  trustProxy: boolean | number | string;
  logLevel: LogLevel;
  /** The port on this machine that serves the metrics; null for none. */
  metricsPort: number | null;
  /** The bearer token for the metrics on the main port, which doesn't serve them if this is null. */
  metricsToken: string | null;
  /** The IDs at Spotify of those who may sign in; null for everyone that Spotify lets in. */
  allowedListeners: string[] | null;
  /** Those of the owners of this site, who see who uses it; null for none. */
  ownerListeners: string[] | null;
  /** The country for searches and lists, as ISO 3166-1 alpha-2. */
  market: string;
  /** The file that contains Spotify's logo; if null, its name is shown as text. */
  spotifyLogo: string | null;
  /** How many calls to Spotify may be made in 24 hours. Spotify doesn't publish its limit. */
  dailyCalls: number;
  /** The ledger of calls to Spotify. Apps of one developer account may share one. */
  ledgerName: string;
  /** How many searches all visitors without a sign-in may make in 24 hours, together. */
  dailySearches: number;
  /** Whether the setup page and its checks are served. While credentials are missing, the setup page always is. */
  hasSetupPage: boolean;
  /** A sentence for each variable in .env that is not a known setting. */
  unknownSettings: string[];
};

/** The file with settings, beside package.json. */
export const envFile = join(import.meta.dirname, '..', '.env');

type Env = Record<string, string | undefined>;

/** Settings that may be in a file, whose path is in a variable of the same name with _FILE at its end. */
const secretNames = ['SPOTIFY_CLIENT_SECRET', 'REDIS_URL', 'SESSION_SECRET', 'METRICS_TOKEN'];

/** All problems with the configuration, as sentences that never quote a secret. */
export class BadConfiguration extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `Turntable can’t start with this configuration:\n${problems.map((one) => `  - ${one}`).join('\n')}`,
    );
    this.name = 'BadConfiguration';
    this.problems = problems;
  }
}

/**
 * Loads the configuration from `env` and the file `.env` beside package.json. Variables from the file are added to `env`, because libraries read
 * NODE_ENV and others there. Throws {@link BadConfiguration} with all problems.
 */
export function loadConfig(env: Env): Config {
  return readConfig(env, loadEnvFile(envFile, env));
}

/**
 * Reads the configuration from the environment. An empty variable counts as not set. Throws {@link BadConfiguration} with all problems, those with
 * the `.env` file first.
 */
export function readConfig(env: Readonly<Env>, file: EnvFile = { names: [], problems: [] }): Config {
  const problems = [...file.problems];
  const settings: string[] = [];
  const readExactly = createRead(env, secretNames, problems, (name) => settings.push(name));
  const read: Read = (name) => {
    const { value, problem } = toPlainText(name, readExactly(name) ?? '');
    if (problem) problems.push(problem);
    return value || undefined;
  };

  const isProduction = readProduction(read('NODE_ENV'), problems);
  const port = readPort(read('PORT'), problems);
  const host = readHost(read('HOST'), problems);
  const baseUrl = readBaseUrl(read('BASE_URL') ?? ownAddress(host, port, problems), problems);
  const redirectUri = `${baseUrl}/callback`;
  const trustProxy = readTrustProxy(read('TRUST_PROXY'), problems);
  if (baseUrl.startsWith('https:') && trustProxy === false) {
    problems.push(
      'BASE_URL is https, but TRUST_PROXY is not set. Turntable itself serves only http, so a proxy must provide https. ' +
        'Unless that proxy is trusted, Secure cookies are silently not set and no one can sign in. For one proxy, set TRUST_PROXY=1.',
    );
  }

  const clientId = readCredential('SPOTIFY_CLIENT_ID', read, problems);
  const clientSecret = readCredential('SPOTIFY_CLIENT_SECRET', read, problems);
  const accountsUrl = readUrl('SPOTIFY_ACCOUNTS_URL', read, 'https://accounts.spotify.com', problems);
  const apiUrl = readUrl('SPOTIFY_API_URL', read, 'https://api.spotify.com/v1', problems);
  const missing = findMissing(clientId, clientSecret);
  const isInFile = (name: string) => Boolean(env[`${name}_FILE`]);
  // A file that can't be read has been reported already.
  if (isProduction && missing.some((name) => !isInFile(name)))
    problems.push(setupInstructions(missing, redirectUri));
  const configuredRedisUrl = read('REDIS_URL');
  const redisUrl = readRedisUrl(configuredRedisUrl, problems);

  const config: Config = {
    isProduction,
    port,
    host,
    baseUrl,
    redirectUri,
    redisUrl,
    redisCa: readRedisCa(readExactly('REDIS_CA_FILE'), redisUrl, problems),
    redisPrefix: readRedisPrefix(read('REDIS_PREFIX'), redisUrl, problems),
    shouldFindRedis: configuredRedisUrl === undefined && !isProduction,
    secrets: readSecrets(readExactly('SESSION_SECRET'), clientSecret, problems),
    spotify:
      clientId && clientSecret
        ? {
            clientId,
            clientSecret,
            accountsUrl,
            apiUrl,
            otherOrigins: originsOutsideSpotify([accountsUrl, apiUrl]),
          }
        : null,
    missing,
    trustProxy,
    logLevel: readLogLevel(read('LOG_LEVEL'), problems),
    ...readMetrics(read('METRICS_PORT'), read('METRICS_TOKEN'), port, problems),
    allowedListeners: readListeners('ALLOWED_LISTENERS', read, problems),
    ownerListeners: readListeners('OWNER_LISTENERS', read, problems),
    market: readMarket(read('SPOTIFY_MARKET'), problems),
    spotifyLogo: readLogoPath(readExactly('SPOTIFY_LOGO'), problems),
    dailyCalls: readAmount('SPOTIFY_DAILY_CALLS', read, 700, problems),
    ledgerName: readLedgerName(read('SPOTIFY_LEDGER'), clientId, problems),
    dailySearches: readAmount('SPOTIFY_DAILY_SEARCHES', read, 100, problems),
    // With http the site can only be reached from this machine.
    // safeguard: hide-public-setup
    hasSetupPage: readSwitch('SETUP_PAGE', read, !isProduction && baseUrl.startsWith('http:'), problems),
    // safeguard: report-unknown-settings
    unknownSettings: unknownSettings(file.names, settings),
  };

  // A missing setting may be in the file under a misspelled name.
  // safeguard: report-unknown-settings-on-refusal
  if (problems.length > 0) throw new BadConfiguration([...problems, ...config.unknownSettings]);
  return config;
}

function findMissing(clientId: string | undefined, clientSecret: string | undefined): string[] {
  return [...(clientId ? [] : ['SPOTIFY_CLIENT_ID']), ...(clientSecret ? [] : ['SPOTIFY_CLIENT_SECRET'])];
}
