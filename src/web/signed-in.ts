import type { Request, RequestHandler } from 'express';
import type { Access, SpotifyCall } from '../access/access.ts';
import { MissingScope } from '../spotify/errors.ts';
import type { Listener, Sessions } from './session.ts';
import { wantsJson } from './wants-json.ts';

declare module 'express-serve-static-core' {
  interface Request {
    /** Who asks, and the right to ask Spotify for them. Set by `signedIn`: only for pages behind it. */
    listener: Listener & {
      /** Throws MissingScope where a permission is not given, else as the call and access/ do. */
      ask<T>(call: SpotifyCall<T>, scopes?: readonly string[]): Promise<T>;
    };
  }
}

export type SignedIn = ReturnType<typeof createSignedIn>;

/** Somebody asked for a page that needs a sign-in, in a way that cannot be led to one. */
export class NotSignedIn extends Error {
  override readonly name = 'NotSignedIn';
}

type Needs = { access: Access; sessions: Sessions; now: () => number };

const extendEveryMs = 60_000;
const rememberedSessions = 10_000;

/** Who is signed in: a session together with its grant. */
export function createSignedIn({ access, sessions, now }: Needs) {
  const extendedAt = new Map<string, number>();

  return {
    /**
     * Lets in who is signed in, with a live access token as `req.listener`: a token that is due is renewed here, before
     * the page. A person reading pages is led to the sign-in and back; everything else gets a 401.
     */
    middleware: (async (req, res, next) => {
      const { listener } = req.session;
      const grant = listener && (await access.open(req.session.id));
      if (!listener || !grant) {
        if (wantsJson(req) || !['GET', 'HEAD'].includes(req.method)) throw new NotSignedIn('Not signed in');
        res.set('Cache-Control', 'no-store');
        res.redirect(303, `/login?${new URLSearchParams({ returnTo: req.originalUrl })}`);
        return;
      }

      req.listener = {
        ...listener,
        ask(call, scopes = []) {
          const missing = scopes.filter((scope) => !grant.scopes.includes(scope));
          if (missing.length > 0) throw new MissingScope(`Not granted: ${missing.join(' ')}`);
          return grant.ask(call);
        },
      };
      if (extensionIsDue(req.session.id)) {
        // Nobody waits for it, and nobody is turned away for it: should it fail, the next minute tries again.
        Promise.all([sessions.extend(req), grant.extend()]).catch(() => undefined);
      }
      next();
    }) satisfies RequestHandler,

    /** Whether the request comes from somebody signed in. Asks Redis only. Throws SessionsUnavailable. */
    async is(req: Request): Promise<boolean> {
      const is = req.session.listener !== undefined && (await access.has(req.session.id));
      if (!is) delete req.res?.locals.listener;
      return is;
    },
  };

  function extensionIsDue(sessionId: string): boolean {
    const last = extendedAt.get(sessionId);
    if (last !== undefined && now() - last < extendEveryMs) return false;

    extendedAt.delete(sessionId);
    extendedAt.set(sessionId, now());
    // A Map keeps the order of insertion, so the first is the one longest not extended.
    const [oldest] = extendedAt.keys();
    if (extendedAt.size > rememberedSessions && oldest !== undefined) extendedAt.delete(oldest);
    return true;
  }
}
