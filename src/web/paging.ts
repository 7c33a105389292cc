import type { Page } from '../spotify/types.ts';
import { NoSuchPage } from './errors.ts';

/** The number of the page that a query asks for, from 1 to `last`. Throws {@link NoSuchPage} for anything else. */
export function pageNumber(asked: unknown, last: number): number {
  if (asked === undefined) return 1;
  const page = typeof asked === 'string' && /^[1-9]\d{0,5}$/.test(asked) ? Number(asked) : null;
  if (page === null || page > last) throw new NoSuchPage('Not the number of a page');
  return page;
}

/**
 * How many pages `total` things fill, at least one. Counted by what Spotify announces: entries that come as null shorten a
 * page, but move no other. Throws {@link NoSuchPage} where `page` lies beyond the last.
 */
export function pagesOf(total: number, perPage: number, page: number): number {
  const pages = lastPage(total, perPage);
  if (page > pages) throw new NoSuchPage(`Page ${page} of ${pages}`);
  return pages;
}

/**
 * How many things a list holds of which this is what stands from the place `from` on. If Spotify's total says nothing, those seen so far, and
 * one more after a full page, so that there is a next one to look at.
 */
export function atLeast({ items, total }: Page<unknown>, from: number, perPage: number): number {
  return total ?? from + items.length + (items.length < perPage ? 0 : 1);
}

/** The number of the last page, 1 where there is nothing. */
export function lastPage(total: number, perPage: number): number {
  return Math.max(1, Math.ceil(total / perPage));
}
