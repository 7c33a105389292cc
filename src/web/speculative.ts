import type { Request, RequestHandler } from 'express';

/**
 * Refuses what a browser loads before anybody has asked for it: for pages that can be visited once, or are expensive. A prefetch or
 * prerender that gets an error status is discarded, and the visit loads the page (https://wicg.github.io/nav-speculation/prefetch.html
 * keeps ok statuses only; so do the web platform tests prefetch-status and response-code-non-successful).
 */
export const refuseSpeculative: RequestHandler = (req, res, next) => {
  if (!isSpeculative(req)) return next();
  res.status(503).set('Cache-Control', 'no-store').type('text').send('This page is not loaded ahead.\n');
};

/** By the standard header, and by those that browsers sent before it and some still do (Firefox, Safari). */
function isSpeculative(req: Request): boolean {
  const purposes = ['Sec-Purpose', 'Purpose', 'X-Purpose', 'X-Moz'].map((name) => req.get(name) ?? '');
  return purposes.some((purpose) => /^\s*(prefetch|preview)\b/i.test(purpose));
}
