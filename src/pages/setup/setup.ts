import { Router } from 'express';

type Needs = {
  redirectUri: string;
  /** The variables that are not set yet. */
  missing: readonly string[];
  steps: readonly string[];
  demoCommand: string;
};

/** All there is while there are no credentials: how to get them. Every other page leads here. */
export function setupPages(needs: Needs): Router {
  const router = Router();

  router.get('/', (_req, res) => {
    res.set('Cache-Control', 'no-store').render('setup/setup', needs);
  });
  router.get('/*path', (_req, res) => {
    res.set('Cache-Control', 'no-store').redirect(307, '/');
  });

  return router;
}
