import { createHash } from 'node:crypto';
import { isIP } from 'node:net';

export type LogLevel = (typeof logLevels)[number];

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
  redisUrl: string;
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
};

/** One thing to do on the way to credentials, and what is to be pasted for it. */
export type SetupStep = { text: string; link?: string; paste?: { what: string; text: string } };

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

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const namedProxies = /^(loopback|linklocal|uniquelocal)$/;
const loopbackAddresses = ['127.0.0.1', '[::1]'];

/**
 * Reads the whole configuration from the environment: every variable once, an empty one as if it were not set.
 * Throws {@link BadConfiguration} with every problem at once.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;

  const production = read('NODE_ENV') === 'production';
  const port = readPort(read('PORT'), problems);
  const host = read('HOST') ?? '127.0.0.1';
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

  const clientId = read('SPOTIFY_CLIENT_ID');
  const clientSecret = read('SPOTIFY_CLIENT_SECRET');
  const accountsUrl = readUrl('SPOTIFY_ACCOUNTS_URL', read, 'https://accounts.spotify.com', problems);
  const apiUrl = readUrl('SPOTIFY_API_URL', read, 'https://api.spotify.com/v1', problems);
  const missing = [
    ...(clientId ? [] : ['SPOTIFY_CLIENT_ID']),
    ...(clientSecret ? [] : ['SPOTIFY_CLIENT_SECRET']),
  ];
  if (production && missing.length > 0) problems.push(howToSet(missing, redirectUri));

  const config: Config = {
    production,
    port,
    host,
    baseUrl,
    redirectUri,
    redisUrl: readRedisUrl(read('REDIS_URL') ?? 'redis://127.0.0.1:6379', problems),
    secrets: readSecrets(read('SESSION_SECRET'), clientSecret, problems),
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
    spotifyLogo: readLogoPath(read('SPOTIFY_LOGO'), problems),
    dailyCalls: readAmount('SPOTIFY_DAILY_CALLS', read, 700, problems),
    dailySearches: readAmount('SPOTIFY_DAILY_SEARCHES', read, 100, problems),
    // On http, which is this machine alone, it is nobody else's to see.
    setupPage: readSwitch('SETUP_PAGE', read, !production && baseUrl.startsWith('http:'), problems),
  };

  if (problems.length > 0) throw new BadConfiguration(problems);
  return config;
}

/**
 * What to do when there are no credentials: said by the setup page, and at a refused start in production.
 * Source of the steps: Spotify's "Apps", "Redirect URIs" and "Quota modes" documentation pages.
 */
export function setupSteps(redirectUri: string): SetupStep[] {
  return [
    {
      text: 'Open Spotify\'s dashboard, sign in and choose "Create app". Spotify asks for Premium on the account that owns the app.',
      link: 'https://developer.spotify.com/dashboard',
    },
    {
      text: 'Give the app a name; it must not begin with "Spot". For example:',
      paste: { what: 'Name of the app', text: 'Turntable' },
    },
    {
      text: 'Under "Redirect URIs" add exactly this, letter by letter, and press "Add":',
      paste: { what: 'Redirect URI', text: redirectUri },
    },
    { text: 'Under "Which API/SDKs are you planning to use?" tick "Web API", then save.' },
    {
      text: 'Open the app\'s settings. Copy "Client ID" to the end of this line of .env (.env.example is there to start from):',
      paste: { what: 'Line of .env for the client id', text: 'SPOTIFY_CLIENT_ID=' },
    },
    {
      text: 'Press "View client secret", and copy that to the end of this one:',
      paste: { what: 'Line of .env for the client secret', text: 'SPOTIFY_CLIENT_SECRET=' },
    },
    {
      text: 'For other people: under "User Management" add the name and the e-mail address of their Spotify accounts. There is room for five.',
    },
    { text: 'Stop Turntable (Ctrl-C) and start it again:', paste: { what: 'Command', text: 'npm start' } },
  ];
}

/** The command that shows everything without an app at Spotify. */
export const demoCommand = 'npm run demo';

function howToSet(missing: readonly string[], redirectUri: string): string {
  const steps = setupSteps(redirectUri).map(
    ({ text, link, paste }, index) => `${index + 1}. ${[text, link, paste?.text].filter(Boolean).join(' ')}`,
  );
  return (
    `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set. To get there:\n      ${steps.join('\n      ')}` +
    `\n      To look around without an app at Spotify: ${demoCommand}`
  );
}

function readPort(value: string | undefined, problems: string[]): number {
  if (value === undefined) return 3000;
  const port = Number(value);
  if (/^\d+$/.test(value) && port >= 1 && port <= 65535) return port;
  problems.push('PORT must be a whole number from 1 to 65535.');
  return 3000;
}

/** Where a server that listens on `host` answers on this machine. */
function ownAddress(host: string, port: number, problems: string[]): string {
  if (['127.0.0.1', '0.0.0.0', '::'].includes(host)) return `http://127.0.0.1:${port}`;
  if (host === '::1') return `http://[::1]:${port}`;
  problems.push(
    `HOST=${host} needs BASE_URL: the address that people type, and that Spotify sends them back to.`,
  );
  return `http://127.0.0.1:${port}`;
}

function readBaseUrl(value: string, problems: string[]): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== '/' ||
    url.search ||
    url.hash ||
    url.username
  ) {
    problems.push(
      'BASE_URL must be an origin such as https://music.example.org: scheme, host and port, nothing after them.',
    );
    return 'http://127.0.0.1:3000';
  }
  // Spotify takes loopback addresses over http and everything else over https only, and refuses the
  // name localhost (its documentation page "Redirect URIs").
  if (url.hostname === 'localhost') {
    problems.push(
      'BASE_URL names localhost, which Spotify refuses in redirect URIs. Use http://127.0.0.1 with the same port.',
    );
  } else if (url.protocol === 'http:' && !loopbackAddresses.includes(url.hostname)) {
    problems.push('BASE_URL must be https: Spotify accepts http redirect URIs for 127.0.0.1 and [::1] only.');
  }
  return url.origin;
}

function readUrl(
  name: string,
  read: (name: string) => string | undefined,
  fallback: string,
  problems: string[],
): string {
  const value = read(name) ?? fallback;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
  problems.push(`${name} must be an http or https URL.`);
  return fallback;
}

function readRedisUrl(value: string, problems: string[]): string {
  if (URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol)) return value;
  problems.push('REDIS_URL must look like redis://127.0.0.1:6379 (rediss: for TLS).');
  return 'redis://127.0.0.1:6379';
}

function readSecrets(
  value: string | undefined,
  clientSecret: string | undefined,
  problems: string[],
): [string, ...string[]] {
  const [first, ...others] = (value ?? '').split(',').map((secret) => secret.trim());
  if (!first && others.length === 0) {
    // Two settings are enough: without SESSION_SECRET the client secret stands in, made unlike itself
    // first so that it is nowhere used as it is.
    return [
      createHash('sha256')
        .update(`turntable session ${clientSecret ?? ''}`)
        .digest('hex'),
    ];
  }
  const secrets: [string, ...string[]] = [first ?? '', ...others];
  if (secrets.some((secret) => secret.length < 32)) {
    problems.push(
      'SESSION_SECRET: each secret in the comma-separated list must have at least 32 characters. ' +
        'To make one: openssl rand -base64 36',
    );
  }
  return secrets;
}

function readTrustProxy(value: string | undefined, problems: string[]): boolean | number | string {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (/^\d+$/.test(value)) return Number(value);
  if (value === 'true') {
    problems.push(
      'TRUST_PROXY=true would believe any sender. Give the number of proxies (1), or their addresses.',
    );
    return false;
  }
  if (value.split(',').every((one) => isProxy(one.trim()))) return value;
  problems.push('TRUST_PROXY must be a number of proxies or a list of their addresses.');
  return false;
}

function isProxy(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const maskFits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  return namedProxies.test(value) || (version > 0 && maskFits && more.length === 0);
}

function readLogLevel(value: string | undefined, problems: string[]): LogLevel {
  const level = logLevels.find((one) => one === (value ?? 'info'));
  if (level) return level;
  problems.push(`LOG_LEVEL must be one of ${logLevels.join(', ')}.`);
  return 'info';
}

function readLogoPath(value: string | undefined, problems: string[]): string | null {
  if (value === undefined || /\.(svg|png)$/i.test(value)) return value ?? null;
  problems.push('SPOTIFY_LOGO must be the path of an .svg or .png file.');
  return null;
}

function readMarket(value: string | undefined, problems: string[]): string {
  if (value === undefined) return 'US';
  if (/^[A-Za-z]{2}$/.test(value)) return value.toUpperCase();
  problems.push('SPOTIFY_MARKET must be a country of two letters, such as US or SE.');
  return 'US';
}

function readAmount(
  name: string,
  read: (name: string) => string | undefined,
  fallback: number,
  problems: string[],
): number {
  const value = read(name) ?? String(fallback);
  if (/^\d{1,9}$/.test(value)) return Number(value);
  problems.push(`${name} must be a whole number, 0 or more.`);
  return fallback;
}

function readSwitch(
  name: string,
  read: (name: string) => string | undefined,
  fallback: boolean,
  problems: string[],
): boolean {
  const value = read(name) ?? (fallback ? 'on' : 'off');
  if (value !== 'on' && value !== 'off') problems.push(`${name} must be on or off.`);
  return value === 'on';
}

function originsBesideSpotify(urls: string[]): string[] {
  const origins = urls.map((url) => new URL(url)).filter((url) => !/(^|\.)spotify\.com$/.test(url.hostname));
  return [...new Set(origins.map((url) => url.origin))];
}
