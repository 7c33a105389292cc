import type { Request, RequestHandler } from 'express';
import { ForeignOrigin } from './errors.ts';
import { safeReturnPath } from './return-path.ts';

/**
 * Refuses requests that other sites make a browser send, by its Fetch Metadata (https://www.w3.org/TR/fetch-metadata/):
 * - A request that may change something must come from our own page. If a browser sends no Sec-Fetch-Site, its Origin decides. Cookies
 *   with SameSite=Lax alone don't keep out other ports of the same host.
 * - A GET may come from anywhere if it is a visit, because other sites, Spotify included, link and redirect to us. An image, a frame or a
 *   script on another site would spend Spotify calls without the visitor knowing. Programs send no Sec-Fetch-Site and are let in.
 */
export function refuseCrossOrigin({ baseUrl }: { baseUrl: string }): RequestHandler {
  const { origin } = new URL(baseUrl);
  return (req, _res, next) => {
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    // safeguard: refuse-cross-site-loads
    // safeguard: refuse-cross-site-posts
    // safeguard: allow-cross-site-links
    const isAllowed = isRead ? !isCrossOrigin(req) || isTopLevelNavigation(req) : isSameOrigin(req, origin);
    next(isAllowed ? undefined : new ForeignOrigin(`${req.method} from another site`));
  };
}

/** The text of a page that asks before it does something expensive. */
type Question = { title: string; text: string; button: string };

/**
 * For expensive pages: a link on another site leads to a page with a button first. A script may have followed the link, but only a person
 * presses a button on our page.
 */
export function askFirst({ baseUrl, ...question }: Question & { baseUrl: string }): RequestHandler {
  return (req, res, next) => {
    if (!isCrossOrigin(req)) return next();
    res.set('Cache-Control', 'no-store');
    res.render('layout/ask-first', { ...question, path: safeReturnPath(req.originalUrl, baseUrl) });
  };
}

/** Whether the request comes from a page of ours, according to the browser. */
function isSameOrigin(req: Request, origin: string): boolean {
  const site = req.get('Sec-Fetch-Site');
  return site === undefined ? req.get('Origin') === origin : site === 'same-origin';
}

/** Whether another site is involved in this request; `none` means that the address was typed or bookmarked. */
export function isCrossOrigin(req: Request): boolean {
  const site = req.get('Sec-Fetch-Site');
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether a tab is navigating to the page. Sec-Fetch-User would not tell: the redirect from Spotify has none. */
function isTopLevelNavigation(req: Request): boolean {
  // safeguard: distinguish-visits-from-frames
  return req.get('Sec-Fetch-Mode') === 'navigate' && req.get('Sec-Fetch-Dest') === 'document';
}
