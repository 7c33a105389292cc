import { type Request, type Response, Router } from 'express';
import type { AppApi } from '../../access/app-api.ts';
import type { ListenerApi } from '../../access/listener-api.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { resultsPerPage, type SearchType, searchTypes } from '../../spotify/limits.ts';
import type { SearchResults } from '../../spotify/types.ts';
import { Problem } from '../../web/errors.ts';
import { minTotalOf } from '../../web/paging.ts';
import { charge } from '../../web/rate-limits.ts';
import { admitVisitor } from '../../web/visitors.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { lastPage, maxQueryLength, problems } from './problems.ts';
import { topResultOf } from './top-result.ts';

type Deps = { appApi: AppApi; listenerApi: Pick<ListenerApi, 'canPlay'>; rateLimiters: RateLimiters };

/** A valid search. */
type Search = { query: string; types: SearchType[]; page: number };

/** Search on Spotify, for visitors as well, with a token of the app itself. */
export function searchPages({ appApi, listenerApi, rateLimiters }: Deps): Router {
  const router = Router();

  // One call to Spotify; none if the same search was made within a minute.
  router.get(routes.search(), htmlOrJson, async (req, res) => {
    res.set('Cache-Control', 'private, no-store').vary('Accept');
    const search = parse(req);
    if (search === null) {
      if (wantsJson(req)) throw new Problem(problems.empty);
      res.render('search/search', {
        query: '',
        types: typesIn(req),
        found: null,
        top: null,
        page: 1,
        pages: 1,
      });
      return;
    }

    const found = req.grant
      ? await searchForListener(res, search, req.grant.accountId)
      : await searchForVisitor(req, res, search);
    const { query, types, page } = search;
    const pages = pagesOf(found, page);
    const top = page === 1 ? topResultOf(found, query) : null;

    res.format({
      html: () =>
        res.render('search/search', {
          query,
          types,
          found,
          top,
          page,
          pages,
          canAdd: req.grant !== null,
          canPlay: req.grant !== null && listenerApi.canPlay(req.grant),
        }),
      json: () => res.json({ query, types, page, pages, top, ...found }),
    });
  });

  return router;

  async function searchForListener(res: Response, search: Search, accountId: string): Promise<SearchResults> {
    // safeguard: search-limit-per-listener
    await charge(res, rateLimiters.search, accountId);
    return appApi.search(search).catch((error: unknown) => {
      // This search was shared with a visitor's, which ran into the limit for visitors. That limit doesn't apply to a listener.
      if (error instanceof Problem) return appApi.search(search);
      throw error;
    });
  }

  async function searchForVisitor(req: Request, res: Response, search: Search): Promise<SearchResults> {
    const beforeCall = await admitVisitor(req, res, rateLimiters, problems);
    return appApi.search(search, beforeCall);
  }
}

/** The search in a request; null if there is none yet. Throws {@link Problem} if it is invalid. */
function parse(req: Request): Search | null {
  const { q = '', page = '1' } = req.query;
  if (typeof q !== 'string') throw new Problem(problems.invalid);
  const query = q.trim().replace(/\s+/g, ' ');
  const types = typesIn(req);
  if (query === '') return null;
  if ([...query].length > maxQueryLength) throw new Problem(problems.tooLong);
  if (typeof page !== 'string' || !/^[1-9]\d{0,5}$/.test(page)) throw new Problem(problems.invalid);
  if (Number(page) > lastPage) throw new Problem(problems.tooFar);
  return { query, types, page: Number(page) };
}

/** The types to search for, in the order of the page. A form sends each one separately. Throws {@link Problem} for an unknown one. */
function typesIn(req: Request): SearchType[] {
  const { type } = req.query;
  const names = [type ?? []].flat().flatMap((one) => String(one).split(','));
  const wanted = names.map((one) => one.trim()).filter(Boolean);
  if (wanted.some((one) => !searchTypes.some((known) => known === one)))
    throw new Problem(problems.unknownType);
  return searchTypes.filter((one) => wanted.length === 0 || wanted.includes(one));
}

function pagesOf(found: SearchResults, page: number): number {
  const from = (page - 1) * resultsPerPage;
  const largestTotal = Math.max(
    ...Object.values(found).map((results) => minTotalOf(results, from, resultsPerPage)),
  );
  return Math.min(lastPage, Math.max(1, Math.ceil(largestTotal / resultsPerPage)));
}
