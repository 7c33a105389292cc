import type { RequestHandler } from 'express';

/** Keeps everything out of search engines, but for the pages that say otherwise: what is here belongs to people. */
export const notIndexed: RequestHandler = (_req, res, next) => {
  // safeguard: noindex-personal-pages
  res.set('X-Robots-Tag', 'noindex');
  next();
};

/** For the pages that are the same for everybody. */
export const indexed: RequestHandler = (_req, res, next) => {
  res.removeHeader('X-Robots-Tag');
  next();
};
