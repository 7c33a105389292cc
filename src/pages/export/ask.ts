import type { Request, Response } from 'express';
import { GrantLost } from '../../access/errors.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import { NotFound } from '../../spotify/errors.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import { isCrossOrigin } from '../../web/same-origin.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { exportIdIn } from './requests.ts';

/**
 * Creates a function that asks for confirmation if a link on another site leads to a file, because an export takes many calls to Spotify. Naming
 * the playlist takes one call, which the export's own page shares. The function returns whether it has answered the request. Throws GrantLost,
 * NotFound and RedisUnavailable.
 */
export function createAskFirst({ baseUrl }: { baseUrl: string }) {
  return async (req: Request, res: Response, listener: SignedInListener): Promise<boolean> => {
    if (!isCrossOrigin(req)) return false;
    const exportId = exportIdIn(req);
    const name = typeof req.params.id === 'string' ? await nameOf(listener, exportId) : null;
    const format = String(req.params.format).toUpperCase();
    const { pathname, searchParams } = new URL(req.originalUrl, baseUrl);
    // This page doesn't name the estimate, so it can't confirm it.
    // safeguard: confirm-estimate-on-our-page
    searchParams.delete('anyway');
    const query = searchParams.size > 0 ? `?${searchParams}` : '';
    const path = safeReturnPath(`${pathname}${query}`, baseUrl);
    res.set('Cache-Control', 'no-store').render('export/ask', { exportId, name, format, path });
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
