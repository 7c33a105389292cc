import type { RequestParamHandler } from 'express';
import type { ShownEntry } from '../access/relinking.ts';
import { isId, isUri } from '../spotify/uri.ts';
import { type ErrorPage, NoSuchPage, Problem } from './errors.ts';

/**
 * Lets an address with a Spotify id in it through only if that can be one; for `router.param`, which runs before the route and thus before
 * anything is asked of Redis or Spotify. Passes on {@link NoSuchPage} for anything else.
 */
export const spotifyId: RequestParamHandler = (_req, _res, next, id) => {
  // safeguard: check-ids-in-paths
  next(isId(id) ? undefined : new NoSuchPage('Not a Spotify id'));
};

/**
 * The URI of a track or episode that a request names. Throws {@link Problem} with `problem`: as it is if the request names nothing, as a 404
 * if what it names cannot exist.
 */
export function namedUri(value: unknown, problem: ErrorPage): string {
  if (isUri(value)) return value;
  // safeguard: 404-for-impossible-uris
  throw new Problem(value === undefined || value === '' ? problem : { ...problem, status: 404 });
}

/**
 * The row of a list that a request names: what its button sends as `entry` (its place and URI, or its URI alone), or a program as `uri` and
 * `place`. Throws {@link Problem} as {@link namedUri} does.
 */
export function namedEntry(sent: Record<string, unknown>, problem: ErrorPage): ShownEntry {
  const [, place, uri] = /^(?:(\d{1,6}) )?(\S+)$/.exec(String(sent.entry ?? '')) ?? [];
  const asked = place ?? String(sent.place ?? '');
  return {
    uri: namedUri(uri ?? (typeof sent.uri === 'string' ? sent.uri.trim() : undefined), problem),
    place: /^\d{1,6}$/.test(asked) ? Number(asked) : null,
  };
}
