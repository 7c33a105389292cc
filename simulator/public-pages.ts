import { join } from 'node:path';
import { type Response, Router } from 'express';
import { albums, artists, episodes, everyTrack, liveAlbums, oddTracks, shows } from './catalogue.ts';
import { drawCover, drawPerson } from './covers.ts';
import { listeners } from './listeners.ts';
import { missingPage, openPage } from './pages.ts';
import type { Shelves } from './playlist-store.ts';

const sizes = new Set(['640', '300', '64']);

/** Everything to look at: pictures, and the pages behind "open in Spotify" links. */
export function createSights({ shelves }: { shelves: Shelves }): Router {
  const router = Router();

  router.get('/simulator.css', (_req, res) => res.sendFile(join(import.meta.dirname, 'simulator.css')));

  router.get('/covers/:size/:seed.svg', (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.seed)) return next();
    picture(res, drawCover(req.params.seed, Number(req.params.size)));
  });

  router.get('/people/:size/:id.svg', (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.id)) return next();
    picture(res, drawPerson(req.params.id, Number(req.params.size)));
  });

  router.get('/open/:type/:id', (req, res, next) => {
    const thing = thingAt(req.params.type, req.params.id, shelves);
    if (!thing) return next();
    guarded(res).send(openPage({ ...thing, type: req.params.type }));
  });

  router.use((_req, res) => void guarded(res).status(404).send(missingPage()));
  return router;
}

function guarded(res: Response): Response {
  return res.set({
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
  });
}

function picture(res: Response, svg: string) {
  res
    .set({
      'content-security-policy': "default-src 'none'",
      'cache-control': 'public, max-age=86400',
      // The app is another site, and its pages show these.
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    })
    .type('image/svg+xml')
    .send(svg);
}

function thingAt(type: string, id: string, shelves: Shelves): { name: string; picture: string } | null {
  const cover = (seed: string) => `/covers/300/${seed}.svg`;
  const named = (things: readonly { id: string; name: string }[]) => {
    const found = things.find((thing) => thing.id === id);
    return found ? { name: found.name || 'No name', picture: cover(found.id) } : null;
  };
  switch (type) {
    case 'album':
      return named([...albums, ...liveAlbums, ...oddTracks.map(({ album }) => album)]);
    case 'artist':
      return named([...artists, ...oddTracks.flatMap((track) => track.artists)]);
    case 'playlist':
      return named(shelves.all());
    case 'show':
      return named(shows);
    case 'track': {
      const found = everyTrack.find((track) => track.id === id);
      return found ? { name: found.name || 'No name', picture: cover(found.album.id) } : null;
    }
    case 'episode': {
      const found = episodes.find((episode) => episode.id === id);
      return found ? { name: found.name, picture: cover(found.show.id) } : null;
    }
    case 'user': {
      const owners = shelves.all().map(({ owner }) => owner);
      const found = [...listeners, ...owners].find((person) => person.id === id && id !== '');
      return found
        ? { name: found.name ?? found.id, picture: `/people/300/${id.replace(/\W/g, '_')}.svg` }
        : null;
    }
    default:
      return null;
  }
}
