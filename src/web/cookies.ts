import { parseCookie } from 'cookie';
import type { CookieOptions, Request } from 'express';
import { basePathOf } from '../routes.ts';

export type Cookies = ReturnType<typeof createCookies>;

/**
 * Names and attributes of our cookies. Behind https they are Secure, and `__Host-`, so that no other host can set them. Browsers take that only with
 * the path `/`: if BASE_URL has a path, they are sent below that only, to no other program on the host, and are `__Secure-`. On plain http, which is loopback only, the name contains
 * the port: cookies ignore ports, and two servers on one machine must not sign each other's visitors out.
 */
export function createCookies({ baseUrl }: { baseUrl: string }) {
  const { protocol, port } = new URL(baseUrl);
  const secure = protocol === 'https:';
  // safeguard: cookies-within-base-path
  const path = basePathOf(baseUrl) || '/';
  const securePrefix = path === '/' ? '__Host-' : '__Secure-';
  const prefix = secure ? `${securePrefix}turntable-` : `turntable-${port || '80'}-`;
  const attributes = { httpOnly: true, sameSite: 'lax', secure, path } as const satisfies CookieOptions;

  return {
    attributes,
    name: (suffix: string): string => `${prefix}${suffix}`,
    /** Our cookies that the browser sent, by their names without the prefix. */
    read(req: Request): Map<string, string> {
      const ours = new Map<string, string>();
      for (const [name, value] of Object.entries(parseCookie(req.headers.cookie ?? ''))) {
        if (value !== undefined && name.startsWith(prefix)) ours.set(name.slice(prefix.length), value);
      }
      return ours;
    },
  };
}
