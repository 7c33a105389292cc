import type { RequestHandler } from 'express';
import { pathWithin, routes } from '../routes.ts';
import { OutsideBasePath } from './errors.ts';

/**
 * Serves pages below the path of BASE_URL only. The path itself, without the slash that the home page ends in, leads there: the scope of the service
 * worker and of the installed app is what begins with that slash.
 */
export const withinBasePath: RequestHandler = (req, res, next) => {
  if (pathWithin(req.path) !== null) return next();
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  // safeguard: nothing-outside-base-path
  if (!isRead || `${req.path}/` !== routes.home())
    throw new OutsideBasePath('Not below the path of BASE_URL');
  // Not a permanent redirect, which browsers would keep after BASE_URL has changed.
  res.set('Cache-Control', 'no-store').redirect(307, routes.home() + req.originalUrl.slice(req.path.length));
};
