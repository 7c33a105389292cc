import { Router } from 'express';
import { routes } from '../../routes.ts';

/** The page that the service worker shows if this site can't be reached. Browsers keep it, so it contains nothing about anyone. */
export function offlinePage(): Router {
  const router = Router();

  router.get(routes.offline(), (_req, res) => {
    res.set('Cache-Control', 'no-store').render('offline/offline');
  });
  return router;
}
