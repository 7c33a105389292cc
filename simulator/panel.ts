import { join } from 'node:path';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { CallLog } from './calls.ts';
import { apiVersions, type Playing, type Settings } from './control.ts';
import type { Faults } from './faults.ts';
import type { Grants } from './grants.ts';
import type { Limits } from './limits.ts';
import type { Listener } from './listeners.ts';
import { panelPage } from './panel-page.ts';
import type { Players } from './playback.ts';
import { notFound, Refused } from './refused.ts';

type Deps = {
  settings: Settings;
  listeners: ReadonlyMap<string, Listener>;
  players: Players;
  grants: Grants;
  faults: Faults;
  limits: Limits;
  calls: CallLog;
  now: () => number;
  onClear: () => void;
};

/** Carries out what a form asks for; throws {@link Refused} where it asks for something that there is not. */
type Act = (form: URLSearchParams) => void;

/** The simulator's front page: what it does now, what the app has asked, and buttons to make things happen. */
export function createPanel({
  settings,
  listeners,
  players,
  grants,
  faults,
  limits,
  calls,
  now,
  onClear,
}: Deps): Router {
  const router = Router();

  /** An act upon one listener. */
  const upon =
    (act: (listener: Listener) => void): Act =>
    (form) => {
      const listener = listeners.get(form.get('listener') ?? '');
      if (!listener) throw notFound();
      act(listener);
    };
  const puttingOn = (what: Playing) => upon(({ id }) => players.plays(id, what));

  let said: { words: string; until: number } | null = null;
  /** An act that leaves nothing to be seen on the page, so that the page has to say it. */
  const once =
    (words: string, act: () => void): Act =>
    () => {
      act();
      said = { words, until: now() + saidMs };
    };

  const acts: Record<string, Act> = {
    'play-music': puttingOn({ kind: 'music' }),
    'play-episode': puttingOn({ kind: 'episode' }),
    'play-ad': puttingOn({ kind: 'ad' }),
    'play-local': puttingOn({ kind: 'local' }),
    'play-private': puttingOn({ kind: 'private' }),
    'play-nothing': puttingOn({ kind: 'nothing' }),
    // The buttons of a device are under the same restrictions as commands are; pressed in vain, they do nothing.
    pause: upon(({ id }) => does(() => players.pause(id, null))),
    resume: upon(({ id }) => does(() => players.resume(id, null))),
    skip: upon(({ id }) => does(() => players.next(id, null))),
    'go-free': upon((listener) => {
      listener.product = 'free';
    }),
    'go-premium': upon((listener) => {
      listener.product = 'premium';
    }),
    invite: upon(({ id }) => void settings.notInvited.delete(id)),
    disinvite: upon(({ id }) => void settings.notInvited.add(id)),

    'expire-tokens': once('All access tokens have expired.', grants.expireAccessTokens),
    'revoke-grants': once('The app is removed from all accounts.', () => grants.revoke()),
    'end-six-months': once('The six months of every consent are over.', () => {
      grants.endSixMonths();
      // Those of an hour have ended long before; without it nothing would be seen of this for up to an hour.
      grants.expireAccessTokens();
    }),
    'limit-briefly': () => limits.rateLimit(10),
    'limit-for-hours': () => limits.rateLimit(6 * 3600),
    'exceed-quota': () => limits.rateLimit(6 * 3600, { quota: true }),
    'answer-slowly': () => faults.add({ on: 'api', times: 5, delayMs: 2000 }),
    fail: () => faults.add({ on: 'api', times: 3, answer: { status: 502, body: badGateway } }),
    'take-premium': () => {
      settings.ownerHasPremium = false;
    },
    'give-premium': () => {
      settings.ownerHasPremium = true;
    },
    'clear-faults': () => {
      faults.clear();
      limits.clear();
      settings.callsPerDay = null;
      settings.ownerHasPremium = true;
      settings.notInvited.clear();
      onClear();
    },
  };

  const carriedOut =
    (act: Act): RequestHandler =>
    (req, res, next) => {
      const form = new URLSearchParams(typeof req.body === 'string' ? req.body : '');
      if (!isOurs(req) || !does(() => act(form))) return next();
      res.redirect(303, `/#${form.get('listener') ?? 'spotify'}`);
    };
  const form = express.text({ type: 'application/x-www-form-urlencoded', limit: '1kb' });
  for (const [name, act] of Object.entries(acts)) router.post(`/panel/${name}`, form, carriedOut(act));
  router.post(
    '/api-version',
    form,
    carriedOut((form) => {
      const wished = apiVersions.find((apiVersion) => apiVersion === form.get('apiVersion'));
      if (!wished) throw notFound();
      settings.apiVersion = wished;
    }),
  );

  router.get('/', (_req, res) => {
    const people = [...listeners.values()].map((listener) => ({
      listener,
      moment: players.at(listener.id),
      invited: !settings.notInvited.has(listener.id),
    }));
    const { apiVersion, ownerHasPremium } = settings;
    guarded(res).send(
      panelPage({
        apiVersion,
        ownerHasPremium,
        people,
        said: said && now() < said.until ? said.words : null,
        closed: limits.closedNow(),
        faults: faults.waiting(),
        calls: calls.all,
        now: now(),
      }),
    );
  });
  router.get('/panel.js', (_req, res) => res.sendFile(join(import.meta.dirname, 'panel.js')));
  return router;
}

/** How long the page says what was done. */
const saidMs = 10_000;

const badGateway = '{"error":{"status":502,"message":"Bad gateway."}}';

/** Whether it could be done. */
function does(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return false;
  }
}

const local = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Only the simulator's own page may change how it behaves, and not one that another site on this machine shows or sends. A name
 * that has been made to lead here is no name of ours.
 */
function isOurs(req: Request): boolean {
  const host = req.get('host') ?? '';
  if (!URL.canParse(`http://${host}`) || !local.has(new URL(`http://${host}`).hostname)) return false;
  const site = req.get('sec-fetch-site');
  return site === undefined ? req.get('origin') === `http://${host}` : site === 'same-origin';
}

function guarded(res: Response): Response {
  return res.set({
    'content-security-policy':
      "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
}
