import { type Request, type Response, Router } from 'express';
import type { AppApi } from '../../access/app-api.ts';
import { TooManyRequests } from '../../access/errors.ts';
import type { RateLimiter, RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { furthestResult, resultsPerPage, type SearchType, searchTypes } from '../../spotify/limits.ts';
import type { SearchResults } from '../../spotify/types.ts';
import { addressOf } from '../../web/address.ts';
import { Problem } from '../../web/errors.ts';
import { atLeast } from '../../web/paging.ts';
import { charge } from '../../web/rate-limits.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = { appApi: AppApi; rateLimiters: RateLimiters };

/** What is searched for, once it is known to make sense. */
type Asked = { query: string; types: SearchType[]; page: number };

const longestQuery = 200;
const lastPage = furthestResult / resultsPerPage;
const usualTypes: SearchType[] = ['artist', 'track'];

/** Searching Spotify, signed in or not, on a token of the app's own. */
export function searchPages({ appApi, rateLimiters }: Deps): Router {
  const router = Router();

  // One call to Spotify, none where the same was asked within a minute.
  router.get(routes.search(), htmlOrJson, async (req, res) => {
    const listener = req.grant;
    res.set('Cache-Control', 'private, no-store').vary('Accept');
    const asked = read(req);
    if (asked === null) {
      if (wantsJson(req)) throw new Problem(problems.empty);
      res.render('search/search', {
        query: '',
        types: typesIn(req),
        found: null,
        page: 1,
        pages: 1,
      });
      return;
    }

    const { query, types, page } = asked;
    if (!listener && rateLimiters.dailySearches.requests === 0) throw new Problem(problems.notForStrangers);
    // safeguard: search-limit-per-listener
    if (listener) await charge(res, rateLimiters.search, listener.accountId);
    // safeguard: search-limit-per-address
    else await chargeVisitor(res, rateLimiters.visitorSearch, problems.tooMany, addressOf(req));
    const found = listener
      ? await appApi.search(asked).catch((error: unknown) => {
          // A visitor who asked the same in the same moment was refused. That is no matter of a listener's.
          if (error instanceof Problem) return appApi.search(asked);
          throw error;
        })
      : await appApi.search(
          asked,
          // safeguard: visitor-search-share
          () => chargeVisitor(res, rateLimiters.dailySearches, problems.sharedUp, 'everyone'),
        );
    const pages = pagesOf(found, page);

    res.format({
      html: () =>
        res.render('search/search', {
          query,
          types,
          found,
          page,
          pages,
          mayAdd: listener !== null,
        }),
      json: () => res.json({ query, types, page, pages, ...found }),
    });
  });

  return router;
}

/** What a request asks for; null where there is nothing to look for yet. Throws {@link Problem} where it makes no sense. */
function read(req: Request): Asked | null {
  const { q = '', page = '1' } = req.query;
  if (typeof q !== 'string') throw new Problem(problems.odd);
  const query = q.trim().replace(/\s+/g, ' ');
  const types = typesIn(req);
  if (query === '') return null;
  if ([...query].length > longestQuery) throw new Problem(problems.long);
  if (typeof page !== 'string' || !/^[1-9]\d{0,5}$/.test(page)) throw new Problem(problems.odd);
  if (Number(page) > lastPage) throw new Problem(problems.deep);
  return { query, types, page: Number(page) };
}

/** The kinds to look for, in the order of the page. A form sends each one by itself. Throws {@link Problem} for an unknown one. */
function typesIn(req: Request): SearchType[] {
  const { type } = req.query;
  const given = [type ?? []].flat().flatMap((one) => String(one).split(','));
  const wanted = given.map((one) => one.trim()).filter(Boolean);
  if (wanted.some((one) => !searchTypes.some((known) => known === one))) throw new Problem(problems.type);
  return wanted.length === 0 ? usualTypes : searchTypes.filter((one) => wanted.includes(one));
}

function pagesOf(found: SearchResults, page: number): number {
  const from = (page - 1) * resultsPerPage;
  const longest = Math.max(...Object.values(found).map((results) => atLeast(results, from, resultsPerPage)));
  return Math.min(lastPage, Math.max(1, Math.ceil(longest / resultsPerPage)));
}

/** Counts a search without a sign-in. Throws {@link Problem} with words that offer one. */
async function chargeVisitor(
  res: Response,
  limiter: RateLimiter,
  problem: typeof problems.tooMany,
  key: string,
): Promise<void> {
  await charge(res, limiter, key).catch((error: unknown) => {
    if (!(error instanceof TooManyRequests)) throw error;
    throw new Problem({ ...problem, retryAfterSeconds: Math.ceil(error.waitMs / 1000) });
  });
}

const again = { label: 'Back to the search', href: routes.search() };

const problems = {
  empty: {
    status: 400,
    reason: 'search-empty',
    title: 'Search for what?',
    text: `Give what to look for as "q", such as ${routes.search({ q: 'miles davis' })}.`,
    actions: [again],
  },
  odd: {
    status: 400,
    reason: 'search-odd',
    title: 'That search cannot be understood',
    text: 'Give one "q", and the number of the page as "page", from 1 on.',
    actions: [again],
  },
  type: {
    status: 400,
    reason: 'search-type',
    title: 'That is nothing to search for',
    text: `There are these types: ${searchTypes.join(', ')}. Several are given with commas between.`,
    actions: [again],
  },
  long: {
    status: 400,
    reason: 'search-long',
    title: 'That is too long to search for',
    text: `Give at most ${longestQuery} characters: a name, or a few words of a title.`,
    actions: [again],
  },
  deep: {
    status: 400,
    reason: 'search-deep',
    title: 'Spotify does not go that far',
    text: `It shows the first ${furthestResult} results of each kind: that is up to page ${lastPage}. Search for something more exact.`,
    actions: [again],
  },
  tooMany: {
    status: 429,
    reason: 'search-too-many',
    title: 'That was a lot of searching',
    text: 'One address can search 30 times a minute without signing in. Wait a moment, or sign in.',
    actions: [again, { label: 'Sign in with Spotify', href: routes.signIn({ returnTo: routes.search() }) }],
  },
  notForStrangers: {
    status: 401,
    reason: 'search-needs-sign-in',
    title: 'Sign in to search',
    text: 'The owner of this site keeps its searches for people who are signed in.',
    actions: [{ label: 'Sign in with Spotify', href: routes.signIn({ returnTo: routes.search() }) }],
  },
  sharedUp: {
    status: 429,
    reason: 'search-share-used-up',
    title: 'The searches for visitors are used up for today',
    text: 'Spotify answers this site only so often a day. People who are not signed in share a part of that, and it is used up. Sign in to search on, or come back later.',
    actions: [{ label: 'Sign in with Spotify', href: routes.signIn({ returnTo: routes.search() }) }, again],
  },
};
