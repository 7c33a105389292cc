import type { RequestHandler } from 'express';

/**
 * Sends who comes as `localhost` to the same page at the address that Spotify knows, before any cookie is set: the way
 * back from sign-in would go there and find none. The Host header is believed in nothing else.
 * 307 and no-store: browsers keep a permanent redirect, and localhost:3000 belongs to every project of a developer.
 */
export function canonicalHost({ baseUrl }: { baseUrl: string }): RequestHandler {
  // Behind https, a proxy on this machine may ask for "localhost" itself: to send its people on would be a circle.
  const behindProxy = baseUrl.startsWith('https:');
  return (req, res, next) => {
    if (behindProxy || !/^localhost(:\d+)?$/i.test(req.headers.host ?? '')) return next();

    res.set('Cache-Control', 'no-store');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.status(421).type('text').send(`This server is at ${baseUrl}: send the request there.\n`);
      return;
    }
    const path = req.originalUrl.startsWith('/') ? req.originalUrl : '/';
    res.redirect(307, `${baseUrl}${path}`);
  };
}
