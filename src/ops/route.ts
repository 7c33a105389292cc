import type { Request } from 'express';
import { pathWithin } from '../routes.ts';

/** The pattern of a request's path, without the path of BASE_URL, once the request has been answered; `other` for files, and if nothing has this path. */
export function routeOf({ route }: Request): string {
  const pattern = route ? String(route.path) : 'other';
  return pathWithin(pattern) ?? pattern;
}
