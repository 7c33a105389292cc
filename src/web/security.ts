import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

const noFrames = "'none'";

type Deps = {
  baseUrl: string;
  /** Origins besides Spotify's that serve covers. */
  coverOrigins: readonly string[];
};

/**
 * The security headers of every response. There are no inline scripts or styles, so there is no nonce, and the headers are always the same: they
 * are computed once.
 */
export function securityHeaders({ baseUrl, coverOrigins }: Deps): RequestHandler {
  const isHttps = baseUrl.startsWith('https:');
  const headers = headersOf(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'style-src': ["'self'"],
          'font-src': ["'self'"],
          'script-src': ["'self'"],
          'connect-src': ["'self'"],
          'manifest-src': ["'self'"],
          // Spotify serves covers from many hosts under these two names, and adds new ones.
          'img-src': ["'self'", 'https://*.scdn.co', 'https://*.spotifycdn.com', ...coverOrigins],
          // The bar of pages without scripts.
          'frame-src': ["'self'"],
          'form-action': ["'self'"],
          'base-uri': ["'none'"],
          'frame-ancestors': [noFrames],
          // On http, which is loopback only, it would break every link.
          ...(isHttps && { 'upgrade-insecure-requests': [] }),
        },
      },
      strictTransportSecurity: isHttps && { maxAge: 31_536_000, includeSubDomains: false },
      // Not no-referrer: with it, browsers send "Origin: null" with our own forms.
      referrerPolicy: { policy: 'same-origin' },
      xFrameOptions: { action: 'deny' },
    }),
  );
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}

/** Lets pages of this site, and no others, show this response in a frame. */
export function allowFraming(res: Response): void {
  const policy = String(res.getHeader('Content-Security-Policy'));
  res.setHeader(
    'Content-Security-Policy',
    policy.replace(`frame-ancestors ${noFrames}`, "frame-ancestors 'self'"),
  );
  res.setHeader('X-Frame-Options', 'SAMEORIGIN');
}

/** The headers that helmet sets. It only needs a response for setting and removing them. */
function headersOf(middleware: ReturnType<typeof helmet>): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const res = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    removeHeader: (name: string) => headers.delete(name),
  };
  middleware({} as IncomingMessage, res as unknown as ServerResponse, (error) => {
    if (error) throw error;
  });
  return headers;
}
