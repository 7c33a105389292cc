import { parseCookie } from 'cookie';
import type { CookieOptions, Request } from 'express';

export type Cookies = ReturnType<typeof createCookies>;

/**
 * Names and attributes of our cookies. Behind https they are `__Host-` and Secure. On plain http, which is loopback only, the name contains
 * the port: cookies ignore ports, and two servers on one machine must not sign each other's visitors out.
 */
export function createCookies({ baseUrl }: { baseUrl: string }) {
  const { protocol, port } = new URL(baseUrl);
  const secure = protocol === 'https:';
  const prefix = secure ? '__Host-turntable-' : `turntable-${port || '80'}-`;
  const attributes = { httpOnly: true, sameSite: 'lax', secure, path: '/' } as const satisfies CookieOptions;

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
