import { join } from 'node:path';
import { type Response, Router } from 'express';
import { albums, artists, edgeCaseTracks, episodes, everyTrack, liveAlbums, shows } from './catalogue.ts';
import { drawCover, drawPerson } from './covers.ts';
import { toJpeg } from './jpeg.ts';
import { listeners } from './listeners.ts';
import { itemPage, notFoundPage } from './pages.ts';
import type { PlaylistStore } from './playlist-store.ts';

const sizes = new Set(['640', '300', '64']);

/** The style sheet, all pictures, and the pages that "Open on Spotify" links lead to. */
export function createPublicPages({ playlistStore }: { playlistStore: PlaylistStore }): Router {
  const router = Router();

  router.get('/simulator.css', (_req, res) => res.sendFile(join(import.meta.dirname, 'simulator.css')));

  router.get('/covers/:size/:seed.svg', (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.seed)) return next();
    sendPicture(res.type('svg'), drawCover(req.params.seed, Number(req.params.size)));
  });

  router.get('/covers/:size/:seed.jpg', async (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.seed)) return next();
    sendPicture(res.type('jpeg'), await toJpeg(drawCover(req.params.seed, Number(req.params.size))));
  });

  router.get('/people/:size/:id.svg', (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.id)) return next();
    sendPicture(res.type('svg'), drawPerson(req.params.id, Number(req.params.size)));
  });

  router.get('/open/:type/:id', (req, res, next) => {
    const item = findItem(req.params.type, req.params.id, playlistStore);
    if (!item) return next();
    setHeaders(res).send(itemPage({ ...item, type: req.params.type }));
  });

  router.use((_req, res) => void setHeaders(res).status(404).send(notFoundPage()));
  return router;
}

function setHeaders(res: Response): Response {
  return res.set({
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
  });
}

function sendPicture(res: Response, picture: string | Buffer) {
  res
    .set({
      'content-security-policy': "default-src 'none'",
      'cache-control': 'public, max-age=86400',
      // The app shows these pictures and is another site.
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    })
    .send(picture);
}

function findItem(
  type: string,
  id: string,
  playlistStore: PlaylistStore,
): { name: string; picture: string } | null {
  const cover = (seed: string) => `/covers/300/${seed}.svg`;
  const findIn = (items: readonly { id: string; name: string }[]) => {
    const item = items.find((one) => one.id === id);
    return item ? { name: item.name || 'No name', picture: cover(item.id) } : null;
  };
  switch (type) {
    case 'album':
      return findIn([...albums, ...liveAlbums, ...edgeCaseTracks.map(({ album }) => album)]);
    case 'artist':
      return findIn([...artists, ...edgeCaseTracks.flatMap((track) => track.artists)]);
    case 'playlist':
      return findIn(playlistStore.all());
    case 'show':
      return findIn(shows);
    case 'track': {
      const track = everyTrack.find((one) => one.id === id);
      return track ? { name: track.name || 'No name', picture: cover(track.album.id) } : null;
    }
    case 'episode': {
      const episode = episodes.find((one) => one.id === id);
      return episode ? { name: episode.name, picture: cover(episode.show.id) } : null;
    }
    case 'user': {
      const owners = playlistStore.all().map(({ owner }) => owner);
      const user = [...listeners, ...owners].find((one) => one.id === id && id !== '');
      return user
        ? { name: user.name ?? user.id, picture: `/people/300/${id.replace(/\W/g, '_')}.svg` }
        : null;
    }
    default:
      return null;
  }
}
