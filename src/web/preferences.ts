import * as v from '@badrap/valita';
import type { Request, RequestHandler, Response } from 'express';
import type { Cookies } from './cookies.ts';

/** How this browser shows the site. `system` follows the settings of the device. */
export type Preferences = v.Infer<typeof schema>;

export type PreferenceStore = ReturnType<typeof createPreferences>;

const schema = v.object({
  theme: v.union(v.literal('system'), v.literal('light'), v.literal('dark')),
  motion: v.union(v.literal('system'), v.literal('reduced')),
  shortcuts: v.union(v.literal('on'), v.literal('off')),
});
/** Those of a browser that has chosen none. */
export const defaultPreferences: Preferences = { theme: 'system', motion: 'system', shortcuts: 'on' };
const cookieName = 'preferences';
/** Browsers keep a cookie for 400 days at most. */
const lifetimeMs = 365 * 24 * 60 * 60_000;

/** The preferences of a browser, in a cookie, so that they hold before and after a sign-in and need no script. */
export function createPreferences({ cookies }: { cookies: Cookies }) {
  return {
    /** Gives every view the preferences. A cookie that isn't ours, or isn't valid, is as good as none. */
    middleware: ((req, res, next) => {
      res.locals.preferences = read(req);
      next();
    }) satisfies RequestHandler,

    /** Changes those that are named, and returns true; false, and nothing changes, if one of them is unknown or has another value. */
    change(req: Request, res: Response, changes: object): boolean {
      const parsed = schema.try({ ...read(req), ...changes }, { mode: 'strict' });
      if (!parsed.ok) return false;
      const value = new URLSearchParams(parsed.value).toString();
      res.cookie(cookies.name(cookieName), value, { ...cookies.attributes, maxAge: lifetimeMs });
      return true;
    },
  };

  function read(req: Request): Preferences {
    const cookie = cookies.read(req).get(cookieName);
    // Most browsers have chosen none.
    if (cookie === undefined) return defaultPreferences;
    const stored = new URLSearchParams(cookie);
    const parsed = schema.try({ ...defaultPreferences, ...Object.fromEntries(stored) }, { mode: 'strip' });
    // safeguard: unreadable-preferences
    return parsed.ok ? parsed.value : defaultPreferences;
  }
}
