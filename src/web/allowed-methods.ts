import type { Request, RequestHandler, RequestParamHandler, Response } from 'express';
import { MethodNotAllowed, NoSuchPage } from './errors.ts';

/** A router of Express, as far as it is used here. Its types don't describe layers. */
type Routing = {
  stack?: readonly Layer[];
  params?: Readonly<Record<string, readonly RequestParamHandler[]>>;
};
type Layer = {
  handle: Routing;
  route?: { methods: Readonly<Record<string, boolean>> };
  match(path: string): { params: Record<string, string> } | false;
};

/** Throws {@link NoSuchPage}, or {@link MethodNotAllowed} if there is a page at this address for another method. Goes after all routes. */
export const noSuchPage: RequestHandler = (req, res) => {
  const allowed = allowedMethods(req, res);
  // safeguard: method-not-allowed
  if (allowed.length > 0 && !allowed.includes(req.method)) throw new MethodNotAllowed(allowed);
  throw new NoSuchPage(`No page at ${req.path}`);
};

/** Returns the methods that the routes of the app accept for the path of a request; none if no route has such a path. */
function allowedMethods(req: Request, res: Response): string[] {
  const methods = methodsIn(req.app.router as unknown as Routing, req.path, req, res);
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].sort();
}

function methodsIn(router: Routing, path: string, req: Request, res: Response): string[] {
  return (router.stack ?? []).flatMap((layer) => {
    const match = layer.match(path);
    if (!match) return [];
    // All routers are mounted at the root, and so see the whole path.
    if (!layer.route) return methodsIn(layer.handle, path, req, res);
    // safeguard: no-methods-of-impossible-paths
    if (!areAccepted(router, match.params, req, res)) return [];
    return Object.keys(layer.route.methods).map((method) => method.toUpperCase());
  });
}

/** Whether the router accepts the parameters of a path, such as the form of an ID. */
function areAccepted(
  { params: handlers = {} }: Routing,
  params: Record<string, string>,
  req: Request,
  res: Response,
): boolean {
  // Those that check a format read the others as well.
  req.params = params;
  try {
    for (const [name, value] of Object.entries(params))
      for (const check of handlers[name] ?? []) check(req, res, throwIfAny, value, name);
    return true;
  } catch {
    return false;
  }
}

function throwIfAny(error?: unknown): void {
  if (error !== undefined) throw error;
}
