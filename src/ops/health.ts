import { type Response, Router } from 'express';

type Needs = {
  /** Resolves when everything that pages need answers, rejects when it does not. */
  ready: () => Promise<unknown>;
};

/** Answered also while the process is overloaded, or it would be restarted for it. */
export const healthPaths = ['/healthz', '/readyz'] as const;

/** For whatever watches over the process: `/healthz` says it is alive and asks nobody, `/readyz` says it can serve pages. */
export function healthRoutes({ ready }: Needs): Router {
  const router = Router();
  const plain = (res: Response) => res.set('Cache-Control', 'no-store').type('text');

  router.get('/healthz', (_req, res) => {
    plain(res).send('alive\n');
  });
  router.get('/readyz', async (_req, res) => {
    const isReady = await ready().then(
      () => true,
      () => false,
    );
    plain(res.status(isReady ? 200 : 503)).send(isReady ? 'ready\n' : 'not ready\n');
  });
  return router;
}
