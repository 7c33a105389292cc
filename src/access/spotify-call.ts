import type { ApiVersion } from '../spotify/api-version.ts';
import type { WebApi } from '../spotify/web-api.ts';
import type { QuotaFamily, QuotaTarget } from './quota-families.ts';
import type { Scope } from './scopes.ts';

/** Method and path as in Spotify's reference, for each API version if they differ. */
export type Endpoint = string | { '2026-02': string; legacy: readonly string[] };

type PageName =
  | 'Signing in'
  | 'Account'
  | 'Now playing'
  | 'Wall'
  | 'Playback bar'
  | 'Up next'
  | 'Lists of tracks'
  | 'Devices'
  | 'Library'
  | 'Saved albums'
  | 'Saved podcasts'
  | 'Saved episodes'
  | 'Followed artists'
  | 'Album page'
  | 'Artist page'
  | 'Podcast page'
  | 'Episode page'
  | 'Track page'
  | 'Recently played'
  | 'Top artists and tracks'
  | 'Playlists'
  | 'Playlist page'
  | 'New playlist'
  | 'Add to playlist'
  | 'Export'
  | 'Search';

/** The pages that make a call. A string says when, or which button makes it. */
export type UsedBy = Partial<Record<PageName, true | string>>;

/** A call to Spotify as it is described before it is made. docs/spotify-calls.md is generated from it. */
export type CallInfo = {
  endpoints: readonly Endpoint[];
  /** The listener must have granted all of these. */
  scopes: readonly Scope[];
  family: QuotaFamily;
  usedBy: UsedBy;
};

/** How long responses are cached, in milliseconds. */
export const ttl = {
  /** For data that may change at any time: long enough to cover double clicks, and pages that load at the same time. */
  second: 1_000,
  minute: 60_000,
  /** Long enough to page through a list. */
  fiveMinutes: 5 * 60_000,
  /** For data that hardly ever changes, or is invalidated whenever it does. */
  tenMinutes: 10 * 60_000,
};

/** Passed to each request before its arguments. */
type CallContext = {
  webApi: WebApi;
  accessToken: string;
  listenerId: string;
  market: string;
  now: () => number;
  /** Makes a request whose path or field names depend on the API version. */
  versioned: <T>(request: (apiVersion: ApiVersion) => Promise<T>) => Promise<T>;
  /** Makes a request to follow an artist, in the version in which this app can; see artist-following.ts. */
  following: <T>(request: (apiVersion: ApiVersion) => Promise<T>) => Promise<T>;
};

/** A call that reads has a cache, unless its response must be fresh; a call that changes something says what it invalidates. */
export type Call<Args extends unknown[], Result> = CallInfo & {
  request: (context: CallContext, ...args: Args) => Promise<Result>;
  /**
   * How responses are cached. `key` is null for one that can't be cached; `accepts` says whether a response is worth it; `isPacked`, whether it
   * is compressed until it is read again.
   */
  cache?: {
    key: (...args: Args) => string | null;
    ttlMs: number;
    accepts?: (result: Result, ...args: Args) => boolean;
    isPacked?: boolean;
  };
  /** The prefixes of cache keys. */
  invalidates?: (...args: Args) => readonly string[];
};

type Requests = (context: CallContext, ...args: never[]) => Promise<unknown>;
type ArgsOf<R> = R extends (context: CallContext, ...args: infer Args) => Promise<unknown> ? Args : never;
type ResultOf<R> = R extends (...args: never[]) => Promise<infer Result> ? Result : never;

/** Returns the definition itself, with the types of its arguments and result inferred from `request`. */
export function defineCall<R extends Requests>(definition: Call<ArgsOf<R>, ResultOf<R>> & { request: R }) {
  return definition as Call<ArgsOf<R>, ResultOf<R>>;
}

/** The endpoint and the family that a call counts against. The endpoint is named as in 2026-02. */
export function targetOf({ family, endpoints }: CallInfo): QuotaTarget {
  const [first] = endpoints;
  return { family, endpoint: typeof first === 'object' ? first['2026-02'] : String(first) };
}
