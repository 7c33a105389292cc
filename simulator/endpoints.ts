import express, { type Request, type Response, Router } from 'express';
import { createShapes, type Json, type Page, type Shapes } from './api-version.ts';
import type { CallLog } from './calls.ts';
import type { Settings } from './control.ts';
import type { Bearer, Grants } from './grants.ts';
import type { Listener } from './listeners.ts';
import { forbidden, missingScope, notFound, Refused } from './refused.ts';

type Deps = {
  settings: Settings;
  origin: string;
  apiUrl: string;
  grants: Grants;
  listeners: ReadonlyMap<string, Listener>;
  calls: CallLog;
};

/** What an endpoint is given to answer with. */
export type Asked = {
  shapes: Shapes;
  bearer: Bearer;
  /** The address as it was asked for. */
  url: URL;
  query: URLSearchParams;
  params: Record<string, string>;
  /** The fields of a JSON body, none where there is no body; throws where it is something else. */
  fields(): Record<string, unknown>;
};
export type AskedByListener = Asked & { listener: Listener };

/** Answered with 204 and nothing at all. */
export const nothing = Symbol('nothing');
/** Answered with the status alone. */
export const done = Symbol('done');
export type Answer = Json | typeof nothing | typeof done;

type Method = 'get' | 'post' | 'put' | 'delete';
type Terms = {
  /** What the token needs to be good for; all of them. */
  scope?: string | readonly string[];
  /** In which of Spotify's two sets of names it stands; in both if absent. */
  names?: 'legacy' | '2026-02';
  /** Of a good answer; 200 if absent. */
  status?: number;
};

export type Endpoints = ReturnType<typeof createEndpoints>;

const ownerNeedsPremium =
  'Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again.';
const notInvited = {
  json: 'The user is not registered for this application. Check settings on https://developer.spotify.com/dashboard.',
  text: 'Check settings on developer.spotify.com/dashboard, the user may not be registered.',
};

/** The frame of the web API: who asks, what they may, in which words it is answered or refused. */
export function createEndpoints({ settings, origin, apiUrl, grants, listeners, calls }: Deps) {
  const router = Router({ strict: true, caseSensitive: true });
  // What it calls itself does not matter: what is no JSON is refused below.
  const body = express.text({ type: () => true, limit: '64kb' });

  /** Who asks; throws what Spotify answers to everybody else. */
  const authenticate = (req: Request, res: Response): Bearer | null => {
    const [, token] = (req.headers.authorization ?? '').match(/^Bearer ([\w.~+/=-]+)$/i) ?? [];
    if (!token) throw new Refused(400, 'Only valid bearer authentication supported');
    const bearer = grants.bearer(token);
    if (bearer === 'invalid') throw new Refused(401, 'Invalid access token');
    if (bearer === 'expired') throw new Refused(401, 'The access token expired');
    if (bearer.listenerId) calls.note(req, { listenerId: bearer.listenerId });
    if (!settings.ownerHasPremium) throw new Refused(403, ownerNeedsPremium);
    if (bearer.listenerId && settings.notInvited.has(bearer.listenerId)) {
      if (settings.notInvitedAs === 'json') throw new Refused(403, notInvited.json);
      res.status(403).type('text/plain').send(notInvited.text);
      return null;
    }
    return bearer;
  };

  /** Names that are gone are forbidden, names that are not there yet are not found. */
  const checkNames = (names: Terms['names']) => {
    if (names === '2026-02' && settings.apiVersion === 'legacy') throw notFound();
    if (names === 'legacy' && settings.apiVersion === '2026-02') throw forbidden();
  };

  const add = (method: Method, path: string, terms: Terms, answer: (asked: Asked) => Answer) => {
    router[method](path, body, (req: Request<Record<string, string>>, res) => {
      const bearer = authenticate(req as Request, res);
      if (!bearer) return;
      checkNames(terms.names);
      const url = new URL(req.originalUrl, origin);
      const given = answer({
        shapes: createShapes({ origin, apiUrl, ...settings }),
        bearer,
        url,
        query: url.searchParams,
        params: req.params,
        fields: () => fieldsOf(req.body),
      });
      res.set('cache-control', 'private, max-age=0');
      if (given === nothing) res.status(204).end();
      else if (given === done) res.status(terms.status ?? 200).end();
      else res.status(terms.status ?? 200).json(given);
    });
  };

  return {
    router,

    /** An endpoint that answers the app itself, too. */
    open: (path: string, terms: Terms, answer: (asked: Asked) => Answer) => add('get', path, terms, answer),

    /** An endpoint that speaks of the listener. */
    mine: (method: Method, path: string, terms: Terms, answer: (asked: AskedByListener) => Answer) =>
      add(method, path, terms, (asked) => {
        const listener = listeners.get(asked.bearer.listenerId ?? '');
        if (!listener) throw new Refused(403, 'This request requires user authentication.');
        if (![terms.scope ?? []].flat().every((scope) => asked.bearer.scopes.includes(scope))) {
          throw path.startsWith('/me/player') ? new Refused(401, 'Permissions missing') : missingScope();
        }
        return answer({ ...asked, listener });
      }),

    /** To be called last. Everything else is gone in development mode, and was never there otherwise. */
    end() {
      router.use((req, res) => {
        if (!authenticate(req, res)) return;
        throw settings.apiVersion === '2026-02' ? forbidden() : notFound();
      });
      router.use((error: unknown, _req: Request, res: Response, next: (error?: unknown) => void) => {
        if (!(error instanceof Refused)) return next(error);
        const { status, message, reason } = error;
        res.status(status).json({ error: { status, message, reason } });
      });
    },
  };
}

/** Throws unless the token is good for all of these. */
export function needScopes({ bearer }: Asked, scopes: Iterable<string>) {
  for (const scope of scopes) if (!bearer.scopes.includes(scope)) throw missingScope();
}

function fieldsOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'string' || body === '') return {};
  const fields: unknown = parsed(body);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw noJson();
  return fields as Record<string, unknown>;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw noJson();
  }
}

const noJson = () => new Refused(400, 'Error parsing JSON.');

/** A field of a body; undefined where it is not given. Throws where it is of another kind. */
export function field<Kind extends keyof Kinds>(
  fields: Record<string, unknown>,
  name: string,
  kind: Kind,
): Kinds[Kind] | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (!is[kind](value)) throw new Refused(400, `Invalid ${name}`);
  return value as Kinds[Kind];
}

type Kinds = { text: string; flag: boolean; texts: string[]; position: number };
const is: Record<keyof Kinds, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  position: (value) => Number.isInteger(value) && Number(value) >= 0,
};

export type Reach = { normal: number; most: number; farthest: number };

/** Of most lists, one call brings fifty things (Spotify: `QueryLimit`). */
export const usualReach: Reach = { normal: 20, most: 50, farthest: 100_000 };

/** The stretch asked for; odd numbers are refused, not put right. */
export function pageOf<T>(all: readonly T[], query: URLSearchParams, reach: Reach): Page<T> {
  const limit = numberIn(query, 'limit', 1, reach.most) ?? reach.normal;
  const offset = numberIn(query, 'offset', 0, reach.farthest) ?? 0;
  return { items: all.slice(offset, offset + limit), total: all.length, limit, offset };
}

/** A whole number of the query, undefined where it is not given; throws where it is another or none. */
export function numberIn(
  query: URLSearchParams,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const given = query.get(name);
  if (given === null) return undefined;
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (!(number >= least && number <= most)) throw new Refused(400, `Invalid ${name}`);
  return number;
}

/** A list in the query, its parts parted by commas; undefined where it is not given or empty. */
export function listIn(query: URLSearchParams, name: string): string[] | undefined {
  return query
    .get(name)
    ?.split(',')
    .map((part) => part.trim());
}

/** Whether a call names a market. Which one does not matter: the country of the listener goes before it (Spotify: `QueryMarket`). */
export function namesMarket(query: URLSearchParams): boolean {
  const market = query.get('market');
  if (market !== null && !/^[A-Z]{2}$/.test(market)) throw new Refused(400, 'Invalid market code');
  return market !== null;
}

export function takesEpisodes(query: URLSearchParams): boolean {
  return (query.get('additional_types') ?? '').split(',').includes('episode');
}
