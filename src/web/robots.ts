import type { RequestHandler } from 'express';

/** Keeps all pages out of search engines, except those marked as {@link indexed}: most show personal data. */
export const notIndexed: RequestHandler = (_req, res, next) => {
  // safeguard: noindex-personal-pages
  res.set('X-Robots-Tag', 'noindex');
  next();
};

/** For pages that are the same for every visitor. */
export const indexed: RequestHandler = (_req, res, next) => {
  res.removeHeader('X-Robots-Tag');
  next();
};
