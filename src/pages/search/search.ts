import { type Request, type Response, Router } from 'express';
import type { AppApi, BeforeCall } from '../../access/app-api.ts';
import type { ListenerApi } from '../../access/listener-api.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { resultsPerPage, type SearchType, searchTypes } from '../../spotify/limits.ts';
import type { SearchResults } from '../../spotify/types.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import { Problem } from '../../web/errors.ts';
import { minTotalOf } from '../../web/paging.ts';
import { enforceLimit } from '../../web/rate-limits.ts';
import { admitVisitor, limitVisitor } from '../../web/visitors.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { lastPage, maxQueryLength, problems } from './problems.ts';
import { topResultOf } from './top-result.ts';
import { type Quota, requireCallsForTyping } from './typing.ts';

type Deps = {
  appApi: AppApi;
  listenerApi: Pick<ListenerApi, 'canPlay' | 'canSave'>;
  rateLimiters: RateLimiters;
  quota: Quota;
  coverColors: CoverColors;
};

/** A valid search. `isTyped`: made by the page while someone types, which must not use up what other searches need. */
type Search = { query: string; types: SearchType[]; page: number; isTyped: boolean };

/** Search on Spotify, for visitors as well, with a token of the app itself. */
export function searchPages({ appApi, listenerApi, rateLimiters, quota, coverColors }: Deps): Router {
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

    const found = await find(req, res, search);
    const { query, types, page } = search;
    const pages = pagesOf(found, page);
    const best = page === 1 ? topResultOf(found, query) : null;
    const top = best && { type: best.type, name: best.name, link: best.link, uri: best.uri };

    res.format({
      html: () =>
        res.render('search/search', {
          query,
          types,
          found,
          top,
          color: coverColors.ofFirst([best]),
          page,
          pages,
          canAdd: req.grant !== null,
          canPlay: req.grant !== null && listenerApi.canPlay(req.grant),
          canSave: req.grant !== null && listenerApi.canSave(req.grant),
        }),
      json: () => res.json({ query, types, page, pages, top, ...found }),
    });
  });

  return router;

  async function find(req: Request, res: Response, { isTyped, ...search }: Search): Promise<SearchResults> {
    const beforeCall = req.grant
      ? await admitListener(res, isTyped, req.grant.accountId)
      : await admitTypingVisitor(req, res, isTyped);
    return appApi.search(search, beforeCall).catch((error: unknown) => {
      // This search was shared with one that ran into a stricter limit: that of visitors, or that of typing.
      const isOfVisitors = req.grant !== null && error instanceof Problem;
      const isOfTyping = !isTyped && error instanceof Problem && error.page.reason === problems.typing.reason;
      // safeguard: shared-search-has-own-limits
      if (isOfVisitors || isOfTyping) return appApi.search(search, beforeCall);
      throw error;
    });
  }

  /** Counts a search of a listener. Returns what to run before each call to Spotify. */
  async function admitListener(res: Response, isTyped: boolean, accountId: string): Promise<BeforeCall> {
    // safeguard: search-limit-per-listener
    await enforceLimit(res, rateLimiters.search, accountId);
    return async () => {
      if (isTyped) await requireCallsForTyping(quota);
    };
  }

  /** The same for a visitor. All of them together can only use up half of their daily searches by typing. */
  async function admitTypingVisitor(req: Request, res: Response, isTyped: boolean): Promise<BeforeCall> {
    const beforeCall = await admitVisitor(req, res, rateLimiters, problems);
    if (!isTyped) return beforeCall;
    return async () => {
      await requireCallsForTyping(quota);
      // safeguard: typed-visitor-searches
      await limitVisitor(res, rateLimiters.typedSearches, problems.typing, 'everyone');
      await beforeCall();
    };
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
  return { query, types, page: Number(page), isTyped: req.query.automatic === 'yes' };
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
