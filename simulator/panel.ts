import { join } from 'node:path';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { ApiError, notFound } from './api-error.ts';
import { apiVersions } from './api-version.ts';
import type { CallLog } from './calls.ts';
import type { Faults } from './faults.ts';
import type { Grants } from './grants.ts';
import type { Limits } from './limits.ts';
import type { Listener } from './listeners.ts';
import { type Action, createLimitActions } from './panel-limits.ts';
import { panelPage } from './panel-page.ts';
import type { Players } from './players.ts';
import type { EndpointSummary, Playing, Settings } from './types.ts';

type Deps = {
  settings: Settings;
  listeners: ReadonlyMap<string, Listener>;
  players: Players;
  grants: Grants;
  faults: Faults;
  limits: Limits;
  endpoints: readonly EndpointSummary[];
  calls: CallLog;
  now: () => number;
  onClear: () => void;
};

const messageMs = 10_000;

/** The simulator's home page: its state, the app's calls, and buttons that change what happens. */
export function createPanel(deps: Deps): Router {
  const { settings, listeners, players, faults, limits, endpoints, calls, now } = deps;
  const router = Router();

  let message: { text: string; until: number } | null = null;
  const actions = createActions(deps, (text) => {
    message = { text, until: now() + messageMs };
  });

  const readForm = express.text({ type: 'application/x-www-form-urlencoded', limit: '1kb' });
  for (const [path, action] of Object.entries(actions)) router.post(path, readForm, handlerOf(action));

  router.get('/', (_req, res) => {
    const people = [...listeners.values()].map((listener) => ({
      listener,
      player: players.stateOf(listener.id),
      isInvited: !settings.notInvited.has(listener.id),
    }));
    const { apiVersion, ownerHasPremium, goneEndpoints } = settings;
    setHeaders(res).send(
      panelPage({
        apiVersion,
        ownerHasPremium,
        people,
        message: message && now() < message.until ? message.text : null,
        limits: limits.activeLimits(),
        goneEndpoints,
        endpoints,
        faults: faults.pending(),
        calls: calls.all,
        now: now(),
      }),
    );
  });
  router.get('/panel.js', (_req, res) => res.sendFile(join(import.meta.dirname, 'panel.js')));
  return router;
}

/** The actions by the path that their buttons post to. `showMessage` is for those whose effect the page doesn't show. */
function createActions(
  { settings, listeners, players, grants, faults, limits, endpoints, onClear }: Deps,
  showMessage: (text: string) => void,
): Record<string, Action> {
  const forListener =
    (act: (listener: Listener) => void): Action =>
    (form) => {
      const listener = listeners.get(form.get('listener') ?? '');
      if (!listener) throw notFound();
      act(listener);
    };
  const play = (playing: Playing) => forListener(({ id }) => players.plays(id, playing));

  return {
    '/panel/play-music': play({ kind: 'music' }),
    '/panel/play-episode': play({ kind: 'episode' }),
    '/panel/play-ad': play({ kind: 'ad' }),
    '/panel/play-local': play({ kind: 'local' }),
    '/panel/play-private': play({ kind: 'private' }),
    '/panel/play-nothing': play({ kind: 'nothing' }),
    // The buttons of a device have the same restrictions as the API's commands, but pressing them isn't an error.
    '/panel/pause': forListener(({ id }) => succeeds(() => players.pause(id, null))),
    '/panel/resume': forListener(({ id }) => succeeds(() => players.resume(id, null))),
    '/panel/skip': forListener(({ id }) => succeeds(() => players.next(id, null))),
    '/panel/switch-to-free': forListener((listener) => {
      listener.product = 'free';
    }),
    '/panel/switch-to-premium': forListener((listener) => {
      listener.product = 'premium';
    }),
    '/panel/invite': forListener(({ id }) => void settings.notInvited.delete(id)),
    '/panel/uninvite': forListener(({ id }) => void settings.notInvited.add(id)),

    '/panel/expire-access-tokens'() {
      grants.expireAccessTokens();
      showMessage('All access tokens have expired.');
    },
    '/panel/revoke-grants'() {
      grants.revoke();
      showMessage('All listeners have removed the app.');
    },
    '/panel/expire-consents'() {
      grants.expireConsents();
      // After six months no access token would be left. Without this, the effect would show only after up to an hour.
      grants.expireAccessTokens();
      showMessage('All sign-ins have expired.');
    },
    ...createLimitActions({
      settings,
      limits,
      endpoints,
      onReset() {
        showMessage('All limits are reset.');
        onClear();
      },
    }),
    '/panel/delay-calls': () => faults.add({ on: 'api', times: 5, delayMs: 2000 }),
    '/panel/fail-calls': () => faults.add({ on: 'api', times: 3, answer: { status: 502, body: badGateway } }),
    '/panel/remove-owner-premium'() {
      settings.ownerHasPremium = false;
    },
    '/panel/restore-owner-premium'() {
      settings.ownerHasPremium = true;
    },
    '/panel/clear-faults'() {
      faults.clear();
      limits.reset();
      settings.callsPerDay = null;
      settings.buckets = [];
      settings.ownerHasPremium = true;
      settings.notInvited.clear();
      onClear();
    },
    '/api-version'(form) {
      const apiVersion = apiVersions.find((one) => one === form.get('apiVersion'));
      if (!apiVersion) throw notFound();
      settings.apiVersion = apiVersion;
    },
  };
}

const badGateway = '{"error":{"status":502,"message":"Bad gateway."}}';

function handlerOf(action: Action): RequestHandler {
  return (req, res, next) => {
    const form = new URLSearchParams(typeof req.body === 'string' ? req.body : '');
    if (!isFromPanel(req) || !succeeds(() => action(form))) return next();
    res.redirect(303, `/#${form.get('listener') ?? 'spotify'}`);
  };
}

/** Returns false if it throws {@link ApiError}. */
function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return false;
  }
}

const localNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a request comes from this page. No other site on this machine may change how the simulator behaves, and neither may one whose
 * DNS name was made to point here (DNS rebinding).
 */
function isFromPanel(req: Request): boolean {
  const host = req.get('host') ?? '';
  if (!URL.canParse(`http://${host}`) || !localNames.has(new URL(`http://${host}`).hostname)) return false;
  const site = req.get('sec-fetch-site');
  return site === undefined ? req.get('origin') === `http://${host}` : site === 'same-origin';
}

function setHeaders(res: Response): Response {
  return res.set({
    'content-security-policy':
      "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
}
