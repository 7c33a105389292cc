import {
  isObject,
  type Json,
  objectsIn,
  parseAmount,
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
import { parseAlbum, parseArtist, parseShow, parseTimestamped } from './parse.ts';
import type {
  Album,
  AlbumWithTracks,
  Artist,
  Episode,
  EpisodeEntry,
  FollowedArtists,
  Page,
  SavedAlbum,
  SavedShow,
  ShowWithEpisodes,
  TimestampedItem,
  Track,
} from './types.ts';
import { isId } from './uri.ts';

/* Parses Spotify's responses about albums, artists, shows and episodes, by the rules of parse.ts. */

/** Parses "Get Album", which contains the first of its tracks. */
export function parseAlbumWithTracks(response: HttpResponse, trusted: TrustedUrls): AlbumWithTracks {
  const json = requireObject(response.json, response);
  const tracks = isObject(json.tracks) ? json.tracks : {};
  const album = parseAlbum(json, trusted);
  return { album, tracks: parsePage(tracks, 0, response, (one) => parseItem(one, trusted)) };
}

/** Parses a page of "Get Album Tracks", from offset `from` on. */
export function parseAlbumTracks(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<Track | Episode> {
  return parsePage(requireObject(response.json, response), from, response, (one) => parseItem(one, trusted));
}

/** Parses "Get Artist". */
export function parseSingleArtist(response: HttpResponse, trusted: TrustedUrls): Artist {
  return parseArtist(requireObject(response.json, response), trusted);
}

/** Parses a page of "Get Artist's Albums", from offset `from` on. */
export function parseArtistAlbums(response: HttpResponse, from: number, trusted: TrustedUrls): Page<Album> {
  return parsePage(requireObject(response.json, response), from, response, (one) => parseAlbum(one, trusted));
}

/** Parses "Get Show", which contains the first of its episodes. */
export function parseShowWithEpisodes(response: HttpResponse, trusted: TrustedUrls): ShowWithEpisodes {
  const json = requireObject(response.json, response);
  const episodes = isObject(json.episodes) ? json.episodes : {};
  return {
    show: parseShow(json, trusted),
    episodes: parsePage(episodes, 0, response, (one) => parseEpisodeEntry(one, trusted)),
  };
}

/** Parses a page of "Get Show Episodes", from offset `from` on. */
export function parseShowEpisodes(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<EpisodeEntry> {
  const json = requireObject(response.json, response);
  return parsePage(json, from, response, (one) => parseEpisodeEntry(one, trusted));
}

/** Parses "Get Episode". */
export function parseSingleEpisode(response: HttpResponse, trusted: TrustedUrls): EpisodeEntry {
  return parseEpisodeEntry(requireObject(response.json, response), trusted);
}

/** Parses a page of "Get User's Saved Albums", from offset `from` on; positions that are empty by now are omitted. */
export function parseSavedAlbums(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<SavedAlbum> {
  return parseSaved(response, from, ({ album, added_at }) =>
    isObject(album) ? [{ album: parseAlbum(album, trusted), at: parseTime(added_at) }] : [],
  );
}

/** Parses a page of "Get User's Saved Shows", from offset `from` on; positions that are empty by now are omitted. */
export function parseSavedShows(response: HttpResponse, from: number, trusted: TrustedUrls): Page<SavedShow> {
  return parseSaved(response, from, ({ show, added_at }) =>
    isObject(show) ? [{ show: parseShow(show, trusted), at: parseTime(added_at) }] : [],
  );
}

/** Parses a page of "Get User's Saved Episodes", from offset `from` on; positions that are empty by now are omitted. */
export function parseSavedEpisodes(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<TimestampedItem> {
  return parseSaved(response, from, (one) => parseTimestamped(one, 'episode', trusted));
}

/** Parses a page of "Get Followed Artists". It has a cursor in place of an offset, and is the last one if it has none. */
export function parseFollowedArtists(response: HttpResponse, trusted: TrustedUrls): FollowedArtists {
  const { artists } = requireObject(response.json, response);
  const page = requireObject(artists, response);
  const after = isObject(page.cursors) ? page.cursors.after : null;
  return {
    items: objectsIn(requireArray(page.items, response)).map((one) => parseArtist(one, trusted)),
    total: parseAmount(page.total),
    // safeguard: last-page-by-next-and-cursor
    next: parseText(page.next) !== '' && isId(after) ? after : null,
  };
}

function parsePage<T>(json: Json, from: number, response: HttpResponse, parse: (one: Json) => T): Page<T> {
  const all = requireArray(json.items, response);
  return { items: objectsIn(all).map(parse), total: parseTotal(json.total, from, all.length, response) };
}

function parseSaved<T>(response: HttpResponse, from: number, parse: (one: Json) => T[]): Page<T> {
  const json = requireObject(response.json, response);
  const all = requireArray(json.items, response);
  return {
    items: objectsIn(all).flatMap(parse),
    total: parseTotal(json.total, from, all.length, response),
  };
}

function parseEpisodeEntry(json: Json, trusted: TrustedUrls): EpisodeEntry {
  const point = isObject(json.resume_point) ? json.resume_point : {};
  const isFinished = point.fully_played === true;
  return {
    // An episode may lack its own type in the list of its show.
    item: parseItem({ type: 'episode', ...json }, trusted),
    description: parseName(json.description),
    released: parseReleaseDate(json),
    resumeMs: isFinished ? null : parseSize(point.resume_position_ms),
    isFinished,
  };
}
