import express, { type Request, type Response, Router } from 'express';
import { ApiError, forbidden, missingScope, notFound } from './api-error.ts';
import type { CallLog } from './calls.ts';
import type { Family } from './families.ts';
import type { Bearer, Grants } from './grants.ts';
import type { Json } from './json.ts';
import type { Listener } from './listeners.ts';
import { parseBody } from './params.ts';
import { createToJson, type ToJson } from './to-json.ts';
import type { EndpointSummary, Settings } from './types.ts';

type Deps = {
  settings: Settings;
  origin: string;
  apiUrl: string;
  grants: Grants;
  listeners: ReadonlyMap<string, Listener>;
  calls: CallLog;
};

export type ApiRequest = {
  toJson: ToJson;
  bearer: Bearer;
  url: URL;
  query: URLSearchParams;
  params: Record<string, string>;
  /** Returns the fields of a JSON body, none for an empty one. Throws if it isn't an object. */
  body(): Record<string, unknown>;
  /** The body as it was sent. */
  text: string;
  contentType: string;
};
export type ListenerRequest = ApiRequest & { listener: Listener };

/** Sends 204. */
export const noContent = Symbol('noContent');
/** Sends the status alone. */
export const emptyBody = Symbol('emptyBody');
export type ApiResponse = Json | typeof noContent | typeof emptyBody;

type Method = 'get' | 'post' | 'put' | 'delete';
type EndpointOptions = {
  family: Family;
  /** The token needs all of these. */
  scope?: string | readonly string[];
  /** The version that has this endpoint; both if absent. */
  onlyIn?: 'legacy' | '2026-02';
  /** Of a successful response; 200 if absent. */
  status?: number;
};

/** The endpoint that a request is for, such as `GET /playlists/:id`. If there is none, its path as it is, and no family. */
export type EndpointMatch = { endpoint: string; family: Family | null };

export type Endpoints = ReturnType<typeof createEndpoints>;

const ownerNeedsPremium =
  'Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again.';
const notInvited = {
  json: 'The user is not registered for this application. Check settings on https://developer.spotify.com/dashboard.',
  text: 'Check settings on developer.spotify.com/dashboard, the user may not be registered.',
};

/** The common parts of all endpoints of the Web API: authentication, scopes, versions and the shape of errors. */
export function createEndpoints({ settings, origin, apiUrl, grants, listeners, calls }: Deps) {
  const router = Router({ strict: true, caseSensitive: true });
  const list: EndpointSummary[] = [];
  const patterns: { method: string; path: RegExp; match: EndpointMatch }[] = [];
  // Spotify ignores the content type: whatever isn't JSON is refused when it is parsed.
  const readBody = express.text({ type: () => true, limit: '300kb' });

  /** Returns null if it has sent a response. Throws Spotify's errors for everyone without access. */
  const authenticate = (req: Request, res: Response): Bearer | null => {
    const [, token] = (req.headers.authorization ?? '').match(/^Bearer ([\w.~+/=-]+)$/i) ?? [];
    if (!token) throw new ApiError(400, 'Only valid bearer authentication supported');
    const bearer = grants.bearer(token);
    if (bearer === 'invalid') throw new ApiError(401, 'Invalid access token');
    if (bearer === 'expired') throw new ApiError(401, 'The access token expired');
    if (bearer.listenerId) calls.annotate(req, { listenerId: bearer.listenerId });
    if (!settings.ownerHasPremium) throw new ApiError(403, ownerNeedsPremium);
    if (bearer.listenerId && settings.notInvited.has(bearer.listenerId)) {
      if (settings.notInvitedFormat === 'json') throw new ApiError(403, notInvited.json);
      res.status(403).type('text/plain').send(notInvited.text);
      return null;
    }
    return bearer;
  };

  /** Removed endpoints are forbidden, those of a later version don't exist. */
  const checkVersion = (onlyIn: EndpointOptions['onlyIn']) => {
    if (onlyIn === '2026-02' && settings.apiVersion === 'legacy') throw notFound();
    if (onlyIn === 'legacy' && settings.apiVersion === '2026-02') throw forbidden();
  };

  const add = (
    method: Method,
    path: string,
    { onlyIn, status = 200 }: EndpointOptions,
    respond: (request: ApiRequest) => ApiResponse,
  ) => {
    router[method](path, readBody, (req: Request<Record<string, string>>, res) => {
      const bearer = authenticate(req as Request, res);
      if (!bearer) return;
      checkVersion(onlyIn);
      const url = new URL(req.originalUrl, origin);
      const response = respond({
        toJson: createToJson({ origin, apiUrl, ...settings }),
        bearer,
        url,
        query: url.searchParams,
        params: req.params,
        body: () => parseBody(req.body),
        text: typeof req.body === 'string' ? req.body : '',
        contentType: req.get('Content-Type') ?? '',
      });
      res.set('cache-control', 'private, max-age=0');
      if (response === noContent) res.status(204).end();
      else if (response === emptyBody) res.status(status).end();
      else res.status(status).json(response);
    });
  };

  const describe = (method: Method, path: string, options: EndpointOptions, acceptsAppToken: boolean) => {
    const { family, scope = [], onlyIn = 'all' } = options;
    const endpoint = `${method.toUpperCase()} ${path}`;
    list.push({ endpoint, scopes: [scope].flat(), versions: onlyIn, acceptsAppToken, family });
    const pattern = new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`);
    patterns.push({ method: method.toUpperCase(), path: pattern, match: { endpoint, family } });
  };

  return {
    router,
    list: list as readonly EndpointSummary[],

    /** Also finds endpoints of another version. `path` is relative to the API's URL. */
    find(method: string, path: string): EndpointMatch {
      // Express answers HEAD like GET.
      const asked = method === 'HEAD' ? 'GET' : method;
      const found = patterns.find((one) => one.method === asked && one.path.test(path));
      return found?.match ?? { endpoint: `${asked} ${path}`, family: null };
    },

    /** A GET that also accepts an app token. */
    appEndpoint(path: string, options: EndpointOptions, respond: (request: ApiRequest) => ApiResponse) {
      describe('get', path, options, true);
      add('get', path, options, respond);
    },

    /** An endpoint that needs a listener's token. */
    listenerEndpoint(
      method: Method,
      path: string,
      options: EndpointOptions,
      respond: (request: ListenerRequest) => ApiResponse,
    ) {
      describe(method, path, options, false);
      const scopes = [options.scope ?? []].flat();
      add(method, path, options, (request) => {
        const listener = listeners.get(request.bearer.listenerId ?? '');
        if (!listener) throw new ApiError(403, 'This request requires user authentication.');
        if (!scopes.every((scope) => request.bearer.scopes.includes(scope))) {
          throw path.startsWith('/me/player') ? new ApiError(401, 'Permissions missing') : missingScope();
        }
        return respond({ ...request, listener });
      });
    },

    /** To be called last: answers all other paths, and turns errors into responses. */
    addFallback() {
      router.use((req, res) => {
        if (!authenticate(req, res)) return;
        throw settings.apiVersion === '2026-02' ? forbidden() : notFound();
      });
      router.use((error: unknown, _req: Request, res: Response, next: (error?: unknown) => void) => {
        if (!(error instanceof ApiError)) return next(error);
        const { status, message, reason } = error;
        res.status(status).json({ error: { status, message, reason } });
      });
    },
  };
}

/** Throws {@link ApiError} unless the token has all of these. */
export function requireScopes({ bearer }: ApiRequest, scopes: Iterable<string>) {
  for (const scope of scopes) if (!bearer.scopes.includes(scope)) throw missingScope();
}
