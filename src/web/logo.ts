import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { type RequestHandler, Router } from 'express';
import { routes } from '../routes.ts';
import { versionOf } from './static-files.ts';

type Logo = { url: string; type: string; image: Buffer };

/**
 * Reads Spotify's logo from the file that the owner of this site got from Spotify. Returns null without a path, and if it cannot be read, which it
 * reports: pages without the logo are better than none.
 */
export function readLogo(path: string | null, onProblem: (error: unknown) => void): Logo | null {
  if (path === null) return null;
  try {
    const image = readFileSync(path);
    return {
      url: routes.spotifyLogo({ version: versionOf(image) }),
      type: extname(path).toLowerCase(),
      image,
    };
  } catch (error) {
    onProblem(error);
    return null;
  }
}

/** Serves the logo unaltered, as Spotify's design guidelines require. */
export function logoRoute({ type, image }: Logo): RequestHandler {
  const router = Router();
  router.get(routes.spotifyLogo(), (_req, res) => {
    res.set('Cache-Control', 'public, max-age=31536000, immutable').type(type).send(image);
  });
  return router;
}
