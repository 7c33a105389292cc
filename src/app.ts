import { join } from 'node:path';
import express, { type Express, type Request, Router } from 'express';
import { createPeople, type People } from './access/people.ts';
import { createChecks } from './checks/checks.ts';
import { createRecentSignInErrors, type RecentSignInErrors } from './checks/recent-sign-in-errors.ts';
import { createSharedCheck } from './checks/shared.ts';
import type { Config } from './config.ts';
import { healthPaths, healthRoutes } from './ops/health.ts';
import { accessLog, errorFields, type Log } from './ops/log.ts';
import { metricsPath, metricsRoutes } from './ops/metrics-routes.ts';
import { createOverloadGate, overloadLimits } from './ops/overload.ts';
import { accountPages } from './pages/account/account.ts';
import { catalogPages } from './pages/catalog/catalog.ts';
import { exportPages } from './pages/export/export.ts';
import { homePages } from './pages/home/home.ts';
import { libraryPages } from './pages/library/library.ts';
import { nowPlayingPages } from './pages/now-playing/now-playing.ts';
import { offlinePage } from './pages/offline/offline.ts';
import { playerPages } from './pages/player/player.ts';
import { playlistPages } from './pages/playlists/playlists.ts';
import { preferencesPage } from './pages/preferences/preferences.ts';
import { privacyPage } from './pages/privacy/privacy.ts';
import { quotaPages } from './pages/quota/quota.ts';
import { searchPages } from './pages/search/search.ts';
import type { SetupForm } from './pages/setup/form.ts';
import { setupPages } from './pages/setup/setup.ts';
import { createPendingSignIns, type PendingSignIns } from './pages/sign-in/pending.ts';
import { signInPages } from './pages/sign-in/sign-in.ts';
import { type Parts, removeListenerData } from './parts.ts';
import { atRootAndWithin, basePathOf, routes, setBasePath } from './routes.ts';
import { demoCommand } from './settings/setup-steps.ts';
import { noSuchPage } from './web/allowed-methods.ts';
import { withinBasePath } from './web/base-path.ts';
import { canonicalHost } from './web/canonical-host.ts';
import { type Cookies, createCookies } from './web/cookies.ts';
import { createCoverColors } from './web/cover-colors.ts';
import { errorPages } from './web/error-pages.ts';
import { NoSuchPage, NotSignedIn } from './web/errors.ts';
import { createForms } from './web/forms.ts';
import { createListenerHash } from './web/listener-hash.ts';
import { localize } from './web/locale.ts';
import { logoRoute, readLogo } from './web/logo.ts';
import { navigationByCookie } from './web/navigation.ts';
import { showNotice } from './web/notices.ts';
import { onlyPaths } from './web/only-paths.ts';
import { createPreferences } from './web/preferences.ts';
import { limitByAddress } from './web/rate-limits.ts';
import { notIndexed } from './web/robots.ts';
import { refuseCrossOrigin } from './web/same-origin.ts';
import { securityHeaders } from './web/security.ts';
import { createSessions } from './web/session.ts';
import { createSignInProblems } from './web/sign-in-problem.ts';
import { createSignedIn } from './web/signed-in.ts';
import { readPublicFiles, staticFiles } from './web/static-files.ts';
import { createUndo } from './web/undo.ts';
import { useViews } from './web/views.ts';

type Deps = {
  config: Config;
  log: Log;
  /** Null while there are no credentials: then the app only explains how to get them, and needs no Redis. */
  parts: Parts | null;
  /** Takes credentials; null if the setup page only explains what to do with them. */
  form?: SetupForm | null;
  requestLimits?: typeof overloadLimits | undefined;
};

const root = join(import.meta.dirname, '..');
const viewsDir = join(root, 'views');
const publicDir = join(root, 'public');

/** The app. Requests pass through the middleware in the order below. */
export function createApp({
  config,
  log,
  parts,
  form = null,
  requestLimits = overloadLimits,
}: Deps): Express {
  const { baseUrl, metricsToken: token } = config;
  setBasePath(basePathOf(baseUrl));
  const exempt = (token ? [...healthPaths, metricsPath] : healthPaths).flatMap(atRootAndWithin);
  const now = parts?.now ?? Date.now;
  const otherOrigins = config.spotify?.otherOrigins ?? [];
  const hasSetup = config.hasSetupPage || parts === null;
  const files = readPublicFiles(publicDir);
  const logo = readLogo(config.spotifyLogo, (error) =>
    log.warn('SPOTIFY_LOGO cannot be read, so pages don’t show it', errorFields(error)),
  );
  const cookies = createCookies({ baseUrl });
  const preferences = createPreferences({ cookies });
  const recentSignInErrors = createRecentSignInErrors(now);
  const pendingSignIns =
    parts && createPendingSignIns({ records: parts.records, seal: parts.seal, cookies, now });
  const signInProblems = parts && createSignInProblems({ seal: parts.seal, cookies });

  const app = express();
  app.disable('x-powered-by');
  // Pages are not cached, and contain forms with a new key each time.
  app.disable('etag');
  app.set('trust proxy', config.trustProxy);
  app.set('query parser', 'simple');
  useViews(app, {
    viewsDir,
    files,
    baseUrl,
    simulatorUrl: otherOrigins[0] ?? null,
    hasSearch: parts !== null,
    spotifyLogo: logo?.url ?? null,
    hasSetup,
    heartbeatMs: parts?.timing.heartbeatMs ?? 0,
    now,
  });

  // safeguard: refuse-before-other-middleware
  app.use(createOverloadGate({ exempt, openStreams, onOverload, onShed, limits: requestLimits }));
  app.use(accessLog(log, createListenerHash(config.secrets[0])));
  if (parts) app.use(parts.metrics.measureRequests);
  app.use(onlyPaths);
  // Health checks, metrics and static files are served at any host.
  app.use(healthRoutes({ whyNotReady: async () => (parts ? parts.whyNotReady() : null) }));
  if (parts && token) app.use(metricsRoutes({ read: parts.readMetrics, token }));
  app.use(securityHeaders({ baseUrl, coverOrigins: otherOrigins }));
  app.use(staticFiles(files));
  if (logo) app.use(logoRoute(logo));
  app.use(notIndexed);
  app.use(localize);
  app.use(preferences.middleware);
  app.use(canonicalHost({ baseUrl }));
  app.use(withinBasePath);
  app.use(showNotice);
  app.use(refuseCrossOrigin({ baseUrl }));
  if (pendingSignIns) app.use(pendingSignIns.middleware);
  if (signInProblems) app.use(signInProblems.routes);
  app.use([routes.privacy(), routes.preferences(), routes.setup()], navigationByCookie(cookies));
  app.use(privacyPage());
  app.use(preferencesPage({ preferences }));
  app.use(offlinePage());
  // Before the sessions, because it reports problems with Redis, so it has to work without it.
  if (hasSetup) app.use(setupRoutes({ config, parts, form, cookies, recentSignInErrors, now }));
  if (parts && pendingSignIns) app.use(sessionRoutes({ config, log, parts, cookies, pendingSignIns }));
  app.use(noSuchPage);
  app.use(errorPages({ baseUrl, now, hasSetup, onError, redirect: signInProblems?.redirect ?? null }));
  return app;

  function openStreams(): number {
    return parts?.streams.count() ?? 0;
  }

  function onShed(): void {
    parts?.metrics.countShed('requests');
  }

  function onOverload({ shed: refused, inFlight }: { shed: number; inFlight: number }): void {
    log.warn('Overloaded: responding with 503', { refused, inFlight });
  }

  function onError(error: unknown, req: Request, status: number): void {
    recentSignInErrors.record(error);
    const { method, path, requestId } = req;
    const fields = { ...errorFields(error), status, method, path, requestId };
    // safeguard: count-unforeseen-errors
    if (status === 500) parts?.metrics.countUnforeseenError();
    if (status >= 500) log.error('Request failed', fields);
    // The access log already shows missing pages and required sign-ins.
    else if (error instanceof NoSuchPage || error instanceof NotSignedIn)
      log.debug('Request refused', fields);
    else log.info('Request refused', fields);
  }
}

type SetupDeps = {
  config: Config;
  parts: Parts | null;
  form: SetupForm | null;
  cookies: Cookies;
  recentSignInErrors: RecentSignInErrors;
  now: () => number;
};

function setupRoutes({ config, parts, form, cookies, recentSignInErrors, now }: SetupDeps): Router {
  const { baseUrl, redirectUri, trustProxy, missing } = config;
  const { redis, spotify: check } = createChecks(config, parts?.now ?? null);
  const clientId = config.spotify?.clientId;
  const spotify =
    parts && clientId ? createSharedCheck({ records: parts.records, clientId, now, check }) : check;
  // safeguard: setup-check-limit
  const rateLimit = parts ? [limitByAddress(parts.rateLimiters.setupCheck)] : [];
  return setupPages({
    isOnlyPage: parts === null,
    baseUrl,
    redirectUri,
    trustProxy,
    missing,
    form,
    demoCommand,
    checks: { redis, spotify },
    recentSignInErrors,
    rateLimit,
    cookies,
  });
}

type SessionDeps = {
  config: Config;
  log: Log;
  parts: Parts;
  cookies: Cookies;
  pendingSignIns: PendingSignIns;
};

/** Everything that needs the session of the browser. */
function sessionRoutes({ config, log, parts, cookies, pendingSignIns }: SessionDeps): Router {
  const { baseUrl, secrets } = config;
  const { now, timing, background, records, accounts, redis, isRedisUsable, sessionRecords } = parts;
  const { rateLimiters, grants, browsers, listenerAccess: access, listenerApi, appApi } = parts;
  const { hub, streams, fetchSubscriptions, recent, recentPlaylists, exportProgress: progress } = parts;
  const { afterCommandMs, heartbeatMs, firstByteMs, formLeaseMs } = timing;
  const people = choosePeople(config, parts);
  const quota = { ledger: parts.quotaLedger, dailyCalls: config.dailyCalls, now };
  const coverColors = createCoverColors({ download: parts.downloadImage });
  const store = { redis, isRedisUsable, sessionRecords, grants, rateLimiters };
  const sessions = createSessions({ ...store, secrets, cookies, now });
  const forms = createForms({ records, background, baseUrl, leaseMs: formLeaseMs });
  const signedIn = createSignedIn({
    records,
    access,
    listenerApi,
    grants,
    browsers,
    sessions,
    cookies,
    rateLimiters,
    background,
    invalidate: hub.invalidate,
    endStreams: hub.endStreams,
    removeListenerData: (accountId) => removeListenerData(parts, accountId, people),
    removeSessionData: parts.exportJobs.jobs.removeForSessions,
    people,
    now,
  });
  const site = { signedIn, baseUrl, now };
  const undo = createUndo({ records, forms, signedIn });
  const router = Router();
  router.use(sessions.middleware, signedIn.recognize);
  router.use(homePages());
  router.use(
    signInPages({
      access,
      listenerApi,
      accounts,
      grants,
      browsers,
      sessions,
      signedIn,
      pendingSignIns,
      rateLimiters,
      background,
      forms,
      cookies,
      baseUrl,
      people,
      now,
      onSignIn: () => log.info('Signed in'),
    }),
  );
  router.use(nowPlayingPages({ ...site, hub, streams, fetchSubscriptions, background, recent, coverColors }));
  router.use(playerPages({ signedIn, forms, hub, afterCommandMs, baseUrl, now }));
  router.use(
    exportPages({
      signedIn,
      ...quota,
      grants,
      progress,
      ...parts.exportJobs,
      forms,
      rateLimiters,
      background,
      baseUrl,
      heartbeatMs,
      firstByteMs,
    }),
  );
  router.use(playlistPages({ signedIn, forms, undo, recentPlaylists, coverColors, baseUrl, now }));
  router.use(libraryPages({ signedIn, forms, hub, undo, coverColors }));
  router.use(catalogPages({ signedIn, appApi, rateLimiters, coverColors }));
  router.use(searchPages({ appApi, listenerApi, rateLimiters, quota, coverColors }));
  router.use(accountPages({ browsers, signedIn, people, forms, ...quota }));
  router.use(quotaPages({ signedIn, ...quota }));
  router.use(forms.readForResend);
  return router;
}

function choosePeople(config: Config, { redis, records, browsers, now }: Parts): People {
  const { spotify, allowedListeners: allowed, ownerListeners: owners } = config;
  return createPeople({ redis, records, browsers, clientId: spotify?.clientId ?? '', allowed, owners, now });
}
