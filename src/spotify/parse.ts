import { decodeHTML } from 'entities';
import {
  allNamed,
  amount,
  images,
  isObject,
  type Json,
  linkOf,
  list,
  moment,
  nameIn,
  object,
  odd,
  releaseDate,
  type TrustedPlaces,
  text,
  total,
} from './fields.ts';
import type { Answer } from './http.ts';
import { item } from './items.ts';
import type {
  AccessToken,
  Album,
  Artist,
  Dated,
  Device,
  Entry,
  Episode,
  Found,
  Page,
  Playback,
  Playlist,
  PlaylistCard,
  PlaylistPage,
  Profile,
  Saved,
  Track,
} from './types.ts';
import { isDeviceId, isId } from './uri.ts';

export type * from './types.ts';

/*
 * Reads Spotify's answers; only this file, items.ts and fields.ts know its JSON. What a page cannot do without must be there, or the answer is
 * refused as a fault of Spotify's; everything else may be missing, null or odd, and then is null here.
 */

/** Reads an answer of the token endpoint; each field is checked before it is believed (RFC 6749, section 5.1). */
/** A token that claims to last longer is refreshed after a day all the same. Spotify's last an hour ("Access Token"). */
const maxTokenSeconds = 24 * 60 * 60;

export function accessToken(answer: Answer): AccessToken {
  const json = object(answer.json, answer);
  const { access_token: token, token_type: type, expires_in: seconds, refresh_token: refresh, scope } = json;
  if (
    typeof token !== 'string' ||
    token === '' ||
    typeof type !== 'string' ||
    type.toLowerCase() !== 'bearer'
  ) {
    throw odd(answer);
  }
  if (typeof seconds !== 'number' || !(seconds > 0)) throw odd(answer);
  return {
    accessToken: token,
    // safeguard: longest-token-lifetime
    expiresInMs: Math.min(seconds, maxTokenSeconds) * 1000,
    refreshToken: text(refresh) || null,
    scopes: typeof scope === 'string' ? scope.split(' ').filter(Boolean) : null,
  };
}

/** Reads Get Current User's Profile. */
export function profile(answer: Answer, trusted: TrustedPlaces): Profile {
  const json = object(answer.json, answer);
  const id = text(json.id);
  if (!id) throw odd(answer);
  return {
    accountId: text(json.account_id) || id,
    id,
    name: nameIn(json.display_name),
    link: linkOf(json, trusted),
    pictures: images(json.images, trusted),
  };
}

/** Reads Get Playback State. An empty body means that nothing plays, whatever the status. */
export function playback(answer: Answer, trusted: TrustedPlaces): Playback {
  if (answer.text === '') return { state: 'nothing' };
  const json = object(answer.json, answer);
  if (typeof json.is_playing !== 'boolean') throw odd(answer);

  const said = json.currently_playing_type;
  const known = said === 'track' || said === 'episode' || said === 'ad' ? said : 'unknown';
  // What plays may lack a type of its own.
  const playing = isObject(json.item) ? item({ type: said, ...json.item }, trusted) : null;
  return {
    state: json.is_playing ? 'playing' : 'paused',
    kind: playing?.kind ?? known,
    item: playing,
    progressMs: amount(json.progress_ms),
    device: isObject(json.device) ? device(json.device) : null,
    disallows: disallows(json.actions),
  };
}

// The schema has the names directly under `actions`; what comes nests them under `disallows`.
function disallows(actions: unknown): string[] {
  if (!isObject(actions)) return [];
  const told = isObject(actions.disallows) ? actions.disallows : actions;
  return Object.keys(told).filter((name) => told[name] === true);
}

/** Reads Get Available Devices. */
export function devices(answer: Answer): Device[] {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.devices)) throw odd(answer);
  return list(json.devices).map(device);
}

/** Reads Search for Item, from the place `from` on; entries that are null are left out. */
export function found(answer: Answer, from: number, trusted: TrustedPlaces): Found {
  const json = object(answer.json, answer);
  const page = <T>(kind: string, read: (one: Json, trusted: TrustedPlaces) => T): Page<T> | undefined => {
    const part = json[kind];
    if (!isObject(part)) return undefined;
    const items = list(part.items);
    return {
      items: items.map((one) => read(one, trusted)),
      total: total(amount(part.total) ?? 0, from, items.length, answer),
    };
  };
  const pages = {
    artists: page('artists', artist),
    tracks: page('tracks', item),
    albums: page('albums', album),
    playlists: page('playlists', playlist),
  };
  const told = Object.entries(pages).filter(([, one]) => one !== undefined);
  if (told.length === 0) throw odd(answer);
  return Object.fromEntries(told);
}

/** Reads a page of Get User's Saved Tracks, from the place `from` on; places that hold nothing any more are left out. */
export function savedTracks(answer: Answer, from: number, trusted: TrustedPlaces): Page<Saved> {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.items)) throw odd(answer);
  const items = json.items.flatMap((one: unknown, index) =>
    // safeguard: count-omitted-positions
    dated(one, trusted).map((saved) => ({ ...saved, place: from + index })),
  );
  return { items, total: total(json.total, from, json.items.length, answer) };
}

/** Reads Get Recently Played Tracks. */
export function recentlyPlayed(answer: Answer, trusted: TrustedPlaces): Dated[] {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.items)) throw odd(answer);
  return json.items.flatMap((one: unknown) => dated(one, trusted));
}

/** None for what holds no track. */
function dated(json: unknown, trusted: TrustedPlaces): Dated[] {
  if (!isObject(json) || !isObject(json.track)) return [];
  return [{ item: item(json.track, trusted), at: moment(json.added_at) ?? moment(json.played_at) }];
}

/** Reads Get User's Top Items. */
export function topArtists(answer: Answer, trusted: TrustedPlaces): Artist[] {
  return topItems(answer).map((one) => artist(one, trusted));
}

/** Reads Get User's Top Items. */
export function topTracks(answer: Answer, trusted: TrustedPlaces): (Track | Episode)[] {
  return topItems(answer).map((one) => item(one, trusted));
}

function topItems(answer: Answer): Json[] {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.items)) throw odd(answer);
  return list(json.items);
}

/** Reads Check User's Saved Items: one boolean for each that was asked about. */
export function saved(answer: Answer): boolean {
  if (!Array.isArray(answer.json) || typeof answer.json[0] !== 'boolean') throw odd(answer);
  return answer.json[0];
}

/** Reads a single track or episode. */
export function single(answer: Answer, trusted: TrustedPlaces): Track | Episode {
  return item(object(answer.json, answer), trusted);
}

/** Reads Create Playlist: the new one's id. */
export function newPlaylistId(answer: Answer): string {
  const { id } = object(answer.json, answer);
  if (!isId(id)) throw odd(answer);
  return id;
}

/** Parses a page of playlists, from the offset `from` on; entries that are null are counted and left out. */
export function playlists(answer: Answer, from: number, trusted: TrustedPlaces): PlaylistPage {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.items)) throw odd(answer);
  const items = list(json.items).map((one) => playlist(one, trusted));
  return {
    items,
    nullEntries: json.items.length - items.length,
    total: total(json.total, from, json.items.length, answer),
  };
}

/** Reads Get Playlist, as far as the card goes. */
export function playlistCard(answer: Answer, trusted: TrustedPlaces): PlaylistCard {
  const json = object(answer.json, answer);
  const { id } = json;
  if (!isId(id)) throw odd(answer);
  return {
    ...playlist(json, trusted),
    id,
    // Of somebody else's playlist Spotify sends a new app everything but its contents.
    readable: contentsOf(json) !== null,
  };
}

/** Reads a page of what is in a playlist, from the place `from` on; places that hold nothing any more keep their place. */
export function entries(answer: Answer, from: number, trusted: TrustedPlaces): Page<Entry> {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.items)) throw odd(answer);
  return {
    items: json.items.map((one) => entry(isObject(one) ? one : {}, trusted)),
    total: total(json.total, from, json.items.length, answer),
  };
}

function entry(json: Json, trusted: TrustedPlaces): Entry {
  const held = isObject(json.item) ? json.item : isObject(json.track) ? json.track : null;
  const by = isObject(json.added_by) ? json.added_by : null;
  const name = by && nameIn(by.id);
  const what = held && item(held, trusted);
  return {
    item: what,
    playable: what === null || what.restriction !== null ? false : held?.is_playable === true || null,
    addedAt: moment(json.added_at),
    addedBy: by && name ? { name, link: linkOf(by, trusted) } : null,
  };
}

/** What is in a playlist, by its name of 2026 or the one before; null where it is not told. */
function contentsOf(json: Json): Json | null {
  return isObject(json.items) ? json.items : isObject(json.tracks) ? json.tracks : null;
}

function playlist(json: Json, trusted: TrustedPlaces): Playlist {
  const owner = isObject(json.owner) ? json.owner : null;
  const ownerName = owner && (nameIn(owner.display_name) ?? nameIn(owner.id));
  // safeguard: decode-description-entities
  const description = decodeHTML(text(json.description)).trim();
  return {
    // safeguard: drop-invalid-playlist-ids
    id: isId(json.id) ? json.id : null,
    ownerId: (owner && text(owner.id)) || null,
    name: nameIn(json.name),
    link: linkOf(json, trusted),
    owner: owner && ownerName ? { name: ownerName, link: linkOf(owner, trusted) } : null,
    count: amount(contentsOf(json)?.total),
    // Spotify writes "null" for a playlist that was made without one (GitHub: Peter-Schorn/SpotifyAPI#75).
    description: description === 'null' ? null : description || null,
    covers: images(json.images, trusted),
    public: typeof json.public === 'boolean' ? json.public : null,
    collaborative: json.collaborative === true,
    snapshotId: text(json.snapshot_id) || null,
  };
}

function album(json: Json, trusted: TrustedPlaces): Album {
  return {
    ...heading(json, trusted),
    artists: allNamed(json.artists, trusted),
    released: releaseDate(json),
  };
}

function artist(json: Json, trusted: TrustedPlaces): Artist {
  return heading(json, trusted);
}

function heading(json: Json, trusted: TrustedPlaces) {
  return {
    name: nameIn(json.name),
    link: linkOf(json, trusted),
    covers: images(json.images, trusted),
  };
}

function device(json: Json): Device {
  return {
    // safeguard: drop-invalid-device-ids
    id: isDeviceId(json.id) ? json.id : null,
    active: json.is_active === true,
    restricted: json.is_restricted === true,
    name: nameIn(json.name),
    type: nameIn(json.type),
    volumePercent: amount(json.volume_percent),
    privateSession: json.is_private_session === true,
  };
}
