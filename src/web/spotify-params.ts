import type { RequestParamHandler } from 'express';
import type { ShownEntry } from '../access/relinking.ts';
import { maxChangedItems } from '../spotify/limits.ts';
import { isId, isUri } from '../spotify/uri.ts';
import { type ErrorPage, NoSuchPage, Problem } from './errors.ts';
import { invalidFields } from './fields.ts';

/**
 * Checks the Spotify ID in a URL; for `router.param`, which runs before the route and so before any call to Redis or Spotify. Passes on
 * {@link NoSuchPage} if it doesn't have the form of an ID.
 */
export const checkSpotifyId: RequestParamHandler = (_req, _res, next, id) => {
  // safeguard: check-ids-in-paths
  next(isId(id) ? undefined : new NoSuchPage('Not a Spotify ID'));
};

/**
 * Returns the URI that a request contains, of a track or an episode unless `isAccepted` says otherwise. Throws {@link Problem} with `problem` if
 * there is none, or if it doesn't have the form of such a URI.
 */
function readUri(value: unknown, problem: ErrorPage, isAccepted = isUri): string {
  // safeguard: refuse-impossible-uris
  if (!isAccepted(value)) throw new Problem(problem);
  return value;
}

/**
 * Returns the URIs of tracks and episodes that a request contains: a field that is sent once or several times. Throws {@link Problem} as
 * {@link readUri} does, and with `problem` if there are more than one call can change.
 */
export function readUris(value: unknown, problem: ErrorPage): string[] {
  const values = Array.isArray(value) ? value : [value];
  // safeguard: hundred-items-at-once
  if (values.length === 0 || values.length > maxChangedItems) throw new Problem(problem);
  return values.map((one) => readUri(typeof one === 'string' ? one.trim() : one, problem));
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Returns the same fields, with `uri` in place of `entry`: the checkboxes of a playlist name rows, as {@link readEntry} reads them, but most
 * actions need only their URIs. Rows that can't be played are in a separate field, `unplayable`, and left out. Nothing is checked here.
 */
export function withUris(fields: Fields): Fields {
  // safeguard: leave-out-unplayable-rows
  const { entry, unplayable: _, ...others } = fields;
  if (entry === undefined || 'uri' in others) return fields;
  const uri = [entry].flat().map((one) => (typeof one === 'string' ? one.replace(/^\d{1,6} /, '') : one));
  return { ...others, uri };
}

/** Returns the fields `entry` and `unplayable` of a request together: all rows of a playlist that were selected, whether they can be played or not. */
export function selectedRows({ entry, unplayable }: Fields): unknown[] {
  return [entry ?? [], unplayable ?? []].flat();
}

/** Throws {@link Problem} if a request names rows in several ways, or several URIs with one position: a part of that would be ignored. */
export function refuseMixedRows(fields: Fields): void {
  const uris = [fields.uri ?? []].flat();
  const isPlaced = fields.position !== undefined || fields.place !== undefined;
  const hasRows = selectedRows(fields).length > 0;
  // safeguard: rows-in-one-way
  if ((hasRows && (uris.length > 0 || isPlaced)) || (uris.length > 1 && isPlaced))
    throw new Problem(invalidFields('Send "entry", several of "uri", or one "uri" with its "position".'));
}

/**
 * Returns the row of a list that a request names; its position counts from 0, and is null if the request names only a URI. A button sends
 * both as `entry` (position and URI, or only the URI), a program as `uri` and `position`, which was `place` in 0.2.0. Throws {@link Problem} as {@link readUri} does.
 */
export function readEntry(fields: Fields, problem: ErrorPage, isAccepted = isUri): ShownEntry {
  const [, entryPosition, entryUri] = /^(?:(\d{1,6}) )?(\S+)$/.exec(String(fields.entry ?? '')) ?? [];
  const position = entryPosition ?? String(fields.position ?? fields.place ?? '');
  return {
    uri: readUri(
      entryUri ?? (typeof fields.uri === 'string' ? fields.uri.trim() : undefined),
      problem,
      isAccepted,
    ),
    position: /^\d{1,6}$/.test(position) ? Number(position) : null,
  };
}
