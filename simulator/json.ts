import type { ApiVersion } from './api-version.ts';
import { createRandom } from './random.ts';
import type { Unavailable } from './types.ts';

/** A JSON value; fields that are undefined are left out. */
export type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export type Page<T> = { items: readonly T[]; total: number; limit: number; offset: number };

/** Everything that the JSON of a response depends on. */
export type JsonContext = {
  origin: string;
  apiUrl: string;
  apiVersion: ApiVersion;
  unavailable: ReadonlyMap<string, Unavailable>;
};

export type JsonHelpers = ReturnType<typeof createJsonHelpers>;

/** Parts that many kinds of objects share. */
export function createJsonHelpers({ origin, apiUrl, apiVersion }: JsonContext) {
  const hasLegacy = apiVersion !== '2026-02';
  const hasCurrent = apiVersion !== 'legacy';

  return {
    hasLegacy,
    hasCurrent,

    /** Fields that version 2026-02 no longer has. */
    legacyOnly: (fields: JsonObject): JsonObject => (hasLegacy ? fields : {}),

    /** A field that version 2026-02 renamed, under one name or both. */
    renamed: (legacyName: string, name: string, value: Json): JsonObject => ({
      ...(hasCurrent ? { [name]: value } : {}),
      ...(hasLegacy ? { [legacyName]: value } : {}),
    }),

    links: (type: string, id: string): JsonObject => ({
      external_urls: { spotify: `${origin}/open/${type}/${id}` },
      href: `${apiUrl}/${type}s/${id}`,
      id,
      type,
      uri: `spotify:${type}:${id}`,
    }),

    images: (seed: string): Json[] =>
      [640, 300, 64].map((size) => ({
        // The larger ones are drawn by the browser, which costs the simulator nothing.
        url: `${origin}/covers/${size}/${seed}.${size === 64 ? 'jpg' : 'svg'}`,
        height: size,
        width: size,
      })),

    popularity: (id: string): number => createRandom(`popularity ${id}`).between(12, 81),

    /** The links to other pages are absolute and keep the rest of the query. */
    paging<T>(url: URL, { items, total, limit, offset }: Page<T>, toJson: (item: T) => Json): JsonObject {
      const urlAt = (otherOffset: number) => {
        const target = new URL(`${apiUrl}${url.pathname.replace(/^\/v1/, '')}`);
        for (const [name, value] of url.searchParams) target.searchParams.set(name, value);
        target.searchParams.set('offset', String(otherOffset));
        target.searchParams.set('limit', String(limit));
        return target.href;
      };
      return {
        href: urlAt(offset),
        limit,
        next: offset + limit < total ? urlAt(offset + limit) : null,
        offset,
        previous: offset > 0 ? urlAt(Math.max(0, offset - limit)) : null,
        total,
        items: items.map(toJson),
      };
    },

    /** A page of a list that has a cursor in place of an offset. `after` is the cursor of the next page; null on the last. */
    cursorPaging<T>(
      url: URL,
      { items, limit, total, after }: Omit<Page<T>, 'offset'> & { after: string | null },
      toJson: (item: T) => Json,
    ): JsonObject {
      const target = new URL(`${apiUrl}${url.pathname.replace(/^\/v1/, '')}${url.search}`);
      const next = new URL(target);
      if (after !== null) next.searchParams.set('after', after);
      return {
        href: target.href,
        limit,
        next: after === null ? null : next.href,
        cursors: { after },
        total,
        items: items.map(toJson),
      };
    },
  };
}
