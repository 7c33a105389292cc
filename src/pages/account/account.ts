import { Router } from 'express';
import type { Browsers } from '../../access/browsers.ts';
import { GrantLost } from '../../access/errors.ts';
import { RedisUnavailable } from '../../redis/errors.ts';
import { routes } from '../../routes.ts';
import type { Profile } from '../../spotify/types.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { purposes } from './purposes.ts';

type Deps = { browsers: Browsers; signedIn: SignedIn };

/** Where a listener takes back at Spotify what they agreed to: Spotify has no call for it. */
const appsAtSpotify = 'https://www.spotify.com/account/apps';

/** Who is signed in and where, what was agreed to, and every way to end it. */
export function accountPages({ browsers, signedIn }: Deps): Router {
  const router = Router();

  router.use(routes.account(), (_req, res, next) => {
    res.set('Cache-Control', 'private, no-store');
    next();
  });

  // At most one call to Spotify a minute, for the picture. All else is known here, so the page is there without it, too.
  // safeguard: account-page-without-spotify
  const account = signedIn.pageWithLazyRefresh(async (req, res, { accountId, id, name, signIn, spotify }) => {
    const [profile, all] = await Promise.all([
      spotify.profile().catch(withoutSpotify),
      browsers.list(accountId),
    ]);
    const listener = { id, name, link: profile?.link ?? null, pictures: profile?.pictures ?? [] };
    const permissions = purposes(signIn.scopes);
    // Not the ids of the sessions: they are nobody's to see.
    // safeguard: hide-session-ids
    const shown = all.map(({ sessionId, ...browser }) => ({
      ...browser,
      thisOne: sessionId === req.session.id,
    }));
    const { consentAt, expiresAt, refreshedAt } = signIn;

    res.format({
      html: () =>
        res.render('account/account', { me: listener, permissions, signIn, browsers: shown, appsAtSpotify }),
      json: () =>
        res.json({
          listener,
          permissions,
          consentAt,
          endsAt: expiresAt,
          renewedAt: refreshedAt,
          browsers: shown,
        }),
    });
  });
  router.get(routes.account(), htmlOrJson, account);

  for (const [path, leadsTo] of [
    [routes.signOutEverywhere(), `${routes.home()}?signed-out=everywhere`],
    [routes.disconnect(), routes.disconnected()],
  ] as const) {
    // Neither asks Spotify anything: they work whatever has become of the sign-in there.
    router.post(path, async (req, res) => {
      await signedIn.signOut(req, res, { everywhere: true });
      if (wantsJson(req)) res.status(204).end();
      else res.redirect(303, leadsTo);
    });
  }

  router.get(routes.disconnected(), (_req, res) => {
    res.render('account/disconnected', { appsAtSpotify });
  });

  return router;
}

/** Only what tells of the sign-in itself, or of our side, is more than a missing picture. */
function withoutSpotify(error: unknown): Profile | null {
  if (error instanceof GrantLost || error instanceof RedisUnavailable) throw error;
  return null;
}
