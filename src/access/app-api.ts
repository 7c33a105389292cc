import type { SearchType } from '../spotify/limits.ts';
import type { SearchResults } from '../spotify/types.ts';
import type { WebApi } from '../spotify/web-api.ts';
import type { AppAccess } from './app-access.ts';
import type { ResponseCache } from './response-cache.ts';
import { type CallInfo, targetOf, ttl } from './spotify-call.ts';

export type AppApi = ReturnType<typeof createAppApi>;

type Deps = { access: AppAccess; webApi: WebApi; responseCache: ResponseCache; market: string };

export type SearchQuery = { query: string; types: readonly SearchType[]; page: number };

/** Every call to Spotify that is made with the app token, for listeners and visitors alike. */
export const appCalls = {
  search: {
    endpoints: ['GET /search'],
    scopes: [],
    family: 'search',
    usedBy: { Search: 'with the app token' },
    cache: { key: (search: SearchQuery) => `search ${JSON.stringify(search)}`, ttlMs: ttl.minute },
  },
} satisfies Record<string, CallInfo & { cache: unknown }>;

/** The Web API calls that aren't made on behalf of a listener. */
export function createAppApi({ access, webApi, responseCache, market }: Deps) {
  return {
    /**
     * Returns a page of search results. `beforeCall` runs once, right before Spotify is called, but not if the response is cached or during a
     * cooldown; if it throws, no call is made. Throws what webApi or `beforeCall` throws, ClientRejected, Cooldown, RedisUnavailable or ShuttingDown.
     */
    search(
      search: SearchQuery,
      beforeCall: () => Promise<void> = async () => undefined,
    ): Promise<SearchResults> {
      const { query, types, page } = search;
      const { key, ttlMs } = appCalls.search.cache;
      return responseCache.get('everyone', key(search), ttlMs, () => {
        let isAllowed = false;
        return access.send({
          target: targetOf(appCalls.search),
          async send(accessToken) {
            if (!isAllowed) await beforeCall();
            isAllowed = true;
            return webApi.search(accessToken, query, { types, page, market });
          },
        });
      });
    },
  };
}
