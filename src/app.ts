import { join } from 'node:path';
import express, { type Express, type Request } from 'express';
import { createRefusals } from './checks/refusals.ts';
import { createSharedCheck } from './checks/shared.ts';
import type { Config } from './config.ts';
import { healthPaths, healthRoutes } from './ops/health.ts';
import { aboutError, accessLog, type Log } from './ops/log.ts';
import { createOverloadGate, overloadLimits } from './ops/overload.ts';
import { accountPages } from './pages/account/account.ts';
import { exportPages } from './pages/export/export.ts';
import { homePages } from './pages/home/home.ts';
import { libraryPages } from './pages/library/library.ts';
import { nowPlayingPages } from './pages/now-playing/now-playing.ts';
import { playerPages } from './pages/player/player.ts';
import { playlistPages } from './pages/playlists/playlists.ts';
import { privacyPage } from './pages/privacy/privacy.ts';
import { searchPages } from './pages/search/search.ts';
import { setupPages } from './pages/setup/setup.ts';
import { createPendingSignIns } from './pages/sign-in/pending.ts';
import { signInPages } from './pages/sign-in/sign-in.ts';
import { createChecks, type Parts } from './parts.ts';
import { diagnose } from './redis/diagnose.ts';
import { demoCommand, setupSteps } from './settings/setup-steps.ts';
import { canonicalHost } from './web/canonical-host.ts';
import { createCookies } from './web/cookies.ts';
import { errorPages, noSuchPage } from './web/error-pages.ts';
import { NoSuchPage, NotSignedIn } from './web/errors.ts';
import { createForms } from './web/forms.ts';
import { onlyPaths } from './web/limits.ts';
import { localize } from './web/locale.ts';
import { type Logo, logoRoute, readLogo } from './web/logo.ts';
import { showNotice } from './web/notices.ts';
import { chargeAddress } from './web/rate-limits.ts';
import { notIndexed } from './web/robots.ts';
import { ownPagesOnly } from './web/same-origin.ts';
import { securityHeaders } from './web/security.ts';
import { createSessions } from './web/session.ts';
import { createSignInProblems } from './web/sign-in-problem.ts';
import { createSignedIn } from './web/signed-in.ts';
import { readPublicFiles, staticFiles } from './web/static-files.ts';
import { useViews } from './web/views.ts';

type Deps = {
  config: Config;
  log: Log;
  /** Null while there are no credentials: then the app says how to get them, and needs no Redis for that. */
  parts: Parts | null;
  requestLimits?: typeof overloadLimits | undefined;
};

const root = join(import.meta.dirname, '..');
const viewsDir = join(root, 'views');
const publicDir = join(root, 'public');

/** The app. The order of the lines is the life of a request. */
export function createApp({ config, log, parts, requestLimits = overloadLimits }: Deps): Express {
  const { baseUrl, redirectUri, trustProxy } = config;
  const now = parts?.now ?? Date.now;
  const cookies = createCookies({ baseUrl });
  const refusals = createRefusals(now);
  const hasSetup = config.setupPage || parts === null;
  const otherOrigins = config.spotify?.otherOrigins ?? [];
  const files = readPublicFiles(publicDir);
  const logo = config.spotifyLogo ? logoAt(config.spotifyLogo) : null;
  const pendingSignIns = parts && createPendingSignIns({ ...parts, cookies });
  const signInProblems = parts && createSignInProblems({ ...parts, cookies });
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', trustProxy);
  app.set('query parser', 'simple');
  useViews(app, {
    viewsDir,
    files,
    baseUrl,
    simulatorUrl: otherOrigins[0] ?? null,
    searchable: parts !== null,
    spotifyLogo: logo?.url ?? null,
    hasSetup,
    now,
  });

  // safeguard: refuse-before-other-middleware
  app.use(createOverloadGate({ exempt: healthPaths, openStreams, onOverload, limits: requestLimits }));
  app.use(accessLog(log));
  app.use(onlyPaths);
  // What watches over the process, and what every page loads, is there under any address.
  app.use(healthRoutes({ whyNotReady }));
  app.use(securityHeaders({ baseUrl, coverOrigins: otherOrigins }));
  app.use(staticFiles(files));
  if (logo) app.use(logoRoute(logo));
  app.use(notIndexed);
  app.use(localize);
  app.use(canonicalHost({ baseUrl }));
  app.use(showNotice);
  app.use(ownPagesOnly({ baseUrl }));
  if (pendingSignIns) app.use(pendingSignIns.middleware);
  if (signInProblems) app.use(signInProblems.routes);

  app.use(privacyPage());
  // Before the sessions: it says what is wrong with Redis where they cannot be had.
  if (hasSetup) {
    const steps = setupSteps(redirectUri);
    const own = createChecks(config);
    const clientId = config.spotify?.clientId;
    const spotify =
      parts && clientId
        ? createSharedCheck({ records: parts.records, clientId, now, check: own.spotify })
        : own.spotify;
    const checks = { redis: own.redis, spotify };
    // safeguard: setup-check-limit
    const limit = parts ? [chargeAddress(parts.rateLimiters.setupCheck)] : [];
    app.use(
      setupPages({
        ...config,
        isOnlyPage: parts === null,
        steps,
        demoCommand,
        checks,
        refusals,
        rateLimit: limit,
        cookies,
      }),
    );
  }

  if (parts && pendingSignIns) {
    const sessions = createSessions({ ...parts, cookies });
    const forms = createForms({ ...parts, baseUrl });
    const signedIn = createSignedIn({
      ...parts,
      sessions,
      cookies,
      access: parts.listenerAccess,
      invalidate: parts.hub.invalidate,
      endStreams: parts.hub.endStreams,
      forgetListener,
    });

    app.use(sessions.middleware);
    app.use(signedIn.recognize);
    app.use(homePages());
    app.use(
      signInPages({
        ...parts,
        access: parts.listenerAccess,
        sessions,
        signedIn,
        pendingSignIns,
        cookies,
        baseUrl,
        onSignIn,
      }),
    );
    app.use(nowPlayingPages({ ...parts, signedIn }));
    app.use(playerPages({ ...parts, signedIn, forms }));
    app.use(exportPages({ ...parts, progress: parts.exportProgress, signedIn, baseUrl }));
    app.use(playlistPages({ ...parts, signedIn, forms }));
    app.use(libraryPages({ ...parts, signedIn, forms }));
    app.use(searchPages(parts));
    app.use(accountPages({ ...parts, signedIn }));
    app.use(forms.readUnreached);
  }

  app.use(noSuchPage);
  app.use(errorPages({ baseUrl, now, hasSetup, onError, redirect: signInProblems?.redirect ?? null }));
  return app;

  function openStreams(): number {
    return parts?.streams.count() ?? 0;
  }

  function onOverload({ refused, inFlight }: { refused: number; inFlight: number }): void {
    log.warn('Overloaded: requests are answered 503', { refused, inFlight });
  }

  /** A page without the logo is better than none. */
  function logoAt(path: string): Logo | null {
    try {
      return readLogo(path);
    } catch (error) {
      log.warn('SPOTIFY_LOGO cannot be read; pages go without it', aboutError(error));
      return null;
    }
  }

  function onSignIn(): void {
    log.info('signed in');
  }

  /** Why this process should be sent no requests. */
  async function whyNotReady(): Promise<string | null> {
    if (!parts) return null;
    // safeguard: readiness-tries-commands
    const fault = await diagnose(parts.redis);
    return fault && `Redis ${fault.problem}`;
  }

  async function forgetListener(accountId: string): Promise<void> {
    await parts?.hub.forget(accountId);
    // safeguard: forget-history-after-last-session
    await parts?.recent.remove(accountId);
    // safeguard: forget-progress-after-last-session
    await parts?.exportProgress.remove(accountId);
  }

  function onError(error: unknown, req: Request, requestId: string, status: number): void {
    refusals.note(error);
    const facts = { ...aboutError(error), status, method: req.method, path: req.path, requestId };
    if (status >= 500) log.error('request failed', facts);
    // Pages that are not there and sign-ins that are needed stand in the line of the request already.
    else if (error instanceof NoSuchPage || error instanceof NotSignedIn) log.debug('request refused', facts);
    else log.info('request refused', facts);
  }
}
