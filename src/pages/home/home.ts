import { Router } from 'express';
import { indexed } from '../../web/robots.ts';
import type { SignedIn } from '../../web/signed-in.ts';

type Needs = { signedIn: SignedIn };

/** The way in: what this is, and a link to sign in; who is signed in goes on to what is playing. */
export function homePages({ signedIn }: Needs): Router {
  const router = Router();

  router.get('/', indexed, async (req, res) => {
    res.set('Cache-Control', 'no-store');
    if (await signedIn.is(req)) {
      res.redirect(303, '/now-playing');
      return;
    }
    res.render('home/home', { signedOut: req.query['signed-out'] ?? null });
  });

  return router;
}
