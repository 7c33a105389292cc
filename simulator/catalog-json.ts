import {
  type Album,
  type Artist,
  type Episode,
  everyTrack,
  type LocalTrack,
  type Show,
  type Track,
  uriOf,
} from './catalog.ts';
import type { Json, JsonContext, JsonHelpers, JsonObject } from './json.ts';
import { createRandom } from './random.ts';
import { resumePointOf } from './resume-points.ts';

export type CatalogJson = ReturnType<typeof createCatalogJson>;

type Deps = { context: JsonContext; helpers: JsonHelpers };

const markets = ['DE', 'GB', 'SE'];

/** Artists, albums, tracks and local files. */
export function createCatalogJson({ context: { apiUrl, unavailable }, helpers }: Deps) {
  const { legacyOnly, links, images, popularity, paging } = helpers;

  const artistSummary = ({ id, name }: Artist): JsonObject => ({ ...links('artist', id), name });

  const artist = (artist: Artist): JsonObject => ({
    ...artistSummary(artist),
    genres: artist.genres,
    images: images(artist.id),
    ...legacyOnly({
      followers: { href: null, total: popularity(artist.id) * 317 },
      popularity: popularity(artist.id),
    }),
  });

  const albumSummary = (album: Album): JsonObject => ({
    ...links('album', album.id),
    name: album.name,
    album_type: album.albumType,
    total_tracks: album.tracks.length,
    images: images(album.id),
    release_date: album.released,
    release_date_precision: album.precision,
    artists: album.artists.map(artistSummary),
    ...legacyOnly({ available_markets: markets }),
  });

  const trackSummary = (track: Track): JsonObject => ({
    ...links('track', track.id),
    name: track.name,
    artists: track.artists.map(artistSummary),
    disc_number: 1,
    track_number: track.number,
    duration_ms: track.durationMs,
    explicit: track.explicit,
    is_local: false,
    preview_url: null,
    ...legacyOnly({ available_markets: markets }),
  });

  const track = (track: Track): JsonObject => ({
    ...trackSummary(track),
    album: albumSummary(track.album),
    external_ids: { isrc: `XXSIM26${String(createRandom(track.id).between(0, 99_999)).padStart(5, '0')}` },
    ...legacyOnly({ popularity: popularity(track.id) }),
  });

  /** As in the track list of its album. */
  const trackSummaryInMarket = (requested: Track, hasMarket: boolean): JsonObject => {
    const { album: _, external_ids: __, popularity: ___, ...summary } = trackInMarket(requested, hasMarket);
    return summary;
  };

  /**
   * Only requests that name a market learn whether a track can be played. If it can't, another instance takes its place, with the
   * original in `linked_from` (a legacy field); without another instance, the original with a reason (Spotify: "Track Relinking").
   */
  const trackInMarket = (requested: Track, hasMarket: boolean, isPlayable = true): JsonObject => {
    if (!hasMarket) return track(requested);
    const substitute = unavailable.get(uriOf(requested)) ?? (isPlayable ? undefined : { reason: 'market' });
    if (!substitute) return { ...track(requested), is_playable: true };
    if ('reason' in substitute)
      return { ...track(requested), is_playable: false, restrictions: { reason: substitute.reason } };
    const other = everyTrack.find((one) => uriOf(one) === substitute.instead);
    if (!other) throw new Error(`No such track: ${substitute.instead}`);
    return {
      ...track(other),
      is_playable: true,
      ...legacyOnly({ linked_from: links('track', requested.id) }),
    };
  };

  /** With the first page of its tracks. */
  const album = (album: Album, hasMarket = false): JsonObject => ({
    ...albumSummary(album),
    tracks: paging(
      new URL(`${apiUrl}/albums/${album.id}/tracks`),
      { items: album.tracks.slice(0, 50), total: album.tracks.length, limit: 50, offset: 0 },
      (track) => trackSummaryInMarket(track, hasMarket),
    ),
    copyrights: [
      { text: `${album.released.slice(0, 4)} ${album.artists[0]?.name}, a made-up label`, type: 'C' },
    ],
    external_ids: { upc: `0000${createRandom(album.id).between(10_000_000, 99_999_999)}` },
    genres: [],
    ...legacyOnly({ label: 'Made-up Records', popularity: popularity(album.id) }),
  });

  return {
    artist,
    albumSummary,
    /** In the list of an artist's albums. */
    discographyAlbum: (album: Album): JsonObject => ({
      ...albumSummary(album),
      ...legacyOnly({ album_group: album.albumType }),
    }),
    album,
    track,
    trackInMarket,
    trackSummaryInMarket,
    localTrack: (file: LocalTrack): JsonObject => localTrackJson(file, legacyOnly),
    ...createShowJson({ apiUrl, helpers }),
  };
}

function localTrackJson(file: LocalTrack, legacyOnly: JsonHelpers['legacyOnly']): JsonObject {
  const { name, artist, album, durationMs } = file;
  const noLinks = { external_urls: {}, href: null, id: null };
  return {
    ...noLinks,
    type: 'track',
    uri: uriOf(file),
    name,
    album: {
      ...noLinks,
      type: 'album',
      uri: null,
      name: album,
      album_type: null,
      artists: [],
      images: [],
      release_date: null,
      release_date_precision: null,
      ...legacyOnly({ available_markets: [] }),
    },
    artists: [{ ...noLinks, type: 'artist', uri: null, name: artist }],
    disc_number: 0,
    track_number: 0,
    duration_ms: durationMs,
    explicit: false,
    is_local: true,
    preview_url: null,
    external_ids: {},
    ...legacyOnly({ available_markets: [], popularity: 0 }),
  };
}

function createShowJson({ apiUrl, helpers }: { apiUrl: string; helpers: JsonHelpers }) {
  const { legacyOnly, links, images, paging } = helpers;

  const show = (show: Show): JsonObject => ({
    ...links('show', show.id),
    name: show.name,
    description: show.description,
    html_description: `<p>${show.description}</p>`,
    copyrights: [],
    explicit: false,
    images: images(show.id),
    is_externally_hosted: false,
    languages: ['en'],
    media_type: 'audio',
    total_episodes: show.episodes.length,
    ...legacyOnly({ available_markets: markets, publisher: 'Made-up Audio' }),
  });

  /** `reader`: the listener whose token may see how far they have got. */
  const episode = (episode: Episode, reader: string | null = null): JsonObject => ({
    ...links('episode', episode.id),
    name: episode.name,
    description: episode.description,
    html_description: `<p>${episode.description}</p>`,
    duration_ms: episode.durationMs,
    explicit: false,
    images: images(episode.show.id),
    is_externally_hosted: false,
    is_playable: true,
    language: 'en',
    languages: ['en'],
    release_date: episode.released,
    release_date_precision: 'day',
    audio_preview_url: null,
    ...(reader === null ? {} : { resume_point: resumePointOf(reader, episode) }),
    show: show(episode.show),
  });

  const episodeSummary = (one: Episode, reader: string | null = null): JsonObject => {
    const { show: _, ...summary } = episode(one, reader);
    return summary;
  };

  return {
    show,
    episode,
    episodeSummary,

    /** With the first page of its episodes. */
    showWithEpisodes: (one: Show, reader: string | null): Json => ({
      ...show(one),
      episodes: paging(
        new URL(`${apiUrl}/shows/${one.id}/episodes`),
        { items: one.episodes.slice(0, 50), total: one.episodes.length, limit: 50, offset: 0 },
        (episode) => episodeSummary(episode, reader),
      ),
    }),
  };
}
