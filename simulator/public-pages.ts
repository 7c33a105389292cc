import { join } from 'node:path';
import { type Response, Router } from 'express';
import { drawCover, drawPerson } from './covers.ts';
import { byUri, type CatalogObject } from './everything.ts';
import { toJpeg } from './jpeg.ts';
import { listeners } from './listeners.ts';
import { itemPage, notFoundPage } from './pages.ts';
import type { PlaylistStore } from './playlist-store.ts';

const sizes = new Set(['640', '300', '64']);

/** The style sheet and its typeface, all pictures, and the pages that "Open on Spotify" links lead to. */
export function createPublicPages({ playlistStore }: { playlistStore: PlaylistStore }): Router {
  const router = Router();

  router.get('/simulator.css', (_req, res) => res.sendFile(join(import.meta.dirname, 'simulator.css')));
  router.get('/bricolage.woff2', (_req, res) =>
    res.sendFile(join(import.meta.dirname, '..', 'public', 'bricolage.woff2')),
  );

  router.get('/covers/:size/:seed.svg', (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.seed)) return next();
    sendPicture(res.type('svg'), drawCover(req.params.seed, Number(req.params.size)));
  });

  router.get('/covers/:size/:seed.jpg', async (req, res, next) => {
    if (!sizes.has(req.params.size) || !/^\w{1,40}$/.test(req.params.seed)) return next();
    sendPicture(res.type('jpeg'), await toJpeg(drawCover(req.params.seed, Number(req.params.size))));
  });

  router.get('/covers/uploaded/:id.jpg', (req, res, next) => {
    const jpeg = playlistStore.coverOf(req.params.id);
    if (!jpeg) return next();
    res.type('image/jpeg').send(jpeg);
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
      "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
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
  switch (type) {
    case 'playlist': {
      const playlist = playlistStore.all().find((one) => one.id === id);
      return playlist ? { name: playlist.name || 'No name', picture: coverOf(playlist.id) } : null;
    }
    case 'user': {
      const owners = playlistStore.all().map(({ owner }) => owner);
      const user = [...listeners, ...owners].find((one) => one.id === id && id !== '');
      return user
        ? { name: user.name ?? user.id, picture: `/people/300/${id.replace(/\W/g, '_')}.svg` }
        : null;
    }
    default: {
      const found = byUri.get(`spotify:${type}:${id}`);
      return found ? { name: found.name || 'No name', picture: coverOf(pictureOf(found)) } : null;
    }
  }
}

function coverOf(seed: string): string {
  return `/covers/300/${seed}.svg`;
}

function pictureOf(found: CatalogObject): string {
  if (found.kind === 'track') return found.album.id;
  return found.kind === 'episode' ? found.show.id : found.id;
}
