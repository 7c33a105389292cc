import { Router } from 'express';
import { routes } from '../../routes.ts';
import { indexed } from '../../web/robots.ts';

/** The landing page. Signed-in listeners are redirected to the now-playing page. */
export function homePages(): Router {
  const router = Router();

  router.get(routes.home(), indexed, (req, res) => {
    res.set('Cache-Control', 'no-store');
    if (req.grant) {
      res.redirect(303, routes.nowPlaying());
      return;
    }
    res.render('home/home');
  });

  return router;
}
