import type { RequestHandler } from 'express';
import { InvalidTarget } from './errors.ts';

/** Up to this many rows, an export is collected before its file begins. A part of an export holds at most as many. */
export const rowsAtOnce = 2_000;

/** Refuses request targets that aren't paths, such as the `*` of OPTIONS: all later middleware expects a path. */
export const onlyPaths: RequestHandler = (req, _res, next) => {
  next(req.path.startsWith('/') ? undefined : new InvalidTarget('The request target is not a path'));
};
