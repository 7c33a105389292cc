import type { ApiVersion } from './api-version.ts';
import type { Family } from './families.ts';

/**
 * The effect of a refresh on the refresh token.
 * `none`: it stays valid, and the response contains no new one. `strict`: a new one replaces it at once. `family`: as `strict`, and
 * using a replaced one revokes everything that came from the same consent. `grace`: as `strict`, but the old one works for another 30
 * seconds.
 */
export type Rotation = 'none' | 'strict' | 'family' | 'grace';

export type SimulatorOptions = {
  /** Any free port if 0 or absent. */
  port?: number;
  /** The address to listen on; 127.0.0.1 if absent. In a container it has to be another one. */
  host?: string;
  clientId: string;
  clientSecret: string;
  /** Exact strings, as in the dashboard of a Spotify app. */
  redirectUris?: string[];
  /** Returns milliseconds since the epoch. Everything that ages uses this clock. */
  now?: () => number;
  /** `2026-02` if absent. */
  apiVersion?: ApiVersion;
  /** Called after "Reset limits" and "Clear all faults", so that an app can end a cooldown that it remembers. */
  onClear?: () => void;
  /** Number of listeners in addition to the three: `guest1`, `guest2` …, each with their own devices. None if absent. */
  extraListeners?: number;
};

/** Can be changed at any time and takes effect with the next request. */
export type Settings = {
  apiVersion: ApiVersion;
  rotation: Rotation;
  accessTokenSeconds: number;
  /** Listeners who aren't in the app's User Management: they can sign in, but every call to the Web API answers 403. */
  notInvited: Set<string>;
  /** Spotify has sent that 403 both as plain text and as JSON. */
  notInvitedFormat: 'text' | 'json';
  /** If false, every call to the Web API answers 403, including calls with an app token. */
  ownerHasPremium: boolean;
  /** The scopes that a consent grants, whichever ones are requested; null grants the requested ones. */
  grantedScope: string | null;
  /** How long after the consent a refresh token expires. */
  consentLifetimeMs: number;
  /** How long the player's state takes to show the effect of a command: Spotify's state lags behind. */
  commandDelayMs: number;
  /** Tracks that can't be played where the listeners live, by URI. */
  unavailable: Map<string, Unavailable>;
  /** The quota for all calls to the Web API in any 24 hours, by all tokens together; null for no such quota. */
  callsPerDay: number | null;
  /** Quotas for some families each. A family in no bucket has no quota. */
  buckets: readonly Bucket[];
  /**
   * Endpoints that answer every call with 429, without a reason and without Retry-After, such as `GET /browse/new-releases`: Spotify
   * answers so at some endpoints that it has removed (GitHub: michaelherger/Spotty-Plugin#213).
   */
  goneEndpoints: Set<string>;
  /** Whether `PUT /me/library` and `DELETE /me/library` accept artists. The reference doesn't list them, so they don't by default. */
  followsArtistsInLibrary: boolean;
};

/** A quota for the calls to these families in any 24 hours, by all tokens together. `quota` is true if absent. */
export type Bucket = RefusalOptions & { families: readonly Family[]; callsPerDay: number };

/** The form of a 429 response. */
export type RefusalOptions = {
  /** Whether a JSON body names the reason `QUOTA_EXCEEDED`; a body of text never does. */
  quota?: boolean;
  /** Whether it has a Retry-After header; true if absent. */
  retryAfter?: boolean;
  /** If absent, `json` with `quota`, otherwise `text`. */
  body?: 'json' | 'text';
};

export type LimitOptions = RefusalOptions & {
  /** The families whose calls are refused, together with those that share a bucket with them; all calls if absent. */
  families?: readonly Family[];
};

/** Spotify's answer for an unavailable track: another instance of it by URI, or a reason such as `market` ("Track Relinking"). */
export type Unavailable = { instead: string } | { reason: string };

/** The tokens of one consent. Times are milliseconds since the epoch. */
export type RestoredGrant = {
  listenerId: string;
  scopes: readonly string[];
  consentAt: number;
  accessToken: string;
  expiresAt: number;
  refreshToken: string;
};

/** The state of a listener's player. `nothing` is Spotify's empty 204; `private` is a track in a private session. */
export type Playing =
  | { kind: 'music'; paused?: boolean }
  | { kind: 'track'; index: number; progressMs: number; paused?: boolean }
  | { kind: 'episode'; paused?: boolean }
  | { kind: 'ad' }
  | { kind: 'local'; paused?: boolean }
  | { kind: 'nothing' }
  | { kind: 'private' }
  | { kind: 'unknown' };

/** Something that goes wrong with the next requests. */
export type Fault = {
  /** `token`: the token endpoint. `api`: the Web API. A RegExp is tested against the path. */
  on: 'token' | 'api' | RegExp;
  /** Only requests with this method. */
  method?: string;
  /** Only requests for pages of a list from this offset on. */
  minOffset?: number;
  /** How many requests are affected; 1 if absent. */
  times?: number;
  /** Delays the response by this much real time; the request itself is carried out at once. */
  delayMs?: number;
  /** Delays the response until the promise resolves. Called when the response is ready. */
  until?: () => Promise<unknown>;
  answer?: { status: number; headers?: Record<string, string>; body?: string };
  /**
   * `silence`: no response, ever. `drip`: headers, then a byte every 100 ms, for ever. `reset`: the connection is reset before any
   * response. `truncate`: a body that is shorter than its Content-Length. `huge`: a body of 60 MB. `bomb`: a
   * small compressed body that unpacks to 60 MB. `reset-after`: the request is
   * carried out, then the connection is reset in place of the response.
   */
  how?: 'silence' | 'drip' | 'reset' | 'truncate' | 'huge' | 'bomb' | 'reset-after';
};

/** One request to the token endpoint or the Web API. Contains no secret and no token. */
export type Call = {
  service: 'accounts' | 'api';
  method: string;
  path: string;
  query: Record<string, string>;
  grantType?: string;
  /** 0 until a response is sent. */
  status: number;
  /** When it arrived, by the simulator's clock. */
  at: number;
  listenerId?: string;
  /** The header of this name, if there was one (W3C Trace Context). */
  traceparent?: string;
};

export type EndpointSummary = {
  /** For example `GET /me/player`. */
  endpoint: string;
  /** Those that every call needs; some need more, depending on their parameters. */
  scopes: readonly string[];
  versions: 'all' | 'legacy' | '2026-02';
  acceptsAppToken: boolean;
  family: Family;
};

export type Simulator = {
  /** `http://localhost:PORT`; browser and app both use this name. */
  origin: string;
  accountsUrl: string;
  apiUrl: string;
  settings: Settings;
  listeners: readonly { id: string; accountId: string; name: string | null }[];
  endpoints: readonly EndpointSummary[];
  /** The newest 10,000 requests to the token endpoint and the Web API, oldest first. */
  calls: Call[];
  forgetCalls(): void;
  registerRedirectUri(uri: string): void;
  /** Changes what a listener plays, as if on their device. `on` is the name of a device; the current one if absent. */
  plays(listenerId: string, playing: Playing, on?: string): void;
  /** Switches an account between Premium and Free. */
  setProduct(listenerId: string, product: 'premium' | 'free'): void;
  /** Expires all access tokens now. Refresh tokens still work. */
  expireAccessTokens(): void;
  /** Acts as if the listener, or everyone, had removed the app from their account. */
  revokeGrants(listenerId?: string): void;
  /** Acts as if six months had passed since the consent. Access tokens stay valid until their own expiry. */
  expireConsents(listenerId?: string): void;
  /** Accepts tokens that another simulator has issued. */
  restoreGrant(grant: RestoredGrant): void;
  fault(fault: Fault): void;
  /**
   * Answers calls to the Web API with 429 for this long, by the simulator's clock. With `quota` the response names `QUOTA_EXCEEDED`, as
   * Spotify's does when the quota of a developer account is exhausted. Replaces an earlier limit for the same calls.
   */
  rateLimit(seconds: number, options?: LimitOptions): void;
  /** Ends all refusals with 429: ends the effects of `rateLimit`, restores gone endpoints, and forgets the calls that quotas have counted. */
  resetLimits(): void;
  /** Ends the effects of `fault` and `rateLimit`. Calls stay counted. */
  clearFaults(): void;
  /**
   * Acts as if the listener had pressed Agree at this authorize URL. Returns the URL that the browser is redirected to; rejects with
   * Spotify's error message if the page would show one.
   */
  agree(authorizeUrl: string, listenerId: string): Promise<string>;
  /** Also closes open connections. */
  close(): Promise<void>;
};
