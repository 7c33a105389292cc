import type { Request, RequestHandler } from 'express';
import { ForeignOrigin } from './errors.ts';
import { safeReturnPath } from './return-path.ts';

/**
 * Refuses what other sites make a browser send, by what the browser says about it (Fetch Metadata, https://www.w3.org/TR/fetch-metadata/):
 * - A request that may change something must come from our own page; a browser that sends no Sec-Fetch-Site is believed by its Origin.
 *   Cookies with SameSite=Lax alone do not keep out other ports.
 * - A GET may come from anywhere if a person goes there, because links lead here, and so does Spotify. An image, a frame or a script of
 *   another site would spend Spotify calls behind that person's back. Programs send no Sec-Fetch-Site and may do what they like.
 */
export function ownPagesOnly({ baseUrl }: { baseUrl: string }): RequestHandler {
  return (req, _res, next) => {
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    // safeguard: refuse-cross-site-loads
    // safeguard: refuse-cross-site-posts
    // safeguard: allow-cross-site-links
    const isAllowed = isRead ? !isForeign(req) || isVisit(req) : isOurs(req, baseUrl);
    next(isAllowed ? undefined : new ForeignOrigin(`${req.method} from another site`));
  };
}

/** What a page that asks first says. */
type Question = { title: string; text: string; button: string };

/**
 * For pages that are expensive to make: a link on another site leads to a page with a button first. The press of a button on our own
 * page is a person's wish; the link may as well be a script's.
 */
export function askFirst({ baseUrl, ...question }: Question & { baseUrl: string }): RequestHandler {
  return (req, res, next) => {
    if (!isForeign(req)) return next();
    res.set('Cache-Control', 'no-store');
    res.render('layout/ask-first', { ...question, path: safeReturnPath(req.originalUrl, baseUrl) });
  };
}

/** Whether a page of ours sent this, as browsers say it. */
export function isOurs(req: Request, baseUrl: string): boolean {
  const site = req.get('Sec-Fetch-Site');
  return site === undefined ? req.get('Origin') === baseUrl : site === 'same-origin';
}

/** Whether another site is involved in this request; `none` means that the address was typed or bookmarked. */
export function isForeign(req: Request): boolean {
  const site = req.get('Sec-Fetch-Site');
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether somebody goes there with a tab. Not by Sec-Fetch-User, which the way back from Spotify lacks. */
function isVisit(req: Request): boolean {
  // safeguard: distinguish-visits-from-frames
  return req.get('Sec-Fetch-Mode') === 'navigate' && req.get('Sec-Fetch-Dest') === 'document';
}
