import type { Request } from 'express';

/** The pattern of a request's path, once the request has been answered; `other` for files, and if nothing has this path. */
export function routeOf({ route }: Request): string {
  return route ? String(route.path) : 'other';
}
