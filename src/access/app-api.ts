import { type SearchType, searchTypes } from '../spotify/limits.ts';
import type { SearchResults } from '../spotify/types.ts';
import type { WebApi } from '../spotify/web-api.ts';
import type { AppAccess } from './app-access.ts';
import { catalogCalls, offsetOfPage } from './listener-catalog-calls.ts';
import type { ResponseCache } from './response-cache.ts';
import { type CallInfo, targetOf, ttl } from './spotify-call.ts';

export type AppApi = ReturnType<typeof createAppApi>;

/** The calls about albums, artists, shows, episodes and tracks, for a listener or with the app token. */
export type CatalogReader = ReturnType<AppApi['catalog']>;

type Deps = { access: AppAccess; webApi: WebApi; responseCache: ResponseCache; market: string };

export type SearchQuery = { query: string; types: readonly SearchType[]; page: number };

/**
 * Runs right before Spotify is called, but not if the response is cached or during a cooldown. If it throws, no call is made, and the error is
 * passed on.
 */
export type BeforeCall = () => Promise<void>;

/** The calls to Spotify that are made with the app token only, for listeners and visitors alike. */
export const appCalls = {
  search: {
    endpoints: ['GET /search'],
    scopes: [],
    family: 'search',
    usedBy: { Search: 'with the app token' },
    cache: { key: (search: SearchQuery) => `search ${JSON.stringify(search)}`, ttlMs: ttl.minute },
  },
} satisfies Record<string, CallInfo & { cache?: unknown }>;

/** The Web API calls that aren't made on behalf of a listener. All throw what webApi or their `beforeCall` throws, ClientRejected, Cooldown, RedisUnavailable or ShuttingDown. */
export function createAppApi({ access, webApi, responseCache, market }: Deps) {
  return {
    /** Returns a page of search results; without a call if the same search for all types is cached, because each type has its own results. */
    async search(
      search: SearchQuery,
      beforeCall: BeforeCall = async () => undefined,
    ): Promise<SearchResults> {
      const { query, types, page } = search;
      const { cache } = appCalls.search;
      const forAll = cache.key({ query, types: searchTypes, page });
      const all = responseCache.peek<SearchResults>('everyone', forAll, cache.ttlMs);
      // safeguard: types-of-cached-search
      if (all) return ofTypes(all, types);
      return read(appCalls.search, cache.key(search), cache.ttlMs, beforeCall, (accessToken) =>
        webApi.search(accessToken, query, { types, page, market }),
      );
    },

    /** Returns the calls that pages about single objects make for visitors. */
    catalog(beforeCall: BeforeCall) {
      const get = <Args extends unknown[], Result>(
        call: CallInfo & { cache?: { key: (...args: Args) => string | null; ttlMs: number } },
        request: (accessToken: string, ...args: Args) => Promise<Result>,
      ) => {
        return (...args: Args): Promise<Result> =>
          read(call, String(call.cache?.key(...args)), call.cache?.ttlMs ?? 0, beforeCall, (accessToken) =>
            request(accessToken, ...args),
          );
      };
      return {
        item: get(catalogCalls.item, (token, uri) => webApi.item(token, uri, market)),
        episode: get(catalogCalls.episode, (token, id) => webApi.episode(token, id, market)),
        album: get(catalogCalls.album, (token, id) => webApi.album(token, id, market)),
        albumTracks: get(catalogCalls.albumTracks, (token, id, page) =>
          webApi.albumTracks(token, id, { from: offsetOfPage(page), market }),
        ),
        artist: get(catalogCalls.artist, (token, id) => webApi.artist(token, id)),
        artistAlbums: get(catalogCalls.artistAlbums, (token, id, page) =>
          webApi.artistAlbums(token, id, { page, market }),
        ),
        show: get(catalogCalls.show, (token, id) => webApi.show(token, id, market)),
        showEpisodes: get(catalogCalls.showEpisodes, (token, id, page) =>
          webApi.showEpisodes(token, id, { from: offsetOfPage(page), market }),
        ),
      };
    },
  };

  function read<Result>(
    call: CallInfo,
    key: string,
    ttlMs: number,
    beforeCall: BeforeCall,
    request: (accessToken: string) => Promise<Result>,
  ): Promise<Result> {
    return responseCache.get('everyone', key, ttlMs, () => {
      let isAllowed = false;
      return access.send({
        target: targetOf(call),
        async send(accessToken) {
          if (!isAllowed) await beforeCall();
          isAllowed = true;
          return request(accessToken);
        },
      });
    });
  }
}

function ofTypes(found: SearchResults, types: readonly SearchType[]): SearchResults {
  const wanted: readonly string[] = types.map((type) => `${type}s`);
  return Object.fromEntries(Object.entries(found).filter(([name]) => wanted.includes(name)));
}
