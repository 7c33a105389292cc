/**
 * Which version of the Web API is served: `2026-02` as new apps in Development Mode get it, `legacy` as it was in 2025, or `both`, the
 * names and fields of the two together, as apps with extended quota get it.
 */
export type ApiVersion = (typeof apiVersions)[number];

export const apiVersions = ['2026-02', 'both', 'legacy'] as const;

/** Names of the versions before 0.2.0; still accepted in SIMULATOR_DIALECT. */
const formerNames: Readonly<Record<string, ApiVersion>> = {
  development: '2026-02',
  extended: 'both',
  old: 'legacy',
};

/** SIMULATOR_API_VERSION names no version. */
export class UnknownApiVersion extends Error {
  override readonly name = 'UnknownApiVersion';
}

/**
 * Returns the version to start with, from SIMULATOR_API_VERSION or its former name SIMULATOR_DIALECT; `2026-02` if neither is set.
 * Throws {@link UnknownApiVersion}.
 */
export function readApiVersion(env: Readonly<Record<string, string | undefined>>): ApiVersion {
  const wanted = env.SIMULATOR_API_VERSION?.trim() || env.SIMULATOR_DIALECT?.trim() || '2026-02';
  const apiVersion = formerNames[wanted] ?? apiVersions.find((one) => one === wanted);
  if (!apiVersion)
    throw new UnknownApiVersion(`SIMULATOR_API_VERSION must be one of ${apiVersions.join(', ')}.`);
  return apiVersion;
}

/**
 * What a refresh does to the refresh token. `none`: nothing, and the answer names no new one. `strict`: a new one comes
 * and the old one is dead. `family`: as strict, and using a dead one ends everything that came from the same consent.
 * `grace`: as strict, but the old one works for 30 seconds more.
 */
export type Rotation = 'none' | 'strict' | 'family' | 'grace';

export type SimulatorOptions = {
  /** 0 or absent: any free port. */
  port?: number;
  /** The address it listens on, 127.0.0.1 if absent; inside a container it has to be another. */
  host?: string;
  clientId: string;
  clientSecret: string;
  /** Exact strings, as in the dashboard of a Spotify app. */
  redirectUris?: string[];
  /** Milliseconds since the epoch. Everything that has an age asks this clock. */
  now?: () => number;
  apiVersion?: ApiVersion;
  /** Called when somebody clears all faults: what the app remembers of them, such as how long it was told to wait, is over as well. */
  onClear?: () => void;
  /** How many listeners there are beside the three: `guest1` and on, each with devices that bear their name. None if absent. */
  extraListeners?: number;
};

/** May be changed at any time; takes effect with the next request. */
export type Settings = {
  apiVersion: ApiVersion;
  rotation: Rotation;
  accessTokenSeconds: number;
  /** Listeners who are not on the app's list: they can sign in, but every call to the web API answers 403. */
  notInvited: Set<string>;
  /** Spotify has sent that 403 both as plain text and as JSON. */
  notInvitedAs: 'text' | 'json';
  /** False: every call to the web API answers 403, with an app token too. */
  ownerHasPremium: boolean;
  /** What consent gives, whatever was asked for; null gives what was asked for. */
  grantedScope: string | null;
  /** How long after consent a refresh token ends, in milliseconds. */
  sixMonthsMs: number;
  /** How long a player command takes until the player's answers show it; Spotify's state lags behind. */
  commandDelayMs: number;
  /** Tracks that are not played where the listeners live, by URI. */
  unavailable: Map<string, Unavailable>;
  /** The quota: so many calls to the web API in any 24 hours, whoever makes them; null for no end of them. */
  callsPerDay: number | null;
};

/** What Spotify has instead of a track: another instance of it by URI, or none and a reason such as `market` ("Track Relinking"). */
export type Unavailable = { instead: string } | { reason: string };

/** What a listener's player shows. `nothing` is Spotify's empty 204; `private` is a track in a private session. */
export type Playing =
  | { kind: 'music'; paused?: boolean }
  | { kind: 'track'; index: number; progressMs: number; paused?: boolean }
  | { kind: 'episode'; paused?: boolean }
  | { kind: 'ad' }
  | { kind: 'local'; paused?: boolean }
  | { kind: 'nothing' }
  | { kind: 'private' }
  | { kind: 'unknown' };

/**
 * Something that goes wrong with the next requests.
 * `silence`: never answers. `drip`: headers, then a byte every 100 ms for ever. `reset`: the connection breaks before any
 * answer. `truncate`: promises more body than it sends. `huge`: a body of 60 MB. `reset-after`: the request is carried
 * out, and the connection breaks instead of the answer.
 */
export type Fault = {
  /** `token`: the token endpoint. `api`: the web API. A RegExp is tested against the path. */
  on: 'token' | 'api' | RegExp;
  /** How many requests it meets; 1 if absent. */
  times?: number;
  /** The answer is held back for so many real milliseconds; the request itself is carried out at once. */
  delayMs?: number;
  /** The same, until what this returns resolves; called when the answer is ready. */
  until?: () => Promise<unknown>;
  answer?: { status: number; headers?: Record<string, string>; body?: string };
  how?: 'silence' | 'drip' | 'reset' | 'truncate' | 'huge' | 'reset-after';
};

/** One request to the token endpoint or the web API. Holds no secret and no token. */
export type Call = {
  service: 'accounts' | 'api';
  method: string;
  path: string;
  query: Record<string, string>;
  grantType?: string;
  /** 0 as long as no answer was sent. */
  status: number;
  /** By the simulator's clock. */
  at: number;
  listenerId?: string;
};

export type Simulator = {
  /** `http://localhost:PORT`; browser and app both use this name. */
  origin: string;
  accountsUrl: string;
  apiUrl: string;
  settings: Settings;
  listeners: readonly { id: string; accountId: string; name: string | null }[];
  /** The requests to the token endpoint and the web API in the order they came in; the newest 10,000. */
  calls: Call[];
  forgetCalls(): void;
  registerRedirectUri(uri: string): void;
  /** As if the listener had put it on; `on` is the name of the device, the one they used before if absent. */
  plays(listenerId: string, what: Playing, on?: string): void;
  /** Makes it a Premium or a Free account. */
  subscribes(listenerId: string, product: 'premium' | 'free'): void;
  /** All access tokens end now; refreshing still works. */
  expireAccessTokens(): void;
  /** As if the listener (or all) had removed the app from their account. */
  revokeGrants(listenerId?: string): void;
  /** As if six months had gone by since the consent; access tokens live on until their own end. */
  endSixMonths(listenerId?: string): void;
  fault(fault: Fault): void;
  /**
   * Every call to the web API answers 429 for so long by the simulator's clock; with `quota`, as Spotify does where the quota
   * of the developer's account is used up.
   */
  rateLimit(seconds: number, options?: { quota?: boolean }): void;
  /** Ends what `fault` and `rateLimit` have begun. */
  clearFaults(): void;
  /** As if the listener had pressed Agree at this authorize URL. Gives the URL the browser would be sent to; rejects with Spotify's words where the page would refuse. */
  agree(authorizeUrl: string, listenerId: string): Promise<string>;
  /** Ends open connections too. */
  close(): Promise<void>;
};
