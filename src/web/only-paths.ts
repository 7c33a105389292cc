import type { RequestHandler } from 'express';
import { InvalidTarget } from './errors.ts';

/** Refuses request targets that aren't paths, such as the `*` of OPTIONS: all later middleware expects a path. */
export const onlyPaths: RequestHandler = (req, _res, next) => {
  next(req.path.startsWith('/') ? undefined : new InvalidTarget('The request target is not a path'));
};
