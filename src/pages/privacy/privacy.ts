import { Router } from 'express';
import { routes } from '../../routes.ts';
import { indexed } from '../../web/robots.ts';

/** What is kept about people, where and for how long. There whether or not anything else is. */
export function privacyPage(): Router {
  const router = Router();

  router.get(routes.privacy(), indexed, (_req, res) => {
    res.set('Cache-Control', 'no-store').render('privacy/privacy');
  });
  return router;
}
