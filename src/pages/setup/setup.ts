import { type RequestHandler, type Response, Router } from 'express';
import type { RecentSignInErrors } from '../../checks/recent-sign-in-errors.ts';
import type { CheckResult } from '../../checks/result.ts';
import { routes } from '../../routes.ts';
import { setupSteps } from '../../settings/setup-steps.ts';
import type { Cookies } from '../../web/cookies.ts';
import { Problem } from '../../web/errors.ts';
import { withNotice } from '../../web/notices.ts';
import { askFirst } from '../../web/same-origin.ts';
import { refuseSpeculative } from '../../web/speculative.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { createConnect, readSetupForm, type SetupForm } from './form.ts';
import type { FormProblem } from './problems.ts';
import { isFromThisMachine } from './this-machine.ts';
import { checkVisit } from './visit.ts';

type Deps = {
  /** Whether there are no other pages, because there are no credentials yet. Then every other URL leads here. */
  isOnlyPage: boolean;
  baseUrl: string;
  redirectUri: string;
  trustProxy: boolean | number | string;
  /** The variables that aren't set yet. */
  missing: readonly string[];
  /** Takes credentials; null if they have to be put into `.env`. */
  form: SetupForm | null;
  demoCommand: string;
  checks: { redis(): Promise<CheckResult[]>; spotify(): Promise<CheckResult[]> };
  recentSignInErrors: RecentSignInErrors;
  /** Limits how often the checks run. */
  rateLimit: readonly RequestHandler[];
  cookies: Cookies;
};

/** How to get credentials, step by step, and a page that checks the setup. */
export function setupPages(deps: Deps): Router {
  const { isOnlyPage, baseUrl, redirectUri, trustProxy, missing, form, demoCommand } = deps;
  const { checks, recentSignInErrors, rateLimit, cookies } = deps;
  const router = Router();

  router.get(isOnlyPage ? [routes.home(), routes.setup()] : routes.setup(), (req, res) => {
    render(res, { hasForm: form !== null && isFromThisMachine(req, baseUrl) });
  });

  if (form) {
    const connect = createConnect(form);
    router.post(routes.setup(), ...readSetupForm(baseUrl), async (req, res) => {
      const problem = await connect(req.body);
      res.set('Cache-Control', 'no-store');
      if (problem === null) return res.redirect(303, withNotice(routes.home(), 'app-connected'));
      if (wantsJson(req)) throw new Problem(problem);
      render(res.status(problem.status), { hasForm: problem.isForm, problem });
    });
  }

  const ask = askFirst({
    baseUrl,
    title: 'Check the setup?',
    text: 'You followed a link from another site. The check calls Spotify, so it doesn’t start until you confirm.',
    button: 'Check now',
  });
  // safeguard: confirm-cross-site-check
  router.get(routes.setupCheck(), refuseSpeculative, ask, ...rateLimit, async (req, res) => {
    res.set('Cache-Control', 'no-store');
    const hasCookie = cookies.read(req).has('check');
    if (!hasCookie && req.query.cookie !== 'set') {
      res.cookie(cookies.name('check'), '1', cookies.attributes);
      res.redirect(303, routes.setupCheck({ cookie: 'set' }));
      return;
    }
    const visitResults = checkVisit(req, { baseUrl, redirectUri, trustProxy, cookieCameBack: hasCookie });
    const [redisResults, spotifyResults] = await Promise.all([checks.redis(), checks.spotify()]);
    const signInResults = missing.length > 0 ? [] : recentSignInErrors.results();
    const all = [...spotifyResults, ...signInResults, ...redisResults, ...visitResults];
    const failed = all.filter(({ status }) => status === 'failed');
    const results = [...failed, ...all.filter(({ status }) => status !== 'failed')];
    const failureCount = failed.length;
    res.render('setup/check', { results, failureCount, isSetUp: missing.length === 0 });
  });

  if (isOnlyPage) {
    router.get(routes.anyPath(), (_req, res) => {
      res.set('Cache-Control', 'no-store').redirect(307, routes.home());
    });
  }

  return router;

  function render(
    res: Response,
    { hasForm, problem = null }: { hasForm: boolean; problem?: FormProblem | null },
  ): void {
    const steps = setupSteps(redirectUri, { hasForm });
    res.set('Cache-Control', 'no-store');
    res.render('setup/setup', { missing, steps, redirectUri, demoCommand, hasForm, problem });
  }
}
