import { Router } from 'express';
import { routes } from '../../routes.ts';
import { indexed } from '../../web/robots.ts';

/** The data stored about visitors, where and for how long. Served even before there are credentials. */
export function privacyPage(): Router {
  const router = Router();

  router.get(routes.privacy(), indexed, (_req, res) => {
    res.set('Cache-Control', 'no-store').render('privacy/privacy');
  });
  return router;
}
