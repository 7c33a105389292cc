import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express';
import { Registry } from 'prom-client';
import { atRootAndWithin } from '../routes.ts';

export const metricsPath = '/metrics';

type Deps = {
  read: () => Promise<string>;
  /** The bearer token that a client has to send; null if anyone who reaches this may read the metrics. */
  token: string | null;
};

export function metricsRoutes({ read, token }: Deps): Router {
  const router = Router();
  const serve: RequestHandler = async (req, res) => {
    res.set('Cache-Control', 'no-store');
    // safeguard: metrics-need-token
    if (token !== null && !hasToken(req.headers.authorization, token)) {
      res
        .status(401)
        .set('WWW-Authenticate', 'Bearer')
        .type('text')
        .send('This needs METRICS_TOKEN as a bearer token.\n');
      return;
    }
    res.set('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE).send(await read());
  };
  for (const path of atRootAndWithin(metricsPath)) router.get(path, serve);
  return router;
}

type AppDeps = Omit<Deps, 'token'> & {
  onError: (error: unknown) => void;
};

/** A separate server for the metrics, without a token. */
export function createMetricsApp({ read, onError }: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(metricsRoutes({ read, token: null }));
  // Express's own handler shows where in the code the error is. It recognizes a handler by its four parameters.
  // safeguard: no-stack-in-metrics
  app.use(((error, _req, res, _next) => {
    onError(error);
    res.status(500).type('text').send('The metrics can’t be read. The log says why.\n');
  }) satisfies ErrorRequestHandler);
  return app;
}

/** Compares in a time that doesn't depend on how much of the token is right: hashes have the same length, and can't be guessed bit by bit. */
function hasToken(authorization: string | undefined, token: string): boolean {
  const [, sent = ''] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization ?? '') ?? [];
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(sent), hash(token));
}
