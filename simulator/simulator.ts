import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createAuthorize } from './authorize.ts';
import { createCallLog } from './calls.ts';
import type { Settings, Simulator, SimulatorOptions } from './control.ts';
import { createFaults } from './faults.ts';
import { createGrants } from './grants.ts';
import { createLibrary } from './library.ts';
import { createLimits } from './limits.ts';
import { createListeners } from './listeners.ts';
import { createPanel } from './panel.ts';
import { createPlayers } from './playback.ts';
import { createShelves } from './playlist-store.ts';
import { createSights } from './public-pages.ts';
import { createToken } from './token.ts';
import { createWebApi } from './web-api.ts';

export type {
  ApiVersion,
  Call,
  Fault,
  Playing,
  Rotation,
  Settings,
  Simulator,
  SimulatorOptions,
} from './control.ts';
export { apiVersions, readApiVersion, UnknownApiVersion } from './control.ts';

/**
 * Starts a small, strict Spotify on 127.0.0.1: accounts, web API and the pictures they speak of.
 * Rejects with the listen error, e.g. EADDRINUSE.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const now = options.now ?? Date.now;
  const client = { id: options.clientId, secret: options.clientSecret };
  const redirectUris = new Set(options.redirectUris ?? []);
  const settings: Settings = {
    apiVersion: options.apiVersion ?? '2026-02',
    rotation: 'none',
    accessTokenSeconds: 3600,
    notInvited: new Set(),
    notInvitedAs: 'json',
    ownerHasPremium: true,
    grantedScope: null,
    sixMonthsMs: 180 * 24 * 60 * 60 * 1000,
    commandDelayMs: 0,
    unavailable: new Map(),
    callsPerDay: null,
  };

  const app = express();
  // Longer than programs keep a connection that they do not use, so that it is theirs to close.
  const server = createServer({ keepAliveTimeout: 65_000 }, app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  // "localhost" and not the number: the app lives on 127.0.0.1, so the way between the two is cross-site, as with Spotify.
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const apiUrl = `${origin}/v1`;

  const calls = createCallLog(now);
  const faults = createFaults();
  const grants = createGrants({ settings, now });
  const limits = createLimits({ settings, now });
  const listeners = createListeners(options.extraListeners ?? 0);
  const players = createPlayers({ settings, listeners, now });
  const library = createLibrary(listeners, now);
  const shelves = createShelves(now);
  const authorize = createAuthorize({ client, redirectUris, grants, listeners });

  app.disable('x-powered-by');
  // Spotify answers every question in full; conditional requests are nothing to rely on.
  app.disable('etag');
  app.use(calls.record);
  app.use('/v1', limits.turnAway);
  app.use(faults.strike);
  app.use(authorize.pages);
  app.use(createToken({ client, grants, calls }));
  app.use(
    '/v1',
    createWebApi({ settings, origin, apiUrl, now, grants, listeners, players, library, shelves, calls }),
  );
  const { onClear = () => undefined } = options;
  app.use(createPanel({ settings, listeners, players, grants, faults, limits, calls, now, onClear }));
  app.use(createSights({ shelves }));

  return {
    origin,
    accountsUrl: origin,
    apiUrl,
    settings,
    listeners: [...listeners.values()].map(({ id, accountId, name }) => ({ id, accountId, name })),
    calls: calls.all,
    forgetCalls: calls.forget,
    registerRedirectUri: (uri) => void redirectUris.add(uri),
    plays: players.plays,
    subscribes(listenerId, product) {
      const listener = listeners.get(listenerId);
      if (!listener) throw new Error(`No such listener: ${listenerId}`);
      listener.product = product;
    },
    expireAccessTokens: grants.expireAccessTokens,
    revokeGrants: grants.revoke,
    endSixMonths: grants.endSixMonths,
    fault: faults.add,
    rateLimit: limits.rateLimit,
    clearFaults() {
      faults.clear();
      limits.clear();
    },
    agree: authorize.agree,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
