import { SpotifyUnavailable } from './errors.ts';
import type { Answer } from './http.ts';
import type { Image, Named } from './types.ts';

/*
 * Single fields of Spotify's JSON. Anything may be missing, null or of another type, and some values only stand for one that Spotify does not
 * have: all of these read as null (or '' for text), so that no placeholder is shown, compared or exported as if it were data.
 */

export type Json = Record<string, unknown>;

/** Where a link or a picture may point to. */
export type TrustedPlaces = { link(url: unknown): string | null; image(url: unknown): string | null };

/** Spotify's own hosts, and the given origins beside them. Anything else is dropped. */
export function trustedPlaces(otherOrigins: readonly string[]): TrustedPlaces {
  const among = (hosts: RegExp) => (value: unknown) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return null;
    const url = new URL(value);
    // safeguard: drop-foreign-links
    const trusted = (url.protocol === 'https:' && hosts.test(url.host)) || otherOrigins.includes(url.origin);
    return trusted ? url.href : null;
  };
  return { link: among(/^open\.spotify\.com$/), image: among(/\.(scdn\.co|spotifycdn\.com)$/) };
}

/** Nothing was added to or played on Spotify before the company was founded, in April 2006. */
const foundedAt = Date.UTC(2006, 3);
/** Nothing was recorded before 1857, when the phonautograph was patented. */
const firstYear = '1857';

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A name as Spotify has it; null if it is blank. */
export function nameIn(value: unknown): string | null {
  // safeguard: drop-blank-names
  return text(value).trim() === '' ? null : text(value);
}

/** A number that may be 0, such as a progress or a volume. */
export function amount(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

/** A number that is a placeholder if it is 0, such as a length. */
export function size(value: unknown): number | null {
  // safeguard: drop-zero-lengths
  return amount(value) || null;
}

/**
 * A moment in ISO 8601, as sent. Null for what is none, and for `1970-01-01T00:00:00Z`, which stands for a moment that Spotify does not know
 * (GitHub: nokazn/ravyd#49).
 */
export function moment(value: unknown): string | null {
  const isMoment = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text(value));
  // safeguard: drop-dates-before-spotify
  return isMoment && Date.parse(text(value)) >= foundedAt ? text(value) : null;
}

/**
 * A year, month or day in ISO 8601, as exactly as Spotify knows it. Null for what is none, and for the year `0000`, which stands for a date that
 * Spotify does not know (GitHub: Peter-Schorn/SpotifyAPI#37); a month or day of `00` is left out.
 */
export function releaseDate(json: Json): string | null {
  const [, year = '', month = '00', day = '00'] =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(text(json.release_date)) ?? [];
  // safeguard: drop-year-0000
  if (year < firstYear) return null;
  if (month === '00' || json.release_date_precision === 'year') return year;
  if (day === '00' || json.release_date_precision === 'month') return `${year}-${month}`;
  return Number.isNaN(Date.parse(`${year}-${month}-${day}`)) ? year : `${year}-${month}-${day}`;
}

/**
 * How many things a list holds of which `count` from the place `from` on were sent. Null if that is fewer than were sent: then it says nothing.
 * Throws {@link SpotifyUnavailable} if there is no number.
 */
export function total(value: unknown, from: number, count: number, answer: Answer): number | null {
  const announced = amount(value);
  if (announced === null) throw odd(answer);
  // safeguard: ignore-impossible-totals
  return count > 0 && announced < from + count ? null : announced;
}

export function named(json: Json, trusted: TrustedPlaces): Named | null {
  const name = nameIn(json.name);
  return name === null ? null : { name, link: linkOf(json, trusted) };
}

/** Those of a list that have a name. */
export function allNamed(value: unknown, trusted: TrustedPlaces): Named[] {
  return list(value).flatMap((one) => named(one, trusted) ?? []);
}

export function linkOf(json: Json, trusted: TrustedPlaces): string | null {
  return isObject(json.external_urls) ? trusted.link(json.external_urls.spotify) : null;
}

export function images(value: unknown, trusted: TrustedPlaces): Image[] {
  return list(value).flatMap((one) => {
    const url = trusted.image(one.url);
    return url === null ? [] : [{ url, width: size(one.width), height: size(one.height) }];
  });
}

export function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function object(value: unknown, answer: Answer): Json {
  if (!isObject(value)) throw odd(answer);
  return value;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function odd(answer: Answer): SpotifyUnavailable {
  return new SpotifyUnavailable(
    `${answer.call} answered ${answer.status} with something that cannot be read`,
  );
}
