import type { Request, Response } from 'express';
import { routes } from '../../routes.ts';
import { maxOffset } from '../../spotify/limits.ts';
import type { Playlist } from '../../spotify/types.ts';
import { NoSuchPage } from '../../web/errors.ts';
import type { Formatters } from '../../web/locale.ts';
import type { Format } from './format.ts';
import { formatNamed } from './formats.ts';
import { contentsOf, isListName, type ListName, rangeIn } from './lists.ts';

/* The URL of a file: its meaning, and the URLs of other files. */

/** The URL that exports the file regardless of its cost. */
export function anywayUrl(req: Request): string {
  const { pathname, searchParams } = new URL(req.originalUrl, 'http://localhost');
  searchParams.set('anyway', 'yes');
  return `${pathname}?${searchParams}`;
}

/** The id of the requested export: of a playlist, `all`, or a list of the library. */
export function exportIdIn({ params: { id, list }, path }: Request): string {
  if (typeof id === 'string') return id;
  if (typeof list === 'string') return `library/${list}`;
  return path.startsWith(routes.exportSavedTracks()) ? 'library/tracks' : 'all';
}

export function exportPage(exportId: string, query: { range?: string } = {}): string {
  if (exportId === 'all') return routes.exportAll();
  if (exportId === 'library/tracks') return routes.exportSavedTracks();
  const [, list] = /^library\/(.+)$/.exec(exportId) ?? [];
  return list === undefined ? routes.exportOne(exportId) : routes.exportList(list, query);
}

export function partUrl(req: Request, cursor: Record<string, string | number>): string {
  const query = Object.entries(cursor).map(([name, value]): [string, string] => [name, String(value)]);
  const same = ['for', 'of', 'range'].flatMap((name): [string, string][] =>
    typeof req.query[name] === 'string' ? [[name, req.query[name]]] : [],
  );
  return `${req.path}?${new URLSearchParams([...query, ...same, ['part', 'yes']])}`;
}

/** Adds the snapshot of the playlist, so that the next part can tell whether it has changed. */
export function withSnapshot<P extends object>(cursor: P, { snapshotId }: Pick<Playlist, 'snapshotId'>) {
  return { ...cursor, ...(snapshotId && { snapshot: snapshotId }) };
}

/** Parses the format in a URL. Throws {@link NoSuchPage} for an unknown one. */
export function formatIn({ params, query }: Request, res: Response): Format {
  const text = (value: unknown) => (value === undefined || typeof value === 'string' ? value : '');
  const name = { name: String(params.format), of: text(query.of), variant: text(query.for) };
  const format = formatNamed(name, (res.locals as Formatters).decimalSign);
  const isHeld = format?.itemsOnly !== true || params.list === undefined || listHoldsItems(params.list);
  if (!format || !isHeld) throw new NoSuchPage('No such format');
  return format;
}

function listHoldsItems(list: unknown): boolean {
  return contentsOf(String(list)) === 'items';
}

/** Parses the list in a URL. Throws {@link NoSuchPage} for an unknown one. */
export function listIn({ params, query }: Request): ListName {
  const list = String(params.list ?? 'tracks');
  if (!isListName(list)) throw new NoSuchPage('No such list');
  return { list, range: rangeIn(query.range) };
}

/** Returns the snapshot that the previous part was made from, if the address names one. */
export function snapshotIn(req: Request): { snapshot?: string } {
  const { snapshot } = req.query;
  return typeof snapshot === 'string' ? { snapshot } : {};
}

/** Returns the hash of the playlists in the previous parts, if the address has one. */
export function beforeIn({ query: { before } }: Request): { before?: string } {
  return typeof before === 'string' && /^[\w-]{1,22}$/.test(before) ? { before } : {};
}

/** Parses a position, from 0, in a URL; 0 if there is none. Throws {@link NoSuchPage} for one that no list can have. */
export function readPosition(value: unknown, max = maxOffset): number {
  if (value === undefined) return 0;
  const position = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : null;
  // safeguard: 404-for-impossible-positions
  if (position === null || position > max) throw new NoSuchPage('No such position');
  return position;
}
