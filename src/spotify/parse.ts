import { decodeHTML } from 'entities';
import {
  isObject,
  type Json,
  malformed,
  objectsIn,
  parseAllNamed,
  parseAmount,
  parseImages,
  parseLink,
  parseName,
  parsePage,
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
import type {
  Album,
  Artist,
  Entry,
  Episode,
  Page,
  Playlist,
  PlaylistCard,
  PlaylistPage,
  PlaylistRow,
  Profile,
  SavedItem,
  SearchResults,
  Show,
  TimestampedItem,
  Track,
} from './types.ts';
import { isContextUri, isId } from './uri.ts';

export type * from './types.ts';

/*
 * Parses Spotify's responses; only this file, items.ts and fields.ts know its JSON. If a field that no page can do without is missing, the
 * response is rejected as malformed: the function throws SpotifyUnavailable. Any other field may be missing or malformed, and is null then.
 */

/** Parses "Get Current User's Profile". */
export function parseProfile(response: HttpResponse, trusted: TrustedUrls): Profile {
  const json = requireObject(response.json, response);
  const id = parseText(json.id);
  if (!id) throw malformed(response);
  return {
    accountId: parseText(json.account_id) || id,
    id,
    name: parseName(json.display_name),
    link: parseLink(json, trusted),
    pictures: parseImages(json.images, trusted),
  };
}

/** Parses "Search for Item", from offset `from` on; entries that are null are omitted. */
export function parseSearchResults(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): SearchResults {
  const json = requireObject(response.json, response);
  const page = <T>(type: string, parse: (one: Json, trusted: TrustedUrls) => T): Page<T> | undefined => {
    const part = json[type];
    if (!isObject(part)) return undefined;
    const items = objectsIn(part.items);
    return {
      items: items.map((one) => parse(one, trusted)),
      total: parseTotal(parseAmount(part.total) ?? 0, from, items.length, response),
    };
  };
  const pages = {
    artists: page('artists', parseArtist),
    tracks: page('tracks', parseItem),
    albums: page('albums', parseAlbum),
    playlists: page('playlists', parsePlaylist),
    shows: page('shows', parseShow),
    // An episode may lack its own type here.
    episodes: page('episodes', (one) => parseItem({ type: 'episode', ...one }, trusted)),
  };
  const present = Object.entries(pages).filter(([, one]) => one !== undefined);
  if (present.length === 0) throw malformed(response);
  return Object.fromEntries(present);
}

/** Parses a page of "Get User's Saved Tracks", from offset `from` on; positions that are empty by now are omitted. */
export function parseSavedTracks(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<SavedItem> {
  const json = requireObject(response.json, response);
  const all = requireArray(json.items, response);
  const items = all.flatMap((one, index) =>
    // safeguard: count-omitted-positions
    parseTimestamped(one, 'track', trusted).map((saved) => ({ ...saved, position: from + index })),
  );
  return { items, total: parseTotal(json.total, from, all.length, response) };
}

/** Parses "Get Recently Played Tracks". */
export function parseRecentlyPlayed(response: HttpResponse, trusted: TrustedUrls): TimestampedItem[] {
  const json = requireObject(response.json, response);
  return requireArray(json.items, response).flatMap((one) => parseTimestamped(one, 'track', trusted));
}

/** Returns one item, or none if there is nothing in the field with its name. */
export function parseTimestamped(
  json: unknown,
  name: 'track' | 'episode',
  trusted: TrustedUrls,
): TimestampedItem[] {
  if (!isObject(json)) return [];
  const content = json[name];
  if (!isObject(content)) return [];
  return [
    {
      // An episode may lack its own type here.
      item: parseItem({ type: name, ...content }, trusted),
      at: parseTime(json.added_at) ?? parseTime(json.played_at),
    },
  ];
}

export function parseTopArtists(response: HttpResponse, trusted: TrustedUrls): Artist[] {
  return topItemsIn(response).map((one) => parseArtist(one, trusted));
}

export function parseTopTracks(response: HttpResponse, trusted: TrustedUrls): (Track | Episode)[] {
  return topItemsIn(response).map((one) => parseItem(one, trusted));
}

/** The items of "Get User's Top Items". */
function topItemsIn(response: HttpResponse): Json[] {
  const json = requireObject(response.json, response);
  return objectsIn(requireArray(json.items, response));
}

/** Parses "Check User's Saved Items", for one item. */
export function parseIsSaved(response: HttpResponse): boolean {
  const [isSaved] = requireArray(response.json, response);
  if (typeof isSaved !== 'boolean') throw malformed(response);
  return isSaved;
}

/** Parses "Get Track" and "Get Episode". */
export function parseSingleItem(response: HttpResponse, trusted: TrustedUrls): Track | Episode {
  return parseItem(requireObject(response.json, response), trusted);
}

/** Parses "Create Playlist"; returns the id. */
export function parseNewPlaylistId(response: HttpResponse): string {
  const { id } = requireObject(response.json, response);
  if (!isId(id)) throw malformed(response);
  return id;
}

/** Parses a page of "Get Current User's Playlists", from offset `from` on; entries that are null are counted and omitted. */
export function parsePlaylists(response: HttpResponse, from: number, trusted: TrustedUrls): PlaylistPage {
  const json = requireObject(response.json, response);
  const all = requireArray(json.items, response);
  const items = objectsIn(all).map((one) => parsePlaylist(one, trusted));
  return {
    items,
    nullCount: all.length - items.length,
    total: parseTotal(json.total, from, all.length, response),
  };
}

/** Parses "Get Playlist", without the contents. */
export function parsePlaylistCard(response: HttpResponse, trusted: TrustedUrls): PlaylistCard {
  const json = requireObject(response.json, response);
  const { id } = json;
  if (!isId(id)) throw malformed(response);
  return {
    ...parsePlaylist(json, trusted),
    id,
    // For other listeners' playlists Spotify sends new apps everything but the contents ("February 2026 Web API changes").
    readable: contentsOf(json) !== null,
  };
}

/** Parses a page of "Get Playlist Items", from offset `from` on. Positions that are empty by now have a null item. */
export function parsePlaylistEntries(
  response: HttpResponse,
  from: number,
  trusted: TrustedUrls,
): Page<Entry> {
  return parsePage(response, from, (one) => parseEntry(one, trusted));
}

/** Parses the URIs in a slice of a playlist, from offset `from` on. */
export function parsePlaylistUris(response: HttpResponse, from: number): Page<PlaylistRow> {
  const json = requireObject(response.json, response);
  const all = requireArray(json.items, response);
  const items = all.map((one): PlaylistRow => {
    const item = isObject(one) ? contentOf(one) : null;
    const addedAt = isObject(one) ? parseTime(one.added_at) : null;
    return { uri: parseText(item?.uri) || null, name: parseName(item?.name), addedAt };
  });
  return { items, total: parseTotal(json.total, from, all.length, response) };
}

/** Parses the response to a change of a playlist's contents: the id of its new version; null if there is none. */
export function parseSnapshotId({ json }: HttpResponse): string | null {
  return (isObject(json) && parseText(json.snapshot_id)) || null;
}

/** The track or episode of an entry, under its 2026-02 or legacy name. */
function contentOf(json: Json): Json | null {
  return isObject(json.item) ? json.item : isObject(json.track) ? json.track : null;
}

function parseEntry(json: Json, trusted: TrustedUrls): Entry {
  const content = contentOf(json);
  const by = isObject(json.added_by) ? json.added_by : null;
  const name = by && parseName(by.id);
  const item = content && parseItem(content, trusted);
  return {
    item,
    playable: item === null || item.restriction !== null ? false : content?.is_playable === true || null,
    addedAt: parseTime(json.added_at),
    addedBy: by && name ? { name, link: parseLink(by, trusted), uri: null } : null,
  };
}

/** The contents of a playlist, under their 2026-02 or legacy name; null if Spotify sent none. */
function contentsOf(json: Json): Json | null {
  return isObject(json.items) ? json.items : isObject(json.tracks) ? json.tracks : null;
}

function parsePlaylist(json: Json, trusted: TrustedUrls): Playlist {
  const owner = isObject(json.owner) ? json.owner : null;
  const ownerName = owner && (parseName(owner.display_name) ?? parseName(owner.id));
  // safeguard: decode-description-entities
  const description = decodeHTML(parseText(json.description)).trim();
  return {
    // safeguard: drop-invalid-playlist-ids
    id: isId(json.id) ? json.id : null,
    ownerId: (owner && parseText(owner.id)) || null,
    name: parseName(json.name),
    link: parseLink(json, trusted),
    owner: owner && ownerName ? { name: ownerName, link: parseLink(owner, trusted), uri: null } : null,
    count: parseAmount(contentsOf(json)?.total),
    // Spotify stores "null" for a playlist that was created without a description (GitHub: Peter-Schorn/SpotifyAPI#75).
    description: description === 'null' ? null : description || null,
    covers: parseImages(json.images, trusted),
    public: typeof json.public === 'boolean' ? json.public : null,
    collaborative: json.collaborative === true,
    snapshotId: parseText(json.snapshot_id) || null,
  };
}

/** Parses an album without its tracks. */
export function parseAlbum(json: Json, trusted: TrustedUrls): Album {
  return {
    ...parseHeading(json, trusted),
    artists: parseAllNamed(json.artists, trusted),
    released: parseReleaseDate(json),
    type: parseText(json.album_type) || null,
    count: parseSize(json.total_tracks),
  };
}

/** Parses a show without its episodes. */
export function parseShow(json: Json, trusted: TrustedUrls): Show {
  return {
    ...parseHeading(json, trusted),
    description: parseName(json.description),
    count: parseSize(json.total_episodes),
  };
}

export function parseArtist(json: Json, trusted: TrustedUrls): Artist {
  return parseHeading(json, trusted);
}

function parseHeading(json: Json, trusted: TrustedUrls) {
  return {
    uri: isContextUri(json.uri) ? json.uri : null,
    name: parseName(json.name),
    link: parseLink(json, trusted),
    covers: parseImages(json.images, trusted),
  };
}
