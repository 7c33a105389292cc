import {
  isObject,
  type Json,
  objectsIn,
  parseAllNamed,
  parseAmount,
  parseLink,
  parseName,
  parsePage,
  parseReleaseDate,
  parseSize,
  parseText,
  parseTime,
  requireArray,
  requireObject,
  type TrustedUrls,
} from './fields.ts';
import type { HttpResponse } from './http.ts';
import { parseItem } from './items.ts';
import { parseAlbum, parseShow } from './parse.ts';
import type { Album, Artist, Entry, Episode, Named, Page, Show, Track } from './types.ts';
import { isContextUri } from './uri.ts';

/* Lists as files contain them: with the fields by which other programs recognize a track, which no page shows. */

export type ExportedTrack = Omit<Track, 'album'> & {
  /** Its URI identifies it even if it has no name. */
  album: (Omit<Named, 'name'> & { name: string | null; artists: Named[]; released: string | null }) | null;
  /** The International Standard Recording Code, without hyphens. */
  isrc: string | null;
  discNumber: number | null;
  trackNumber: number | null;
  /** From 0 to 100. Spotify doesn't send it to new apps ("February 2026 Web API changes"), nor previews. */
  popularity: number | null;
  previewUrl: string | null;
};

/** The rows of the library's lists other than those of tracks and episodes. */
export type ExportedAlbum = Album & { kind: 'album' };
export type ExportedShow = Show & { kind: 'show' };
export type ExportedArtist = Artist & { kind: 'artist' };
export type ExportedItem = ExportedTrack | Episode | ExportedAlbum | ExportedShow | ExportedArtist;

/** Lists of saved things, by the name of what they contain. */
export type SavedKind = 'album' | 'show' | 'episode';

/** One position in a list. */
export type ExportedEntry = Omit<Entry, 'item'> & { item: ExportedItem | null };

/** Parses a page of "Get Playlist Items" or "Get User's Saved Tracks", from offset `from` on. Positions that are empty by now have a null item. */
export function parseExportedEntries(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<ExportedEntry> {
  return parsePage(response, from, (one) => parseExportedEntry(one, trusted));
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

/** Parses a page of "Get User's Saved Albums", "… Shows" or "… Episodes", from offset `from` on. Positions that are empty by now have a null item. */
export function parseExportedSaved(
  response: HttpResponse,
  kind: SavedKind,
  from: number,
  trusted: TrustedUrls,
): Page<ExportedEntry> {
  return parsePage(response, from, (one) => parseSaved(one, kind, trusted));
}

function parseSaved(json: Json, kind: SavedKind, trusted: TrustedUrls): ExportedEntry {
  const content = json[kind];
  if (kind === 'episode') {
    const track = isObject(content) ? { type: kind, ...content } : null;
    return parseExportedEntry({ added_at: json.added_at, track }, trusted);
  }
  const item = isObject(content) ? parseThing(content, kind, trusted) : null;
  return { item, playable: null, addedAt: parseTime(json.added_at), addedBy: null };
}

function parseThing(json: Json, kind: 'album' | 'show', trusted: TrustedUrls): ExportedAlbum | ExportedShow {
  return kind === 'album' ? { kind, ...parseAlbum(json, trusted) } : { kind, ...parseShow(json, trusted) };
}

export function exportedArtist(artist: Artist): ExportedEntry {
  return { item: { kind: 'artist', ...artist }, playable: null, addedAt: null, addedBy: null };
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

function parseExportedItem(json: Json, trusted: TrustedUrls): ExportedTrack | Episode {
  const item = parseItem(json, trusted);
  if (item.kind !== 'track') return item;
  const album = isObject(json.album) ? json.album : null;
  return {
    ...item,
    album: album && {
      name: parseName(album.name),
      link: parseLink(album, trusted),
      uri: isContextUri(album.uri) ? album.uri : null,
      artists: parseAllNamed(album.artists, trusted),
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
