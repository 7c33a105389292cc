import type { RequestHandler } from 'express';

/** As many rows of playlists as are collected before a file of them begins, and as a part of one holds. */
export const rowsAtOnce = 2_000;

/** A request that cannot be meant for any page. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly status = 400;
}

/** Refuses request targets that are no path, such as the `*` of OPTIONS: the middleware behind takes a path for granted. */
export const onlyPaths: RequestHandler = (req, _res, next) => {
  next(req.path.startsWith('/') ? undefined : new BadRequest('The request names no path'));
};
