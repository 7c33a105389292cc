import { type Request, type Response, Router } from 'express';
import type { Browsers } from '../../access/browsers.ts';
import { nullWithoutSpotify } from '../../access/errors.ts';
import { familyLabels } from '../../access/family-labels.ts';
import type { People } from '../../access/people.ts';
import type { QuotaLedger } from '../../access/quota-ledger.ts';
import { quotaInUse } from '../../access/quota-summary.ts';
import { routes } from '../../routes.ts';
import { version } from '../../settings/version.ts';
import { acceptFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { withNotice } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { peoplePages } from './people.ts';
import { describePermissions } from './permissions.ts';

type Deps = {
  browsers: Browsers;
  signedIn: SignedIn;
  people: People;
  forms: Pick<Forms, 'read'>;
  ledger: Pick<QuotaLedger, 'read'>;
  dailyCalls: number;
  now: () => number;
};

/** Spotify's page for removing an app's access. The Web API has no call for that. */
const spotifyAppsUrl = 'https://www.spotify.com/account/apps';

/** The listener's sign-ins and permissions with all ways to end them, and what is used of the day's calls to Spotify. */
export function accountPages({ browsers, signedIn, people, forms, ledger, dailyCalls, now }: Deps): Router {
  const router = Router();

  router.use(routes.account(), (_req, res, next) => {
    res.set('Cache-Control', 'private, no-store');
    next();
  });

  if (people.hasOwners) router.use(peoplePages({ people, signedIn, forms }));

  // At most one call to Spotify a minute, for the picture. The page works without it.
  // safeguard: account-page-without-spotify
  router.get(routes.account(), htmlOrJson, signedIn.pageWithLazyRefresh(showAccount));

  for (const [url, next] of [
    [routes.signOutEverywhere(), withNotice(routes.home(), 'signed-out-everywhere')],
    [routes.disconnect(), routes.disconnected()],
  ] as const) {
    // Neither calls Spotify, so both work even if the sign-in no longer does.
    router.post(url, ...forms.read, acceptFields({}), async (req, res) => {
      await signedIn.signOut(req, res, { everywhere: true });
      if (wantsJson(req)) res.status(204).end();
      else res.redirect(303, next);
    });
  }

  router.get(routes.disconnected(), (_req, res) => {
    res.render('account/disconnected', { spotifyAppsUrl });
  });

  return router;

  async function showAccount(req: Request, res: Response, listener: SignedInListener): Promise<void> {
    const { accountId, id, name, signIn, spotify } = listener;
    const [profile, all, known] = await Promise.all([
      // A missing picture matters less than the page.
      spotify.profile().catch(nullWithoutSpotify),
      browsers.list(accountId),
      ledger.read(),
    ]);
    const quota = quotaInUse(known, dailyCalls, now());
    const me = { id, name, link: profile?.link ?? null, pictures: profile?.pictures ?? [] };
    const permissions = describePermissions(signIn.scopes);
    // Without the ids of the sessions, which would let anyone who sees them use the session.
    // safeguard: hide-session-ids
    const shown = all.map(({ sessionId, ...browser }) => ({
      ...browser,
      thisOne: sessionId === req.session.id,
    }));
    const { consentAt, expiresAt, refreshedAt } = signIn;

    res.format({
      html: () =>
        res.render('account/account', {
          me,
          permissions,
          signIn,
          browsers: shown,
          quota,
          familyLabels,
          spotifyAppsUrl,
          isOwner: people.isOwner(listener),
          version,
        }),
      json: () =>
        res.json({
          listener: me,
          permissions,
          consentAt,
          endsAt: expiresAt,
          renewedAt: refreshedAt,
          browsers: shown,
        }),
    });
  }
}
