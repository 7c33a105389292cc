import type { Request, RequestHandler } from 'express';

/** A request that would change something came from another site. */
export class ForeignOrigin extends Error {
  override readonly name = 'ForeignOrigin';
}

/**
 * Lets a request that changes something through only when our own page sent it. Browsers say so in Sec-Fetch-Site;
 * where one sends none, its Origin must be ours. Cookies with SameSite=Lax alone do not keep out other ports.
 */
export function sameOrigin({ baseUrl }: { baseUrl: string }): RequestHandler {
  return (req, _res, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next();

    next(isOurs(req, baseUrl) ? undefined : new ForeignOrigin(`${req.method} from another site`));
  };
}

/** Whether a page of ours sent this, as browsers say it. */
export function isOurs(req: Request, baseUrl: string): boolean {
  const site = req.get('Sec-Fetch-Site');
  return site === undefined ? req.get('Origin') === baseUrl : site === 'same-origin';
}
