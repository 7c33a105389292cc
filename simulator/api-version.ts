import {
  type Album,
  type Artist,
  type Episode,
  everyTrack,
  type LocalTrack,
  type Show,
  type Track,
  uriOf,
} from './catalogue.ts';
import type { ApiVersion, Unavailable } from './control.ts';
import type { Device } from './devices.ts';
import type { Play } from './history.ts';
import type { Saved } from './library.ts';
import type { Listener } from './listeners.ts';
import { disallowed, type Shown } from './playback.ts';
import type { Entry, Person, Playlist } from './playlists.ts';
import { chanceOf } from './random.ts';
import type { Context } from './run.ts';

/** A value as JSON has them; undefined is left out. */
export type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };
type Shape = { [name: string]: Json };

/** A stretch of a longer list. */
export type Page<T> = { items: readonly T[]; total: number; limit: number; offset: number };

export type Shapes = ReturnType<typeof createShapes>;

/**
 * Our things as Spotify's JSON, in the API version asked for (Spotify: "Web API changelog, February, March and May 2026").
 * `development` has the new names alone, `extended` both, `old` the classic ones alone. Private details of a listener
 * come only to those whose scopes allow them.
 */
export function createShapes({
  origin,
  apiUrl,
  apiVersion,
  unavailable,
}: {
  origin: string;
  apiUrl: string;
  apiVersion: ApiVersion;
  unavailable: ReadonlyMap<string, Unavailable>;
}) {
  const classic = apiVersion !== '2026-02';
  const modern = apiVersion !== 'legacy';

  /** A field that development mode no longer has. */
  const gone = (fields: Shape): Shape => (classic ? fields : {});
  /** A field that was renamed in 2026, under the name or names of the API version. */
  const renamed = (before: string, after: string, value: Json): Shape => ({
    ...(modern ? { [after]: value } : {}),
    ...(classic ? { [before]: value } : {}),
  });

  const links = (type: string, id: string): Shape => ({
    external_urls: { spotify: `${origin}/open/${type}/${id}` },
    href: `${apiUrl}/${type}s/${id}`,
    id,
    type,
    uri: `spotify:${type}:${id}`,
  });
  const pictures = (seed: string): Json[] =>
    [640, 300, 64].map((size) => ({
      url: `${origin}/covers/${size}/${seed}.svg`,
      height: size,
      width: size,
    }));
  const popularity = (id: string): number => chanceOf(`popularity ${id}`).between(12, 81);

  /** Pages after and before this one have absolute addresses that keep the rest of the query. */
  function paging<T>(url: URL, page: Page<T>, shape: (item: T) => Json): Shape {
    const at = (offset: number) => {
      const target = new URL(`${apiUrl}${url.pathname.replace(/^\/v1/, '')}`);
      for (const [name, value] of url.searchParams) target.searchParams.set(name, value);
      target.searchParams.set('offset', String(offset));
      target.searchParams.set('limit', String(page.limit));
      return target.href;
    };
    const { limit, offset, total } = page;
    return {
      href: at(offset),
      limit,
      next: offset + limit < total ? at(offset + limit) : null,
      offset,
      previous: offset > 0 ? at(Math.max(0, offset - limit)) : null,
      total,
      items: page.items.map(shape),
    };
  }

  const artistInBrief = ({ id, name }: Artist): Shape => ({ ...links('artist', id), name });

  const artist = (artist: Artist): Shape => ({
    ...artistInBrief(artist),
    genres: artist.genres,
    images: pictures(artist.id),
    ...gone({
      followers: { href: null, total: popularity(artist.id) * 317 },
      popularity: popularity(artist.id),
    }),
  });

  const albumInBrief = (album: Album): Shape => ({
    ...links('album', album.id),
    name: album.name,
    album_type: album.albumType,
    total_tracks: album.tracks.length,
    images: pictures(album.id),
    release_date: album.released,
    release_date_precision: album.precision,
    artists: album.artists.map(artistInBrief),
    ...gone({ available_markets: ['DE', 'GB', 'SE'] }),
  });

  const trackInBrief = (track: Track): Shape => ({
    ...links('track', track.id),
    name: track.name,
    artists: track.artists.map(artistInBrief),
    disc_number: 1,
    track_number: track.number,
    duration_ms: track.durationMs,
    explicit: track.explicit,
    is_local: false,
    preview_url: null,
    ...gone({ available_markets: ['DE', 'GB', 'SE'] }),
  });

  const track = (track: Track): Shape => ({
    ...trackInBrief(track),
    album: albumInBrief(track.album),
    external_ids: { isrc: `XXSIM26${String(chanceOf(track.id).between(0, 99_999)).padStart(5, '0')}` },
    ...gone({ popularity: popularity(track.id) }),
  });

  /**
   * Whether a track can be played is told only to who names a market. If it cannot, another instance comes in its place, with the original in
   * `linked_from`, where that field still is; if there is none, the original with a reason (Spotify: "Track Relinking").
   */
  const trackIn = (market: boolean, asked: Track, isPlayable = true): Shape => {
    if (!market) return track(asked);
    const away = unavailable.get(uriOf(asked)) ?? (isPlayable ? undefined : { reason: 'market' });
    if (!away) return { ...track(asked), is_playable: true };
    if ('reason' in away)
      return { ...track(asked), is_playable: false, restrictions: { reason: away.reason } };
    const other = everyTrack.find((one) => uriOf(one) === away.instead);
    if (!other) throw new Error(`No such track: ${away.instead}`);
    return { ...track(other), is_playable: true, ...gone({ linked_from: links('track', asked.id) }) };
  };

  const album = (album: Album): Shape => ({
    ...albumInBrief(album),
    tracks: paging(
      new URL(`${apiUrl}/albums/${album.id}/tracks`),
      { items: album.tracks, total: album.tracks.length, limit: 50, offset: 0 },
      trackInBrief,
    ),
    copyrights: [
      { text: `${album.released.slice(0, 4)} ${album.artists[0]?.name}, a made-up label`, type: 'C' },
    ],
    external_ids: { upc: `0000${chanceOf(album.id).between(10_000_000, 99_999_999)}` },
    genres: [],
    ...gone({ label: 'Made-up Records', popularity: popularity(album.id) }),
  });

  const localTrack = (file: LocalTrack): Shape => {
    const { name, artist, album, durationMs } = file;
    const nowhere = { external_urls: {}, href: null, id: null };
    return {
      ...nowhere,
      type: 'track',
      uri: uriOf(file),
      name,
      album: {
        ...nowhere,
        type: 'album',
        uri: null,
        name: album,
        album_type: null,
        artists: [],
        images: [],
        release_date: null,
        release_date_precision: null,
        ...gone({ available_markets: [] }),
      },
      artists: [{ ...nowhere, type: 'artist', uri: null, name: artist }],
      disc_number: 0,
      track_number: 0,
      duration_ms: durationMs,
      explicit: false,
      is_local: true,
      preview_url: null,
      external_ids: {},
      ...gone({ available_markets: [], popularity: 0 }),
    };
  };

  const show = (show: Show): Shape => ({
    ...links('show', show.id),
    name: show.name,
    description: show.description,
    html_description: `<p>${show.description}</p>`,
    copyrights: [],
    explicit: false,
    images: pictures(show.id),
    is_externally_hosted: false,
    languages: ['en'],
    media_type: 'audio',
    total_episodes: show.episodes.length,
    ...gone({ available_markets: ['DE', 'GB', 'SE'], publisher: 'Made-up Audio' }),
  });

  const episode = (episode: Episode): Shape => ({
    ...links('episode', episode.id),
    name: episode.name,
    description: episode.description,
    html_description: `<p>${episode.description}</p>`,
    duration_ms: episode.durationMs,
    explicit: false,
    images: pictures(episode.show.id),
    is_externally_hosted: false,
    is_playable: true,
    language: 'en',
    languages: ['en'],
    release_date: episode.released,
    release_date_precision: 'day',
    audio_preview_url: null,
    show: show(episode.show),
  });

  const episodeInBrief = (one: Episode): Shape => {
    const { show: _, ...brief } = episode(one);
    return brief;
  };

  /** A show by itself, with the first page of its episodes. */
  const wholeShow = (one: Show): Shape => ({
    ...show(one),
    episodes: paging(
      new URL(`${apiUrl}/shows/${one.id}/episodes`),
      { items: one.episodes, total: one.episodes.length, limit: 50, offset: 0 },
      episodeInBrief,
    ),
  });

  /** Without `additional_types=episode` a podcast comes as null. */
  const played = (what: Entry['what'], takesEpisodes: boolean, market = false, isPlayable = true): Json => {
    if (what === null) return null;
    if (what.kind === 'track') return trackIn(market, what, isPlayable);
    if (what.kind === 'local') return localTrack(what);
    return takesEpisodes ? episode(what) : null;
  };

  const entry =
    (asked: { takesEpisodes: boolean; market: boolean }) =>
    (entry: Entry): Shape => ({
      added_at: entry.addedAt,
      added_by: entry.addedBy === null ? null : userReference(entry.addedBy),
      is_local: entry.what?.kind === 'local',
      primary_color: null,
      ...renamed('track', 'item', played(entry.what, asked.takesEpisodes, asked.market, entry.playable)),
    });

  const userReference = (id: string): Shape => links('user', id);

  const owner = ({ id, name }: Person): Shape => {
    if (id) return { ...links('user', id), display_name: name };
    const { id: _, external_urls: __, ...withoutId } = links('user', id);
    return { ...withoutId, external_urls: {}, display_name: name };
  };

  const playlistImages = (playlist: Playlist): Json => {
    switch (playlist.picture) {
      case 'null':
        return null;
      case 'none':
        return [];
      case 'own':
        return [{ url: `${origin}/covers/640/${playlist.id}.svg`, height: null, width: null }];
      case 'drawn':
        return pictures(playlist.id);
    }
  };

  /** Where a playlist's contents are, in the words of the API version. */
  const contents = (id: string): string => `${apiUrl}/playlists/${id}/${modern ? 'items' : 'tracks'}`;

  const playlistHead = (playlist: Playlist): Shape => ({
    ...links('playlist', playlist.id),
    name: playlist.name,
    description: playlist.description,
    collaborative: playlist.collaborative,
    images: playlistImages(playlist),
    owner: owner(playlist.owner),
    primary_color: null,
    public: playlist.isPublic,
    snapshot_id: snapshotOf(playlist),
  });

  const playlistInBrief = (playlist: Playlist): Shape => ({
    ...playlistHead(playlist),
    ...renamed('tracks', 'items', {
      href: contents(playlist.id),
      total: playlist.knowsTotal ? playlist.entries.length : null,
    }),
  });

  return {
    paging,
    track,
    trackIn,
    album,
    albumInBrief,
    artist,
    show,
    wholeShow,
    episode,
    episodeInBrief,
    entry,
    playlistInBrief,
    playlistOrHole: (playlist: Playlist | null): Json => playlist && playlistInBrief(playlist),

    /** In development mode other people's playlists come without their contents. */
    playlist(playlist: Playlist, isTheirs: boolean, shape: (entry: Entry) => Json): Shape {
      const limit = modern ? 50 : 100;
      const first = playlist.entries.slice(0, limit);
      const page = { items: first, total: playlist.entries.length, limit, offset: 0 };
      const open = classic || isTheirs;
      return {
        ...playlistHead(playlist),
        followers: { href: null, total: chanceOf(playlist.id).between(0, 40) },
        ...(open ? renamed('tracks', 'items', paging(new URL(contents(playlist.id)), page, shape)) : {}),
      };
    },

    me(listener: Listener, scopes: readonly string[]): Shape {
      const mayRead = scopes.includes('user-read-private');
      return {
        ...links('user', listener.id),
        display_name: listener.name,
        images: listener.hasPicture
          ? [300, 64].map((size) => ({
              url: `${origin}/people/${size}/${listener.id}.svg`,
              height: size,
              width: size,
            }))
          : [],
        ...(modern ? { account_id: listener.accountId } : {}),
        ...gone({
          followers: { href: null, total: 12 },
          ...(mayRead
            ? {
                country: listener.country,
                product: listener.product,
                explicit_content: { filter_enabled: false, filter_locked: false },
              }
            : {}),
          ...(scopes.includes('user-read-email') ? { email: listener.email } : {}),
        }),
      };
    },

    /** Its `track` was never renamed (Spotify: "Get Recently Played Tracks", `PlayHistoryObject`). */
    play: ({ track: heard, at, context }: Play): Shape => ({
      track: track(heard),
      played_at: new Date(at).toISOString(),
      context: context && contextOf(context),
    }),

    /** Nor was that of saved tracks (Spotify: "Get User's Saved Tracks", `SavedTrackObject`). */
    saved:
      (market: boolean) =>
      ({ track: kept, at }: Saved): Shape => ({
        added_at: new Date(at).toISOString().replace(/\.\d+Z/, 'Z'),
        track: trackIn(market, kept),
      }),

    device,

    /** GET /me/player; `timestamp` is the last change of state. */
    player: (moment: Shown, takesEpisodes: boolean): Shape => ({
      device: device({ device: moment.device, isActive: true, isPrivate: moment.isPrivate }),
      repeat_state: 'context',
      shuffle_state: false,
      smart_shuffle: false,
      ...currentlyPlaying(moment, takesEpisodes),
      timestamp: Math.floor(moment.changedAt),
    }),

    /** GET /me/player/currently-playing; `timestamp` is the moment of the answer. */
    currentlyPlaying: (moment: Shown, takesEpisodes: boolean, now: number): Shape => ({
      ...currentlyPlaying(moment, takesEpisodes),
      timestamp: Math.floor(now),
    }),
  };

  function currentlyPlaying(moment: Shown, takesEpisodes: boolean): Shape {
    return {
      progress_ms: moment.progressMs === null ? null : Math.floor(moment.progressMs),
      is_playing: moment.isPlaying,
      currently_playing_type: moment.kind,
      item: played(moment.what, takesEpisodes),
      context: moment.context && contextOf(moment.context),
      // Nested and with what is true alone, unlike the schema's `DisallowsObject`: so users have captured it.
      actions: { disallows: Object.fromEntries(disallowed(moment).map((name) => [name, true])) },
    };
  }

  function contextOf({ type, id }: Context): Shape {
    const { external_urls, href, uri } = links(type, id);
    return { type, external_urls, href, uri };
  }

  function device(known: { device: Device; isActive: boolean; isPrivate: boolean }): Shape {
    const { id, isRestricted, name, type, volume } = known.device;
    return {
      id,
      is_active: known.isActive,
      is_private_session: known.isPrivate,
      is_restricted: isRestricted,
      name,
      type,
      volume_percent: volume,
      supports_volume: volume !== null,
    };
  }
}

/** Names the version of a playlist. */
export function snapshotOf({ id, version }: Playlist): string {
  return Buffer.from(`${version},${id}`).toString('base64');
}
