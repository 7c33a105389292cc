import { SpotifyUnavailable } from './errors.ts';
import type { HttpResponse } from './http.ts';
import type { Image, Named, Page } from './types.ts';
import { isContextUri } from './uri.ts';

/*
 * Single fields of Spotify's JSON. Any field may be missing, null or of another type, and some values are placeholders for a value that Spotify
 * doesn't have. All of these parse as null (or '' for text), so that no placeholder is shown, compared or exported as if it were data.
 */

export type Json = Record<string, unknown>;

/** Each returns a URL that leads to a trusted host, normalized; null for any other value. */
export type TrustedUrls = { link(url: unknown): string | null; image(url: unknown): string | null };

/** Returns functions that trust Spotify's own hosts and the given origins. */
export function trustedUrls(otherOrigins: readonly string[]): TrustedUrls {
  const acceptFrom = (hosts: RegExp) => (value: unknown) => {
    const url = typeof value === 'string' ? URL.parse(value) : null;
    if (url === null) return null;
    // safeguard: drop-foreign-links
    const isTrusted =
      (url.protocol === 'https:' && hosts.test(url.host)) || otherOrigins.includes(url.origin);
    return isTrusted ? url.href : null;
  };
  return { link: acceptFrom(/^open\.spotify\.com$/), image: acceptFrom(/\.(scdn\.co|spotifycdn\.com)$/) };
}

/** Nothing was added to or played on Spotify before the company was founded, in April 2006. */
const foundedAt = Date.UTC(2006, 3);
/** Nothing was recorded before 1857, when the phonautograph was patented. */
const firstYear = '1857';

/** Returns a text as sent; '' for anything else. */
export function parseText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Returns a name as sent; null if it is blank or not a text. */
export function parseName(value: unknown): string | null {
  // safeguard: drop-blank-names
  return parseText(value).trim() === '' ? null : parseText(value);
}

/** Returns a number that may be 0, such as a progress or a volume; null for anything else. */
export function parseAmount(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

/** Returns a number for which 0 is a placeholder, such as a duration; null for 0 and for anything else. */
export function parseSize(value: unknown): number | null {
  // safeguard: drop-zero-lengths
  return parseAmount(value) || null;
}

/**
 * Returns a time in ISO 8601, as sent. Null for anything else, and for `1970-01-01T00:00:00Z`, which means that Spotify doesn't know the time
 * (GitHub: nokazn/ravyd#49).
 */
export function parseTime(value: unknown): string | null {
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(parseText(value));
  // safeguard: drop-dates-before-spotify
  return isTime && Date.parse(parseText(value)) >= foundedAt ? parseText(value) : null;
}

/**
 * Returns a year, month or day in ISO 8601, as precise as Spotify knows it. Null for anything else, and for the year `0000`, which means that Spotify
 * doesn't know the date (GitHub: Peter-Schorn/SpotifyAPI#37). A month or day of `00` is omitted.
 */
export function parseReleaseDate(json: Json): string | null {
  const [, year = '', month = '00', day = '00'] =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(parseText(json.release_date)) ?? [];
  // safeguard: drop-year-0000
  if (year < firstYear) return null;
  if (month === '00' || json.release_date_precision === 'year') return year;
  if (day === '00' || json.release_date_precision === 'month') return `${year}-${month}`;
  return Number.isNaN(Date.parse(`${year}-${month}-${day}`)) ? year : `${year}-${month}-${day}`;
}

/**
 * Returns the announced length of a list of which `count` items, from offset `from` on, were sent. Null if fewer were announced than sent: then
 * the number means nothing. Throws {@link SpotifyUnavailable} if there is no number.
 */
export function parseTotal(
  value: unknown,
  from: number,
  count: number,
  response: HttpResponse,
): number | null {
  const announced = parseAmount(value);
  if (announced === null) throw malformed(response);
  // safeguard: ignore-impossible-totals
  return count > 0 && announced < from + count ? null : announced;
}

/**
 * Parses a page of a list, from offset `from` on, that must keep its positions: `parseOne` is also called, with an empty object, for what isn't an
 * object. Throws {@link SpotifyUnavailable}, as malformed, if this isn't a list.
 */
export function parsePage<T>(response: HttpResponse, from: number, parseOne: (json: Json) => T): Page<T> {
  const json = requireObject(response.json, response);
  const all = requireArray(json.items, response);
  return {
    items: all.map((one) => parseOne(isObject(one) ? one : {})),
    total: parseTotal(json.total, from, all.length, response),
  };
}

/** Returns the name, link and URI of an object, such as an artist; null if it has no name. */
export function parseNamed(json: Json, trusted: TrustedUrls): Named | null {
  const name = parseName(json.name);
  if (name === null) return null;
  return { name, link: parseLink(json, trusted), uri: isContextUri(json.uri) ? json.uri : null };
}

/** Returns the names, links and URIs of the objects in a list, without those that have no name. */
export function parseAllNamed(value: unknown, trusted: TrustedUrls): Named[] {
  return objectsIn(value).flatMap((json) => parseNamed(json, trusted) ?? []);
}

/** Returns the link to an object on Spotify's site; null if there is none that can be trusted. */
export function parseLink(json: Json, trusted: TrustedUrls): string | null {
  return isObject(json.external_urls) ? trusted.link(json.external_urls.spotify) : null;
}

/** Returns the images in a list, without those whose URL can't be trusted. */
export function parseImages(value: unknown, trusted: TrustedUrls): Image[] {
  return objectsIn(value).flatMap((json) => {
    const url = trusted.image(json.url);
    return url === null ? [] : [{ url, width: parseSize(json.width), height: parseSize(json.height) }];
  });
}

/** Returns the objects in a list; none for anything that is not a list. */
export function objectsIn(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Returns the value. Throws {@link SpotifyUnavailable} for anything but an object. */
export function requireObject(value: unknown, response: HttpResponse): Json {
  if (!isObject(value)) throw malformed(response);
  return value;
}

/** Returns the value. Throws {@link SpotifyUnavailable} for anything but an array. */
export function requireArray(value: unknown, response: HttpResponse): unknown[] {
  if (!Array.isArray(value)) throw malformed(response);
  return value;
}

/** Returns whether this is a JSON object, not null or an array. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the error for a response whose body isn't what Spotify documents. */
export function malformed(response: HttpResponse): SpotifyUnavailable {
  return new SpotifyUnavailable(`${response.call} answered ${response.status} with a malformed body`);
}
