import { decodeHTML } from 'entities';
import { SpotifyUnavailable } from './errors.ts';
import type { Answer } from './http.ts';
import { isDeviceId, isId, isUri } from './uri.ts';

/*
 * The only file that reads Spotify's JSON. What a page cannot do without must be there, or the answer is refused
 * as a fault of Spotify's; everything else may be missing, null or odd, and then is null here.
 */

/** `refreshToken` is null where none came. `scopes` is null where Spotify did not say what it granted. */
export type AccessToken = {
  accessToken: string;
  expiresInMs: number;
  refreshToken: string | null;
  scopes: string[] | null;
};

/** Pixels where Spotify says them. */
export type Image = { url: string; width: number | null; height: number | null };

export type Profile = {
  /** Never changes and says nothing about the person; equal to `id` where Spotify does not send it. */
  accountId: string;
  id: string;
  name: string | null;
  link: string | null;
  pictures: Image[];
};

export type Named = { name: string; link: string | null };

export type Track = {
  kind: 'track';
  /** What Spotify calls it in commands, such as `spotify:track:…`; null for a file of the listener's own. */
  uri: string | null;
  name: string;
  link: string | null;
  artists: Named[];
  album: Named | null;
  covers: Image[];
  durationMs: number | null;
  explicit: boolean;
  /** A file of the listener's own: it is nowhere on Spotify. */
  local: boolean;
};

export type Episode = {
  kind: 'episode';
  uri: string | null;
  name: string;
  link: string | null;
  show: Named | null;
  covers: Image[];
  durationMs: number | null;
  explicit: boolean;
};

export type Artist = { name: string; link: string | null; covers: Image[] };

export type Album = {
  name: string;
  link: string | null;
  artists: Named[];
  covers: Image[];
  /** A year, a month or a day in ISO 8601, as exactly as Spotify knows it. */
  released: string | null;
};

/** What was found, by kind; a kind that was not asked for is not there. */
export type Found = {
  artists?: Page<Artist>;
  tracks?: Page<Track>;
  albums?: Page<Album>;
  playlists?: Page<Playlist>;
};

/** Something in a listener's history or library; `at` is when it was played or saved, in ISO 8601. */
export type Dated = { item: Track | Episode; at: string | null };

export type Device = {
  /** Null on some devices: they take no orders. */
  id: string | null;
  active: boolean;
  /** Takes no orders from apps. */
  restricted: boolean;
  name: string;
  type: string | null;
  volumePercent: number | null;
  privateSession: boolean;
};

export type Playback =
  | { state: 'nothing' }
  | {
      state: 'playing' | 'paused';
      /** `unknown` where Spotify plays something it does not name. */
      kind: 'track' | 'episode' | 'ad' | 'unknown';
      item: Track | Episode | null;
      progressMs: number | null;
      device: Device | null;
      /** What the player does not do just now, by Spotify's names, such as `skipping_next`. */
      disallows: string[];
    };

export type Playlist = {
  /** Null where what Spotify sent is no id: such a playlist can be listed, but not opened. */
  id: string | null;
  /** The owner's `id`, to tell one's own from others'; null where it is not told. */
  ownerId: string | null;
  name: string;
  link: string | null;
  owner: Named | null;
  /** How many items it holds. */
  count: number | null;
  /** Plain text. */
  description: string | null;
  covers: Image[];
  public: boolean | null;
  collaborative: boolean;
  /** Changes with every change to what is in it. */
  snapshotId: string | null;
};

export type PlaylistCard = Playlist & {
  id: string;
  /** Whether Spotify lets this listener see what is in it. */
  readable: boolean;
};

/** One place in a playlist. */
export type Entry = {
  /** Null where it is gone from Spotify. */
  item: Track | Episode | null;
  /** False where Spotify does not play it to this listener, here and now. */
  playable: boolean;
  /** ISO 8601; null on old entries. */
  addedAt: string | null;
  addedBy: Named | null;
};

/** `total` counts what Spotify announces, entries it then sends as null included. */
export type Page<T> = { items: T[]; total: number };

/** Where a link or a picture may point to. */
export type TrustedPlaces = { link(url: unknown): string | null; image(url: unknown): string | null };

type Json = Record<string, unknown>;

/** Spotify's own hosts, and the given origins beside them. Anything else is dropped. */
export function trustedPlaces(otherOrigins: readonly string[]): TrustedPlaces {
  const among = (hosts: RegExp) => (value: unknown) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return null;
    const url = new URL(value);
    const trusted = (url.protocol === 'https:' && hosts.test(url.host)) || otherOrigins.includes(url.origin);
    return trusted ? url.href : null;
  };
  return { link: among(/^open\.spotify\.com$/), image: among(/\.(scdn\.co|spotifycdn\.com)$/) };
}

/** Reads an answer of the token endpoint; each field is checked before it is believed (RFC 6749, section 5.1). */
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
    expiresInMs: seconds * 1000,
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
    name: text(json.display_name) || null,
    link: linkOf(json, trusted),
    pictures: images(json.images, trusted),
  };
}

/** Reads Get Playback State. An empty body means that nothing plays, whatever the status. */
export function playback(answer: Answer, trusted: TrustedPlaces): Playback {
  if (answer.text === '') return { state: 'nothing' };
  const json = object(answer.json, answer);
  if (typeof json.is_playing !== 'boolean') throw odd(answer);

  const item = isObject(json.item) ? json.item : null;
  const said = json.currently_playing_type;
  const kind = said === 'track' || said === 'episode' || said === 'ad' ? said : 'unknown';
  return {
    state: json.is_playing ? 'playing' : 'paused',
    kind,
    item: item && (kind === 'episode' ? episode(item, trusted) : trackOrEpisode(item, trusted)),
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

/** Reads Search for Item; entries that are null are left out. */
export function found(answer: Answer, trusted: TrustedPlaces): Found {
  const json = object(answer.json, answer);
  const page = <T>(kind: string, read: (one: Json, trusted: TrustedPlaces) => T): Page<T> | undefined => {
    if (!isObject(json[kind])) return undefined;
    const { items, total } = json[kind];
    return { items: list(items).map((one) => read(one, trusted)), total: amount(total) ?? 0 };
  };
  const pages = {
    artists: page('artists', artist),
    tracks: page('tracks', track),
    albums: page('albums', album),
    playlists: page('playlists', playlist),
  };
  const told = Object.entries(pages).filter(([, one]) => one !== undefined);
  if (told.length === 0) throw odd(answer);
  return Object.fromEntries(told);
}

/** Reads a page of Get User's Saved Tracks or of Get Recently Played Tracks; `total` is the length where none is told. */
export function dated(answer: Answer, trusted: TrustedPlaces): Page<Dated> {
  const json = object(answer.json, answer);
  if (!Array.isArray(json.items)) throw odd(answer);
  const items = list(json.items).flatMap((one) => {
    if (!isObject(one.track)) return [];
    return [
      { item: trackOrEpisode(one.track, trusted), at: text(one.added_at) || text(one.played_at) || null },
    ];
  });
  return { items, total: amount(json.total) ?? json.items.length };
}

/** Reads Get User's Top Items. */
export function topArtists(answer: Answer, trusted: TrustedPlaces): Artist[] {
  return topItems(answer).map((one) => artist(one, trusted));
}

/** Reads Get User's Top Items. */
export function topTracks(answer: Answer, trusted: TrustedPlaces): Track[] {
  return topItems(answer).map((one) => track(one, trusted));
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
export function item(answer: Answer, trusted: TrustedPlaces): Track | Episode {
  return trackOrEpisode(object(answer.json, answer), trusted);
}

/** Reads Create Playlist: the new one's id. */
export function newPlaylistId(answer: Answer): string {
  const { id } = object(answer.json, answer);
  if (!isId(id)) throw odd(answer);
  return id;
}

/** Reads a page of playlists; entries that are null are left out. */
export function playlists(answer: Answer, trusted: TrustedPlaces): Page<Playlist> {
  const json = object(answer.json, answer);
  const total = amount(json.total);
  if (!Array.isArray(json.items) || total === null) throw odd(answer);
  return { items: json.items.filter(isObject).map((one) => playlist(one, trusted)), total };
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

/** Reads a page of what is in a playlist; places that hold nothing any more keep their place. */
export function entries(answer: Answer, trusted: TrustedPlaces): Page<Entry> {
  const json = object(answer.json, answer);
  const total = amount(json.total);
  if (!Array.isArray(json.items) || total === null) throw odd(answer);
  return { items: json.items.map((one) => entry(isObject(one) ? one : {}, trusted)), total };
}

function entry(json: Json, trusted: TrustedPlaces): Entry {
  const item = isObject(json.item) ? json.item : isObject(json.track) ? json.track : null;
  const by = isObject(json.added_by) ? json.added_by : null;
  const name = by && text(by.id);
  return {
    item: item && trackOrEpisode(item, trusted),
    playable: item !== null && item.is_playable !== false,
    addedAt: text(json.added_at) || null,
    addedBy: by && name ? { name, link: linkOf(by, trusted) } : null,
  };
}

/** What is in a playlist, by its name of 2026 or the one before; null where it is not told. */
function contentsOf(json: Json): Json | null {
  return isObject(json.items) ? json.items : isObject(json.tracks) ? json.tracks : null;
}

function trackOrEpisode(json: Json, trusted: TrustedPlaces): Track | Episode {
  return json.type === 'episode' ? episode(json, trusted) : track(json, trusted);
}

function playlist(json: Json, trusted: TrustedPlaces): Playlist {
  const owner = isObject(json.owner) ? json.owner : null;
  const ownerName = owner && (text(owner.display_name) || text(owner.id));
  return {
    id: isId(json.id) ? json.id : null,
    ownerId: (owner && text(owner.id)) || null,
    name: text(json.name),
    link: linkOf(json, trusted),
    owner: owner && ownerName ? { name: ownerName, link: linkOf(owner, trusted) } : null,
    count: amount(contentsOf(json)?.total),
    description: decodeHTML(text(json.description)).trim() || null,
    covers: images(json.images, trusted),
    public: typeof json.public === 'boolean' ? json.public : null,
    collaborative: json.collaborative === true,
    snapshotId: text(json.snapshot_id) || null,
  };
}

function track(json: Json, trusted: TrustedPlaces): Track {
  const album = isObject(json.album) ? json.album : null;
  return {
    kind: 'track',
    uri: uriOf(json),
    name: text(json.name),
    link: linkOf(json, trusted),
    artists: artistsOf(json, trusted),
    album: album && text(album.name) ? named(album, trusted) : null,
    covers: images(album?.images, trusted),
    durationMs: amount(json.duration_ms),
    explicit: json.explicit === true,
    local: json.is_local === true,
  };
}

function album(json: Json, trusted: TrustedPlaces): Album {
  return {
    ...named(json, trusted),
    artists: artistsOf(json, trusted),
    covers: images(json.images, trusted),
    released: text(json.release_date) || null,
  };
}

function artist(json: Json, trusted: TrustedPlaces): Artist {
  return { ...named(json, trusted), covers: images(json.images, trusted) };
}

function artistsOf(json: Json, trusted: TrustedPlaces): Named[] {
  return list(json.artists)
    .map((one) => named(one, trusted))
    .filter((one) => one.name !== '');
}

function uriOf(json: Json): string | null {
  const uri = text(json.uri);
  return isUri(uri) ? uri : null;
}

function episode(json: Json, trusted: TrustedPlaces): Episode {
  const show = isObject(json.show) ? json.show : null;
  const own = images(json.images, trusted);
  return {
    kind: 'episode',
    uri: uriOf(json),
    name: text(json.name),
    link: linkOf(json, trusted),
    show: show && text(show.name) ? named(show, trusted) : null,
    covers: own.length > 0 ? own : images(show?.images, trusted),
    durationMs: amount(json.duration_ms),
    explicit: json.explicit === true,
  };
}

function device(json: Json): Device {
  return {
    id: isDeviceId(json.id) ? json.id : null,
    active: json.is_active === true,
    restricted: json.is_restricted === true,
    name: text(json.name),
    type: text(json.type) || null,
    volumePercent: amount(json.volume_percent),
    privateSession: json.is_private_session === true,
  };
}

function named(json: Json, trusted: TrustedPlaces): Named {
  return { name: text(json.name), link: linkOf(json, trusted) };
}

function linkOf(json: Json, trusted: TrustedPlaces): string | null {
  return isObject(json.external_urls) ? trusted.link(json.external_urls.spotify) : null;
}

function images(value: unknown, trusted: TrustedPlaces): Image[] {
  return list(value).flatMap((one) => {
    const url = trusted.image(one.url);
    return url === null ? [] : [{ url, width: amount(one.width), height: amount(one.height) }];
  });
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function amount(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function object(value: unknown, answer: Answer): Json {
  if (!isObject(value)) throw odd(answer);
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function odd(answer: Answer): SpotifyUnavailable {
  return new SpotifyUnavailable(
    `${answer.call} answered ${answer.status} with something that cannot be read`,
  );
}
