import type { RequestParamHandler } from 'express';
import type { ShownEntry } from '../access/relinking.ts';
import { isId, isUri } from '../spotify/uri.ts';
import { type ErrorPage, NoSuchPage, Problem } from './errors.ts';

/**
 * Checks the Spotify ID in a URL; for `router.param`, which runs before the route and so before any call to Redis or Spotify. Passes on
 * {@link NoSuchPage} if no ID can look like that.
 */
export const spotifyId: RequestParamHandler = (_req, _res, next, id) => {
  // safeguard: check-ids-in-paths
  next(isId(id) ? undefined : new NoSuchPage('Not a Spotify ID'));
};

/**
 * The URI of a track or episode in a request. Throws {@link Problem} with `problem` if there is none, and with the status 404 if no URI can
 * look like that.
 */
export function namedUri(value: unknown, problem: ErrorPage): string {
  if (isUri(value)) return value;
  // safeguard: 404-for-impossible-uris
  throw new Problem(value === undefined || value === '' ? problem : { ...problem, status: 404 });
}

/**
 * The row of a list in a request. A button sends it as `entry` (place and URI, or only the URI), a program as `uri` and `place`. Throws
 * {@link Problem} as {@link namedUri} does.
 */
export function namedEntry(fields: Readonly<Record<string, unknown>>, problem: ErrorPage): ShownEntry {
  const [, entryPlace, entryUri] = /^(?:(\d{1,6}) )?(\S+)$/.exec(String(fields.entry ?? '')) ?? [];
  const place = entryPlace ?? String(fields.place ?? '');
  return {
    uri: namedUri(entryUri ?? (typeof fields.uri === 'string' ? fields.uri.trim() : undefined), problem),
    place: /^\d{1,6}$/.test(place) ? Number(place) : null,
  };
}
