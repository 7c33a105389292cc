import {
  isObject,
  type Json,
  objectsIn,
  parseAmount,
  parseLink,
  parseName,
  parseReleaseDate,
  parseSize,
  parseText,
  parseTime,
  parseTotal,
  requireArray,
  requireObject,
  type TrustedUrls,
} from './fields.ts';
import type { HttpResponse } from './http.ts';
import { parseItem } from './items.ts';
import type { Entry, Episode, Named, Page, Track } from './types.ts';
import { isContextUri } from './uri.ts';

/* Lists as files contain them: with the fields by which other programs recognize a track, which no page shows. */

/** An artist, album or show; `uri` is null if Spotify sent something else. */
export type Credit = Named & { uri: string | null };

export type ExportedTrack = Omit<Track, 'artists' | 'album'> & {
  artists: Credit[];
  /** Its URI identifies it even if it has no name. */
  album: (Omit<Credit, 'name'> & { name: string | null; artists: Credit[]; released: string | null }) | null;
  /** The International Standard Recording Code, without hyphens. */
  isrc: string | null;
  discNumber: number | null;
  trackNumber: number | null;
  /** From 0 to 100. Spotify doesn't send it to new apps ("February 2026 Web API changes"), nor previews. */
  popularity: number | null;
  previewUrl: string | null;
};

export type ExportedEpisode = Omit<Episode, 'show'> & { show: Credit | null };

/** One position in a list. */
export type ExportedEntry = Omit<Entry, 'item'> & { item: ExportedTrack | ExportedEpisode | null };

/** Parses a page of "Get Playlist Items" or "Get User's Saved Tracks", from offset `from` on. Positions that are empty by now have a null item. */
export function parseExportedEntries(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<ExportedEntry> {
  const json = requireObject(response.json, response);
  const all = requireArray(json.items, response);
  return {
    items: all.map((one) => parseExportedEntry(isObject(one) ? one : {}, trusted)),
    total: parseTotal(json.total, from, all.length, response),
  };
}

/** Parses "Get Recently Played Tracks". */
export function parseExportedHistory(response: HttpResponse, trusted: TrustedUrls): ExportedEntry[] {
  const json = requireObject(response.json, response);
  return objectsIn(requireArray(json.items, response)).map((one) => parseExportedEntry(one, trusted));
}

/** Parses "Get User's Top Items", for tracks. */
export function parseExportedTopTracks(response: HttpResponse, trusted: TrustedUrls): ExportedEntry[] {
  const json = requireObject(response.json, response);
  return objectsIn(requireArray(json.items, response)).map((track) => parseExportedEntry({ track }, trusted));
}

function parseExportedEntry(json: Json, trusted: TrustedUrls): ExportedEntry {
  const content = isObject(json.item) ? json.item : isObject(json.track) ? json.track : null;
  const by = isObject(json.added_by) ? json.added_by : null;
  const name = by && parseName(by.id);
  const item = content && parseExportedItem(content, trusted);
  return {
    item,
    playable: item === null || item.restriction !== null ? false : content?.is_playable === true || null,
    addedAt: parseTime(json.added_at) ?? parseTime(json.played_at),
    addedBy: by && name ? { name, link: parseLink(by, trusted), uri: null } : null,
  };
}

function parseExportedItem(json: Json, trusted: TrustedUrls): ExportedTrack | ExportedEpisode {
  const item = parseItem(json, trusted);
  if (item.kind !== 'track') {
    const parent = isObject(json.audiobook) ? json.audiobook : isObject(json.show) ? json.show : null;
    return { ...item, show: parent && parseCredit(parent, trusted) };
  }
  const album = isObject(json.album) ? json.album : null;
  return {
    ...item,
    artists: parseCredits(json.artists, trusted),
    album: album && {
      name: parseName(album.name),
      link: parseLink(album, trusted),
      uri: parseContextUri(album),
      artists: parseCredits(album.artists, trusted),
      released: parseReleaseDate(album),
    },
    isrc: isObject(json.external_ids) ? parseIsrc(json.external_ids.isrc) : null,
    discNumber: parseSize(json.disc_number),
    trackNumber: parseSize(json.track_number),
    popularity: parseAmount(json.popularity),
    previewUrl: trusted.image(json.preview_url),
  };
}

/** Returns the code in its written form of twelve characters (ISO 3901); null for anything else. */
function parseIsrc(value: unknown): string | null {
  const code = parseText(value).replaceAll('-', '').toUpperCase();
  return /^[A-Z]{2}[A-Z\d]{3}\d{7}$/.test(code) ? code : null;
}

/** Returns the name, link and URI of an object; null if it has no name. */
function parseCredit(json: Json, trusted: TrustedUrls): Credit | null {
  const name = parseName(json.name);
  return name === null ? null : { name, link: parseLink(json, trusted), uri: parseContextUri(json) };
}

function parseContextUri({ uri }: Json): string | null {
  return isContextUri(uri) ? uri : null;
}

function parseCredits(value: unknown, trusted: TrustedUrls): Credit[] {
  return objectsIn(value).flatMap((json) => parseCredit(json, trusted) ?? []);
}
