import type { RequestHandler } from 'express';
import { InvalidTarget } from './errors.ts';

/** As many rows of playlists as are collected before a file of them begins, and as a part of one holds. */
export const rowsAtOnce = 2_000;

/** Refuses request targets that are no path, such as the `*` of OPTIONS: the middleware behind takes a path for granted. */
export const onlyPaths: RequestHandler = (req, _res, next) => {
  next(req.path.startsWith('/') ? undefined : new InvalidTarget('The request names no path'));
};
