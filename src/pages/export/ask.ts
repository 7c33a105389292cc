import type { Request, Response } from 'express';
import { GrantLost } from '../../access/errors.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import { NotFound } from '../../spotify/errors.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import { isForeign } from '../../web/same-origin.ts';
import type { SignedInListener } from '../../web/signed-in.ts';

/**
 * Asks for confirmation if a link on another site leads to a file, because an export takes many calls to Spotify. Naming the playlist takes
 * one call, which the export's own page shares. Returns whether it has answered the request.
 */
export function createQuestion({ baseUrl }: { baseUrl: string }) {
  return async (req: Request, res: Response, listener: SignedInListener): Promise<boolean> => {
    if (!isForeign(req)) return false;
    const what = typeof req.params.id === 'string' ? req.params.id : 'all';
    const name = what === 'all' ? null : await nameOf(listener, what);
    const format = String(req.params.format).toUpperCase();
    const path = safeReturnPath(req.originalUrl, baseUrl);
    res.set('Cache-Control', 'no-store').render('export/ask', { what, name, format, path });
    return true;
  };

  /** Returns null if the playlist has no name, or Spotify can't be asked now: the question works without it. */
  async function nameOf({ spotify }: SignedInListener, id: string): Promise<string | null> {
    try {
      return (await spotify.cachedPlaylist(id)).name;
    } catch (error) {
      if ([GrantLost, NotFound, RedisUnavailable].some((kind) => error instanceof kind)) throw error;
      return null;
    }
  }
}
