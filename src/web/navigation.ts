import type { RequestHandler } from 'express';
import type { Cookies } from './cookies.ts';

/**
 * Lets pages that work without Redis show the usual navigation. They don't know who is signed in, but that a browser has a session is enough to
 * offer it the pages that need one.
 */
export function navigationByCookie(cookies: Cookies): RequestHandler {
  return (req, res, next) => {
    res.locals.hasSession = cookies.read(req).has('session');
    next();
  };
}
