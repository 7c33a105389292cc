import type { Request, RequestHandler } from 'express';
import { NotAcceptable } from './errors.ts';

/** Whether the client is a program rather than a person's browser. */
export function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json';
}

/** For pages available as HTML and JSON: refuses other formats before Spotify is called. */
export const htmlOrJson: RequestHandler = (req, _res, next) => {
  next(req.accepts(['html', 'json']) ? undefined : new NotAcceptable('Neither HTML nor JSON is accepted'));
};
