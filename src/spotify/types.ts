/* Parsed responses. Pages, streams and exports know these types and never Spotify's JSON. */

/** `refreshToken` is null if none was sent, and `scopes` if Spotify did not say what it granted. */
export type AccessToken = {
  accessToken: string;
  expiresInMs: number;
  refreshToken: string | null;
  scopes: string[] | null;
};

/** Width and height in pixels; null if Spotify doesn't know them. */
export type Image = { url: string; width: number | null; height: number | null };

export type Profile = {
  /** Never changes, and is not a name; equal to `id` if Spotify doesn't send it. */
  accountId: string;
  id: string;
  name: string | null;
  link: string | null;
  pictures: Image[];
};

/** `uri` names an artist, album, show or audiobook in commands; null for people, and if Spotify sent something else. */
export type Named = { name: string; link: string | null; uri: string | null };

/** The common fields of tracks and episodes. A field that Spotify omits or fills with a placeholder is null. */
type Item = {
  /**
   * Names the item in commands, such as `spotify:track:…`; null if it has no such name, like a local file. For a relinked track, the URI of the
   * original, which is the one in the playlist or library, if Spotify sends it ("Track Relinking"; see access/relinking.ts).
   */
  uri: string | null;
  name: string | null;
  link: string | null;
  covers: Image[];
  durationMs: number | null;
  explicit: boolean;
  /**
   * Why Spotify doesn't play it for this listener: `market`, `product`, `explicit`, a newer reason, or `unknown` if none was sent. Null if it is
   * playable, or if that is unknown because no market was given.
   */
  restriction: string | null;
};

export type Track = Item & {
  kind: 'track';
  artists: Named[];
  album: Named | null;
  /** A file of the listener's own, which is not on Spotify. */
  local: boolean;
};

/** Spoken content: a podcast episode, a chapter of an audiobook, or an audiobook. */
export type Episode = Item & {
  kind: 'episode' | 'chapter' | 'audiobook';
  show: Named | null;
  /** The authors of the audiobook; empty for podcasts. */
  authors: Named[];
};

export type Artist = {
  name: string | null;
  link: string | null;
  covers: Image[];
  /** Names the artist in commands; null if Spotify sent something else. */
  uri: string | null;
};

export type Album = {
  name: string | null;
  link: string | null;
  /** Names the album in commands; null if Spotify sent something else. */
  uri: string | null;
  artists: Named[];
  covers: Image[];
  /** A year, month or day in ISO 8601, as precise as Spotify knows it. */
  released: string | null;
  /** `album`, `single`, `compilation` or a newer kind; null if unknown. */
  type: string | null;
  /** The number of tracks; null if unknown. */
  count: number | null;
};

/** A podcast. */
export type Show = {
  name: string | null;
  link: string | null;
  /** Names the show in commands; null if Spotify sent something else. */
  uri: string | null;
  covers: Image[];
  /** Plain text. */
  description: string | null;
  /** The number of episodes; null if unknown. */
  count: number | null;
};

/** An episode in the list of its show, or on its own page. */
export type EpisodeEntry = {
  item: Track | Episode;
  /** Plain text. */
  description: string | null;
  /** A year, month or day in ISO 8601, as precise as Spotify knows it. */
  released: string | null;
  /** The position at which the listener stopped; null if they haven't begun, or if Spotify didn't say. */
  resumeMs: number | null;
  isFinished: boolean;
};

/** The first pages of the lists that an album and a show contain. */
export type AlbumWithTracks = { album: Album; tracks: Page<Track | Episode> };
export type ShowWithEpisodes = { show: Show; episodes: Page<EpisodeEntry> };

/** Results by type; only the types that were asked for are present. */
export type SearchResults = {
  artists?: Page<Artist>;
  tracks?: Page<Track | Episode>;
  albums?: Page<Album>;
  playlists?: Page<Playlist>;
  shows?: Page<Show>;
  episodes?: Page<Track | Episode>;
};

/** An item in a listener's history or library; `at` is when it was played or saved, in ISO 8601. */
export type TimestampedItem = { item: Track | Episode; at: string | null };

/** Something in a listener's library other than a track; `at` is when it was saved, in ISO 8601. */
export type SavedAlbum = { album: Album; at: string | null };
export type SavedShow = { show: Show; at: string | null };

/** Some of the artists that a listener follows. `next`: the cursor of the following ones; null if these are the last. */
export type FollowedArtists = { items: Artist[]; total: number | null; next: string | null };

/** An item in a listener's library; `position`: in the whole list, from 0. */
export type SavedItem = TimestampedItem & { position: number };

export type Device = {
  /** Null for some devices, which can't be controlled. */
  id: string | null;
  active: boolean;
  /** Can't be controlled by apps. */
  restricted: boolean;
  name: string | null;
  type: string | null;
  volumePercent: number | null;
  /** Whether apps can change its volume. Most phones refuse that. */
  supportsVolume: boolean;
  privateSession: boolean;
};

/** The player's repeat mode: nothing, the list that it plays, or the track. */
export type Repeat = 'off' | 'context' | 'track';

export type Playback =
  | { state: 'nothing' }
  | {
      state: 'playing' | 'paused';
      /** `unknown` if Spotify doesn't say what it is playing. */
      kind: (Track | Episode)['kind'] | 'ad' | 'unknown';
      item: Track | Episode | null;
      progressMs: number | null;
      device: Device | null;
      /** Actions that are not possible at the moment, by Spotify's names, such as `skipping_next`. */
      disallows: string[];
      /** Null if unknown. */
      shuffle: boolean | null;
      /** Null if unknown. */
      repeat: Repeat | null;
      /** The URI of the playlist, album, artist or show that it plays from; null if there is none. */
      context: string | null;
    };

/** The queue, as far as Spotify reports it. It doesn't tell items that the listener added from those of the list. */
export type Queue = { upNext: (Track | Episode)[] };

export type Playlist = {
  /** Null if Spotify sent something other than an id: such a playlist can be listed, but not opened. */
  id: string | null;
  /** The `id` of the owner, to recognize the listener's own playlists; null if unknown. */
  ownerId: string | null;
  name: string | null;
  link: string | null;
  owner: Named | null;
  /** The number of items; null if unknown. */
  count: number | null;
  /** Plain text. */
  description: string | null;
  covers: Image[];
  public: boolean | null;
  collaborative: boolean;
  /** Changes whenever the contents change. */
  snapshotId: string | null;
};

export type PlaylistCard = Playlist & {
  id: string;
  /** Whether Spotify shows the contents to this listener. */
  readable: boolean;
};

/** One position in a playlist. */
export type Entry = {
  /** Null if it is no longer on Spotify. */
  item: Track | Episode | null;
  /** Whether Spotify plays it for this listener (`item.restriction` says why not); null if unknown because no market was given. */
  playable: boolean | null;
  /** ISO 8601; null on old entries. */
  addedAt: string | null;
  addedBy: Named | null;
};

/** One position in a playlist, as it takes to change it. */
export type PlaylistRow = {
  /** As the playlist contains it, so that of a local file as well; null if the item is no longer on Spotify. */
  uri: string | null;
  name: string | null;
  /** When it was added, as Spotify sends it; null if Spotify doesn't say. */
  addedAt: string | null;
};

/** `total` is the number that Spotify announces, including entries that it sends as null. Null if it sends more than it announces. */
export type Page<T> = { items: T[]; total: number | null };

/** `nullCount` counts the playlists that Spotify sent as null: `items` lacks them, `total` includes them. */
export type PlaylistPage = Page<Playlist> & { nullCount: number };
