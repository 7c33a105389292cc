import { join } from 'node:path';
import { type EnvFile, loadEnvFile } from './settings/env-file.ts';
import { plainText } from './settings/plain-text.ts';
import {
  type LogLevel,
  originsBesideSpotify,
  ownAddress,
  type Read,
  readAmount,
  readBaseUrl,
  readCredential,
  readHost,
  readLogLevel,
  readLogoPath,
  readMarket,
  readPort,
  readProduction,
  readRedisPrefix,
  readRedisUrl,
  readSecrets,
  readSwitch,
  readTrustProxy,
  readUrl,
} from './settings/readers.ts';
import { howToSet } from './settings/setup-steps.ts';
import { unknownSettings } from './settings/unknown.ts';

/** What Spotify's dashboard gives an app, and where Spotify is. */
export type SpotifyApp = {
  clientId: string;
  clientSecret: string;
  /** Origin of the accounts service, without a slash at the end. */
  accountsUrl: string;
  /** Base of the Web API, without a slash at the end. */
  apiUrl: string;
  /** Origins beside Spotify's own that may serve covers and links: the simulator's, in the demo. */
  otherOrigins: string[];
};

export type Config = {
  production: boolean;
  port: number;
  host: string;
  /** The public origin, such as `http://127.0.0.1:3000`. */
  baseUrl: string;
  /** What must stand in Spotify's dashboard, letter for letter. */
  redirectUri: string;
  /** A redis or rediss URL, or the path of a socket. */
  redisUrl: string;
  /** Goes before every key in Redis. */
  redisPrefix: string;
  /** Whether REDIS_URL is not set and Turntable may find a Redis by itself, or start a private one. Never in production. */
  findsRedis: boolean;
  /** The first signs and seals, all verify and open. */
  secrets: [string, ...string[]];
  /** Null where client id or secret are missing: the setup page is shown instead. */
  spotify: SpotifyApp | null;
  /** The variables of the credentials that are not set. */
  missing: string[];
  /** For Express's `trust proxy`. */
  trustProxy: boolean | number | string;
  logLevel: LogLevel;
  /** The country that searches are made for and lists are asked for, as ISO 3166-1 alpha-2. */
  market: string;
  /** The file with Spotify's logo; null where the owner has none, and words do instead. */
  spotifyLogo: string | null;
  /** How many calls to Spotify may be made in 24 hours, as far as the owner knows. */
  dailyCalls: number;
  /** How many searches people who are not signed in have in 24 hours, all of them together. */
  dailySearches: number;
  /** Whether a page says how things are set up, and checks it. There always is one while credentials are missing. */
  setupPage: boolean;
  /** What the file .env sets that is no setting, a sentence each. */
  unknownSettings: string[];
};

type Env = Record<string, string | undefined>;

/** Everything that is wrong with the configuration, a sentence each. Never quotes a secret. */
export class BadConfiguration extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `Turntable cannot start with this configuration:\n${problems.map((one) => `  - ${one}`).join('\n')}`,
    );
    this.name = 'BadConfiguration';
    this.problems = problems;
  }
}

/**
 * Reads the whole configuration as every entry does: from `env`, and what that lacks from the file `.env` beside package.json, which is added to
 * `env` because libraries read NODE_ENV and the like there. Throws {@link BadConfiguration} with every problem at once.
 */
export function loadConfig(env: Env): Config {
  return readConfig(env, loadEnvFile(join(import.meta.dirname, '..', '.env'), env));
}

/**
 * Reads the whole configuration from the environment: every variable once, an empty one as if it were not set.
 * Throws {@link BadConfiguration} with every problem at once, those of the file that some of it came from first.
 */
export function readConfig(env: Readonly<Env>, file: EnvFile = { names: [], problems: [] }): Config {
  const problems = [...file.problems];
  const settings: string[] = [];
  const readExactly: Read = (name) => {
    settings.push(name);
    return env[name]?.trim() || undefined;
  };
  const read: Read = (name) => {
    const { value, problem } = plainText(name, readExactly(name) ?? '');
    if (problem) problems.push(problem);
    return value || undefined;
  };

  const production = readProduction(read('NODE_ENV'), problems);
  const port = readPort(read('PORT'), problems);
  const host = readHost(read('HOST'), problems);
  const baseUrl = readBaseUrl(read('BASE_URL') ?? ownAddress(host, port, problems), problems);
  const redirectUri = `${baseUrl}/callback`;
  const trustProxy = readTrustProxy(read('TRUST_PROXY'), problems);
  if (baseUrl.startsWith('https:') && trustProxy === false) {
    problems.push(
      'BASE_URL is https but TRUST_PROXY is not set. Turntable speaks plain http, so a proxy in front of it must be doing ' +
        'the https; unless that proxy is trusted, the Secure cookies would silently not be set and nobody could sign in. ' +
        'Set TRUST_PROXY=1 for one proxy.',
    );
  }

  const clientId = readCredential('SPOTIFY_CLIENT_ID', read, problems);
  const clientSecret = readCredential('SPOTIFY_CLIENT_SECRET', read, problems);
  const accountsUrl = readUrl('SPOTIFY_ACCOUNTS_URL', read, 'https://accounts.spotify.com', problems);
  const apiUrl = readUrl('SPOTIFY_API_URL', read, 'https://api.spotify.com/v1', problems);
  const missing = [
    ...(clientId ? [] : ['SPOTIFY_CLIENT_ID']),
    ...(clientSecret ? [] : ['SPOTIFY_CLIENT_SECRET']),
  ];
  if (production && missing.length > 0) problems.push(howToSet(missing, redirectUri));
  const namedRedis = read('REDIS_URL');
  const redisUrl = readRedisUrl(namedRedis, problems);

  const config: Config = {
    production,
    port,
    host,
    baseUrl,
    redirectUri,
    redisUrl,
    redisPrefix: readRedisPrefix(read('REDIS_PREFIX'), redisUrl, problems),
    findsRedis: namedRedis === undefined && !production,
    secrets: readSecrets(readExactly('SESSION_SECRET'), clientSecret, problems),
    spotify:
      clientId && clientSecret
        ? {
            clientId,
            clientSecret,
            accountsUrl,
            apiUrl,
            otherOrigins: originsBesideSpotify([accountsUrl, apiUrl]),
          }
        : null,
    missing,
    trustProxy,
    logLevel: readLogLevel(read('LOG_LEVEL'), problems),
    market: readMarket(read('SPOTIFY_MARKET'), problems),
    spotifyLogo: readLogoPath(readExactly('SPOTIFY_LOGO'), problems),
    dailyCalls: readAmount('SPOTIFY_DAILY_CALLS', read, 700, problems),
    dailySearches: readAmount('SPOTIFY_DAILY_SEARCHES', read, 100, problems),
    // On http, which is this machine alone, it is nobody else's to see.
    // safeguard: hide-public-setup
    setupPage: readSwitch('SETUP_PAGE', read, !production && baseUrl.startsWith('http:'), problems),
    // safeguard: report-unknown-settings
    unknownSettings: unknownSettings(file.names, settings),
  };

  // A setting that is missing may be there under another name.
  // safeguard: report-unknown-settings-on-refusal
  if (problems.length > 0) throw new BadConfiguration([...problems, ...config.unknownSettings]);
  return config;
}
