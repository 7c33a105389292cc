import type { Request, RequestHandler } from 'express';
import { GrantLost } from '../../access/errors.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import { NotFound } from '../../spotify/errors.ts';
import { scopes, type WebApi } from '../../spotify/web-api.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import { isForeign } from '../../web/same-origin.ts';

type Deps = { webApi: WebApi; baseUrl: string };

/** Long enough for someone to keep reloading the page of an export without a call to Spotify each time. */
export const pageMs = 5 * 60_000;

/**
 * Asks before a file is made for a link on another site, because it takes many calls to Spotify. To name the playlist takes one call, which the
 * page of its export shares.
 */
export function askBeforeFile({ webApi, baseUrl }: Deps): RequestHandler {
  return async (req, res, next) => {
    if (!isForeign(req)) return next();
    const what = typeof req.params.id === 'string' ? req.params.id : 'all';
    const name = what === 'all' ? null : await nameOf(req, what);
    const format = String(req.params.format).toUpperCase();
    const path = safeReturnPath(req.originalUrl, baseUrl);
    res.set('Cache-Control', 'no-store').render('export/ask', { what, name, format, path });
  };

  /** Returns null if the playlist has no name, or Spotify can't say it now: the question can do without. */
  async function nameOf(req: Request, id: string): Promise<string | null> {
    try {
      const { name } = await req.listener.askCached(
        `playlist ${id} card`,
        pageMs,
        (token) => webApi.playlist(token, id),
        scopes.playlists,
      );
      return name;
    } catch (error) {
      if ([GrantLost, NotFound, RedisUnavailable].some((kind) => error instanceof kind)) throw error;
      return null;
    }
  }
}
