import express, { Router } from 'express';
import { routes } from '../../routes.ts';
import { type ErrorPage, linkTo, Problem } from '../../web/errors.ts';
import { withNotice } from '../../web/notices.ts';
import type { PreferenceStore } from '../../web/preferences.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = { preferences: PreferenceStore };

const unknownPreference: ErrorPage = {
  status: 400,
  reason: 'unknown-preference',
  title: 'This preference doesn’t exist',
  text: 'Nothing was changed. Choose again in your preferences.',
  actions: [linkTo('Preferences', routes.preferences)],
};

/** How this browser shows the site. Served without Redis, and even before there are credentials. */
export function preferencesPage({ preferences }: Deps): Router {
  const router = Router();
  const limit = '1kb';

  router.get(routes.preferences(), (_req, res) => {
    res.set('Cache-Control', 'no-store').render('preferences/preferences');
  });

  /** A form sends all of them; a script sends the one that has changed. */
  router.post(
    routes.preferences(),
    express.urlencoded({ extended: false, limit }),
    express.json({ limit }),
    htmlOrJson,
    (req, res) => {
      // Each press of a script's has a key, as all forms do; setting the same twice does no harm.
      const { idempotencyKey: _key, ...changes } = req.body ?? {};
      const isEmpty = Object.keys(changes).length === 0;
      if (isEmpty || !preferences.change(req, res, changes)) throw new Problem(unknownPreference);
      res.set('Cache-Control', 'no-store');
      if (wantsJson(req)) res.status(204).end();
      else res.redirect(303, withNotice(routes.preferences(), 'preferences-saved'));
    },
  );
  return router;
}
