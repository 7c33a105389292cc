/* What Spotify's answers are read into. Pages, streams and exports know these types and never Spotify's JSON. */

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

/** What tracks and everything spoken have in common. What Spotify leaves out or fills with a placeholder is null. */
type Item = {
  /**
   * What Spotify calls it in commands, such as `spotify:track:…`; null for what has none, such as a local file. Of a relinked track, the URI of
   * the original, which is the one that a playlist or library holds, if Spotify tells it ("Track Relinking"; see web/relinking.ts).
   */
  uri: string | null;
  name: string | null;
  link: string | null;
  covers: Image[];
  durationMs: number | null;
  explicit: boolean;
  /**
   * Why Spotify does not play it to this listener: `market`, `product`, `explicit`, a reason added since, or `unknown` if it gives none.
   * Null if it plays it, or was not asked for a market and does not say.
   */
  restriction: string | null;
};

export type Track = Item & {
  kind: 'track';
  artists: Named[];
  album: Named | null;
  /** A file of the listener's own: it is nowhere on Spotify. */
  local: boolean;
};

/** Everything spoken: a podcast episode, a chapter of an audiobook, or an audiobook. */
export type Episode = Item & {
  kind: 'episode' | 'chapter' | 'audiobook';
  /** The podcast or audiobook that it is part of. */
  show: Named | null;
  /** Of an audiobook, or of the one that a chapter is part of. */
  authors: Named[];
};

export type Artist = { name: string | null; link: string | null; covers: Image[] };

export type Album = {
  name: string | null;
  link: string | null;
  artists: Named[];
  covers: Image[];
  /** A year, a month or a day in ISO 8601, as exactly as Spotify knows it. */
  released: string | null;
};

/** What was found, by kind; a kind that was not asked for is not there. */
export type Found = {
  artists?: Page<Artist>;
  tracks?: Page<Track | Episode>;
  albums?: Page<Album>;
  playlists?: Page<Playlist>;
};

/** Something in a listener's history or library; `at` is when it was played or saved, in ISO 8601. */
export type Dated = { item: Track | Episode; at: string | null };

/** Something in a listener's library; `place` is where in the whole list it stands (0 is the first). */
export type Saved = Dated & { place: number };

export type Device = {
  /** Null on some devices: they take no orders. */
  id: string | null;
  active: boolean;
  /** Takes no orders from apps. */
  restricted: boolean;
  name: string | null;
  type: string | null;
  volumePercent: number | null;
  privateSession: boolean;
};

export type Playback =
  | { state: 'nothing' }
  | {
      state: 'playing' | 'paused';
      /** `unknown` where Spotify plays something it does not name. */
      kind: (Track | Episode)['kind'] | 'ad' | 'unknown';
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
  name: string | null;
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
  /** Whether Spotify plays it to this listener, `item.restriction` says why not; null if it was not asked for a market and does not say. */
  playable: boolean | null;
  /** ISO 8601; null on old entries. */
  addedAt: string | null;
  addedBy: Named | null;
};

/** `total` counts what Spotify announces, including entries it sends as null. Null if it sends more than it announces. */
export type Page<T> = { items: T[]; total: number | null };

/** `nullEntries` counts the playlists that Spotify sent as null: `items` lacks them, `total` includes them. */
export type PlaylistPage = Page<Playlist> & { nullEntries: number };
