import { type RequestHandler, Router } from 'express';
import type { Refusals } from '../../checks/refusals.ts';
import type { CheckResult } from '../../checks/result.ts';
import { routes } from '../../routes.ts';
import type { SetupStep } from '../../settings/setup-steps.ts';
import type { Cookies } from '../../web/cookies.ts';
import { askFirst } from '../../web/same-origin.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { checkVisit } from './visit.ts';

type Deps = {
  /** Whether this is all there is: while there are no credentials, every other page leads here. */
  alone: boolean;
  baseUrl: string;
  redirectUri: string;
  trustProxy: boolean | number | string;
  /** The variables that are not set yet. */
  missing: readonly string[];
  steps: readonly SetupStep[];
  demoCommand: string;
  checks: { redis(): Promise<CheckResult[]>; spotify(): Promise<CheckResult[]> };
  refusals: Refusals;
  /** Limits how often the checks are made. */
  limit: readonly RequestHandler[];
  cookies: Cookies;
};

/** How to get credentials, step by step, and whether everything is as it has to be. */
export function setupPages(deps: Deps): Router {
  const { alone, baseUrl, redirectUri, trustProxy, missing, steps, demoCommand } = deps;
  const { checks, refusals, limit, cookies } = deps;
  const router = Router();

  router.get(alone ? [routes.home(), routes.setup()] : routes.setup(), (_req, res) => {
    res.set('Cache-Control', 'no-store').render('setup/setup', { missing, steps, demoCommand });
  });

  const ask = askFirst({
    baseUrl,
    title: 'Check the set-up?',
    text: 'A link on another site led here. The check calls Spotify, so it starts when you say so.',
    button: 'Check now',
  });
  // safeguard: confirm-cross-site-check
  router.get(routes.setupCheck(), refuseSpeculative, ask, ...limit, async (req, res) => {
    res.set('Cache-Control', 'no-store');
    const cookieCameBack = cookies.sent(req).has('check');
    if (!cookieCameBack && req.query.cookie !== 'set') {
      res.cookie(cookies.name('check'), '1', cookies.attributes);
      res.redirect(303, routes.setupCheck({ cookie: 'set' }));
      return;
    }
    const visit = checkVisit(req, { baseUrl, redirectUri, trustProxy, cookieCameBack });
    const [ofRedis, ofSpotify] = await Promise.all([checks.redis(), checks.spotify()]);
    const people = missing.length > 0 ? [] : refusals.results();
    const results = [...ofSpotify, ...people, ...ofRedis, ...visit];
    const wrong = results.filter(({ status }) => status === 'failed').length;
    res.render('setup/check', { results, wrong, isSetUp: missing.length === 0 });
  });

  if (alone) {
    router.get(routes.anyPath(), (_req, res) => {
      res.set('Cache-Control', 'no-store').redirect(307, routes.home());
    });
  }

  return router;
}
