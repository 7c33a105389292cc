import type { RequestHandler } from 'express';
import helmet from 'helmet';

type Deps = {
  baseUrl: string;
  /** Origins besides Spotify's that serve covers. */
  coverOrigins: readonly string[];
};

/** The security headers of every response. There are no inline scripts or styles, so there is no nonce. */
export function securityHeaders({ baseUrl, coverOrigins }: Deps): RequestHandler {
  const isHttps = baseUrl.startsWith('https:');
  return helmet({
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
        'form-action': ["'self'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
        // On http, which is loopback only, it would break every link.
        ...(isHttps && { 'upgrade-insecure-requests': [] }),
      },
    },
    strictTransportSecurity: isHttps && { maxAge: 31_536_000, includeSubDomains: false },
    // Not no-referrer: with it, browsers send "Origin: null" with our own forms.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
  });
}
