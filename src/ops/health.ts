import { type RequestHandler, type Response, Router } from 'express';
import { atRootAndWithin } from '../routes.ts';
import { version } from '../settings/version.ts';

type Deps = {
  /** Why pages can't be served; null if they can. */
  whyNotReady: () => Promise<string | null>;
};

/** Answered even under overload, because otherwise the process would be restarted. */
export const healthPaths = ['/healthz', '/readyz'] as const;

/** Health checks: `/healthz` says that the process is running, and its version, `/readyz` whether it can serve pages. */
export function healthRoutes({ whyNotReady }: Deps): Router {
  const router = Router();
  const plain = (res: Response) => res.set('Cache-Control', 'no-store').type('text');

  const add = (path: string, handler: RequestHandler) => {
    for (const one of atRootAndWithin(path)) router.get(one, handler);
  };

  add('/healthz', (_req, res) => {
    plain(res).send(`alive ${version}\n`);
  });
  add('/readyz', async (_req, res) => {
    const why = await whyNotReady();
    plain(res.status(why === null ? 200 : 503)).send(why === null ? 'ready\n' : `not ready: ${why}\n`);
  });
  return router;
}
