import type { TrustedUrls } from './fields.ts';
import { resultsPerPage, type SearchType } from './limits.ts';
import * as parse from './parse.ts';
import type { Send } from './send.ts';
import { partsOf, pathTo } from './uri.ts';

/** The calls that search Spotify and read single items. They throw what web-api.ts lists. */
export function createCatalogueCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns a page of search results ("Search for Item"); `page` counts from 1. */
    async search(
      accessToken: string,
      query: string,
      { types, page, market }: { types: readonly SearchType[]; page: number; market: string },
    ): Promise<parse.SearchResults> {
      const offset = (page - 1) * resultsPerPage;
      const response = await send(accessToken, {
        method: 'GET',
        path: '/search',
        query: {
          q: query,
          type: types.join(','),
          // The app token belongs to no listener, so there is no country of an account.
          market,
          limit: resultsPerPage,
          offset,
        },
      });
      return parse.parseSearchResults(response, offset, trusted);
    },

    /** Returns one track or episode ("Get Track", "Get Episode"). */
    async item(accessToken: string, uri: string): Promise<parse.Track | parse.Episode> {
      const { kind, id } = partsOf(uri);
      const path = pathTo(`${kind}s`, id);
      return parse.parseSingleItem(await send(accessToken, { method: 'GET', path }), trusted);
    },
  };
}
