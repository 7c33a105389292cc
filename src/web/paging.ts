import type { Request, Response } from 'express';
import type { Page } from '../spotify/types.ts';
import { NoSuchPage } from './errors.ts';
import { moveNotice, noticeIn } from './notices.ts';

/** The page number in a query, from 1 to `last`. Throws {@link NoSuchPage} for anything else. */
export function pageNumber(value: unknown, last: number): number {
  if (value === undefined) return 1;
  const page = typeof value === 'string' && /^[1-9]\d{0,5}$/.test(value) ? Number(value) : null;
  if (page === null || page > last) throw new NoSuchPage('Not a page number');
  return page;
}

/**
 * How many pages a list has, at least one, by the total that Spotify announces: items that Spotify sends as null shorten a page, but
 * move no item to another one. Throws {@link NoSuchPage} if `page` is past the last.
 */
export function pagesOf(total: number, perPage: number, page: number): number {
  const pages = lastPage(total, perPage);
  if (page > pages) throw new NoSuchPage(`Page ${page} of ${pages}`);
  return pages;
}

/**
 * The least number of items that a list can have, given its page that starts at `from`: Spotify's total, if it sent one; otherwise the items
 * up to the end of this page, and one more after a full page, so that there is a link to the next page.
 */
export function minTotalOf({ items, total }: Page<unknown>, from: number, perPage: number): number {
  return total ?? from + items.length + (items.length < perPage ? 0 : 1);
}

/** The page of a list that is shown, how many items each page has, and the URL of any page. */
type ShownPage = { page: number; perPage: number; at: (page: number) => string };

/**
 * Returns how many pages a list has, by the contents of the one that is shown. Redirects to the last page, and returns null, if a notice says that
 * something has just been removed, and nothing is left on this page. Throws {@link NoSuchPage} if it is past the last page for any other reason.
 */
export function pagesOrRedirect(
  req: Request,
  res: Response,
  list: Page<unknown>,
  { page, perPage, at }: ShownPage,
): number | null {
  const total = minTotalOf(list, (page - 1) * perPage, perPage);
  const last = lastPage(total, perPage);
  if (noticeIn(req) === null || page <= last) return pagesOf(total, perPage, page);
  res.redirect(303, moveNotice(req, at(last)));
  return null;
}

/** The number of the last page; 1 if the list is empty. */
export function lastPage(total: number, perPage: number): number {
  return Math.max(1, Math.ceil(total / perPage));
}
