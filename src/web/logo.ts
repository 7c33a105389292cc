import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type RequestHandler, Router } from 'express';
import { routes } from '../routes.ts';
import { versionOf } from './static-files.ts';

export type Logo = { address: string; type: string; picture: Buffer };

/** Spotify's logo, from the file the owner of this site has got from Spotify. Throws what reading a file throws. */
export function readLogo(path: string): Logo {
  const picture = readFileSync(path);
  return {
    address: routes.spotifyLogo({ version: versionOf(picture) }),
    type: extname(path).toLowerCase(),
    picture,
  };
}

/** Serves it as it came: Spotify's guidelines forbid to alter it. */
export function logoRoute({ type, picture }: Logo): RequestHandler {
  const router = Router();
  router.get(routes.spotifyLogo(), (_req, res) => {
    res.set('Cache-Control', 'public, max-age=31536000, immutable').type(type).send(picture);
  });
  return router;
}
