import type { Request, RequestHandler } from 'express';

declare module 'express-serve-static-core' {
  interface Request {
    /** The page is expensive or works once, so only a person may load it: no prefetch, and no reload by itself. */
    isOnDemandOnly?: boolean;
  }
}

/**
 * For pages that are expensive or work once: refuses what a browser loads before anyone has asked for it. A browser discards a prefetch
 * or prerender with an error status, and loads the page when it is visited (https://wicg.github.io/nav-speculation/prefetch.html keeps
 * ok statuses only; so do the web platform tests prefetch-status and response-code-non-successful).
 */
export const refuseSpeculative: RequestHandler = (req, res, next) => {
  req.isOnDemandOnly = true;
  if (!isSpeculative(req)) return next();
  res
    .status(503)
    .set('Cache-Control', 'no-store')
    .type('text')
    .send('This page can’t be loaded in advance.\n');
};

/** By the standard header, and by those that browsers sent before it; Firefox and Safari still do. */
function isSpeculative(req: Request): boolean {
  const purposes = ['Sec-Purpose', 'Purpose', 'X-Purpose', 'X-Moz'].map((name) => req.get(name) ?? '');
  return purposes.some((purpose) => /^\s*(prefetch|preview)\b/i.test(purpose));
}
