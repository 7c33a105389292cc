import type { Request, RequestHandler } from 'express';
import { NotAcceptable } from './errors.ts';

/** Whether a program asks rather than a person's browser. */
export function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json';
}

/** For pages that come as HTML and as JSON: refuses other wishes before Spotify is asked in vain. */
export const htmlOrJson: RequestHandler = (req, _res, next) => {
  next(req.accepts(['html', 'json']) ? undefined : new NotAcceptable('Neither HTML nor JSON is asked for'));
};
