import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Express } from 'express';
import { createAuthorize } from './authorize.ts';
import { createCallLog } from './calls.ts';
import { createFaults } from './faults.ts';
import { createGrants } from './grants.ts';
import { createLibrary } from './library.ts';
import { createLimits } from './limits.ts';
import { createListeners } from './listeners.ts';
import { createPanel } from './panel.ts';
import { createPlayers } from './players.ts';
import { createPlaylistStore } from './playlist-store.ts';
import { createPublicPages } from './public-pages.ts';
import { createToken } from './token.ts';
import type { Settings, Simulator, SimulatorOptions } from './types.ts';
import { createWebApi } from './web-api.ts';

export { type ApiVersion, apiVersions, readApiVersion, UnknownApiVersion } from './api-version.ts';
export type { Family } from './families.ts';
export type {
  Bucket,
  Call,
  Fault,
  LimitOptions,
  Playing,
  Rotation,
  Settings,
  Simulator,
  SimulatorOptions,
} from './types.ts';

/**
 * Starts a small, strict Spotify on 127.0.0.1: the accounts service, the Web API, and the pictures that responses link to. Rejects with
 * the error of listen(), such as EADDRINUSE.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const now = options.now ?? Date.now;
  const client = { id: options.clientId, secret: options.clientSecret };
  const redirectUris = new Set(options.redirectUris ?? []);
  const settings = initialSettings(options);

  const app = express();
  const { origin, close } = await listen(app, options);
  const apiUrl = `${origin}/v1`;

  const calls = createCallLog(now);
  const faults = createFaults();
  const grants = createGrants({ settings, now });
  const listeners = createListeners(options.extraListeners ?? 0);
  const players = createPlayers({ settings, listeners, now });
  const library = createLibrary(listeners, now);
  const playlistStore = createPlaylistStore(now);
  const authorize = createAuthorize({ client, redirectUris, grants, listeners });
  const apiDeps = {
    settings,
    origin,
    apiUrl,
    now,
    grants,
    listeners,
    players,
    library,
    playlistStore,
    calls,
  };
  const webApi = createWebApi(apiDeps);
  const limits = createLimits({ settings, now, findEndpoint: webApi.findEndpoint });
  const { onClear = () => undefined } = options;

  app.disable('x-powered-by');
  // Clients shouldn't rely on conditional requests: every response is complete.
  app.disable('etag');
  app.use(calls.record);
  app.use('/v1', limits.enforce);
  app.use(faults.apply);
  app.use(authorize.pages);
  app.use(createToken({ client, grants, calls }));
  app.use('/v1', webApi.router);
  const { endpoints } = webApi;
  app.use(
    createPanel({ settings, listeners, players, grants, faults, limits, endpoints, calls, now, onClear }),
  );
  app.use(createPublicPages({ playlistStore }));

  return {
    origin,
    accountsUrl: origin,
    apiUrl,
    settings,
    listeners: [...listeners.values()].map(({ id, accountId, name }) => ({ id, accountId, name })),
    endpoints,
    calls: calls.all,
    forgetCalls: calls.clear,
    registerRedirectUri: (uri) => void redirectUris.add(uri),
    plays: players.plays,
    setProduct(listenerId, product) {
      const listener = listeners.get(listenerId);
      if (!listener) throw new Error(`No such listener: ${listenerId}`);
      listener.product = product;
    },
    expireAccessTokens: grants.expireAccessTokens,
    revokeGrants: grants.revoke,
    expireConsents: grants.expireConsents,
    restoreGrant: grants.restore,
    fault: faults.add,
    rateLimit: limits.rateLimit,
    resetLimits: limits.reset,
    clearFaults() {
      faults.clear();
      limits.clear();
    },
    agree: authorize.agree,
    close,
  };
}

function initialSettings({ apiVersion = '2026-02' }: SimulatorOptions): Settings {
  return {
    apiVersion,
    rotation: 'none',
    accessTokenSeconds: 3600,
    notInvited: new Set(),
    notInvitedFormat: 'json',
    ownerHasPremium: true,
    grantedScope: null,
    consentLifetimeMs: 180 * 24 * 60 * 60 * 1000,
    commandDelayMs: 0,
    unavailable: new Map(),
    callsPerDay: null,
    buckets: [],
    goneEndpoints: new Set(),
    followsArtistsInLibrary: false,
  };
}

async function listen(app: Express, { port = 0, host = '127.0.0.1' }: SimulatorOptions) {
  // Longer than clients keep idle connections, so that they are the ones to close them.
  const server = createServer({ keepAliveTimeout: 65_000 }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    // With the name localhost the simulator is another site than the app at 127.0.0.1, as Spotify is.
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
