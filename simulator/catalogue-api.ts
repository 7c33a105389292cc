import { ApiError, notFound } from './api-error.ts';
import { albums, artists, episodes, everyTrack, liveAlbums, shows, tracks } from './catalogue.ts';
import type { ApiRequest, ApiResponse, Endpoints } from './endpoints.ts';
import type { Json } from './json.ts';
import { hasMarket, type PageLimits, paginate } from './params.ts';
import type { PlaylistStore } from './playlist-store.ts';
import type { Settings } from './types.ts';

type Deps = { settings: Settings; endpoints: Endpoints; playlistStore: PlaylistStore };

/** Search and single objects, which an app token can read as well. */
export function addCatalogue({ settings, endpoints, playlistStore }: Deps) {
  const { appEndpoint } = endpoints;
  const family = 'catalogue';

  appEndpoint('/search', { family: 'search' }, (request) =>
    search(request, playlistStore, searchLimits[settings.apiVersion === '2026-02' ? '2026-02' : 'legacy']),
  );
  appEndpoint('/tracks/:id', { family }, ({ toJson, params, query }) =>
    toJson.trackInMarket(byId(everyTrack, params.id), hasMarket(query)),
  );
  appEndpoint('/artists/:id', { family }, ({ toJson, params }) => toJson.artist(byId(artists, params.id)));
  appEndpoint('/albums/:id', { family }, ({ toJson, params }) =>
    toJson.album(byId([...albums, ...liveAlbums], params.id)),
  );
  appEndpoint('/shows/:id', { family }, ({ toJson, params }) =>
    toJson.showWithEpisodes(byId(shows, params.id)),
  );
  appEndpoint('/episodes/:id', { family }, ({ toJson, params }) => toJson.episode(byId(episodes, params.id)));
}

const searchLimits: Record<'2026-02' | 'legacy', PageLimits> = {
  '2026-02': { defaultLimit: 5, maxLimit: 10, maxOffset: 1000 },
  legacy: { defaultLimit: 20, maxLimit: 50, maxOffset: 1000 },
};

function search(
  { toJson, url, query }: ApiRequest,
  playlistStore: PlaylistStore,
  limits: PageLimits,
): ApiResponse {
  const text = (query.get('q') ?? '').trim().toLowerCase();
  if (!text) throw new ApiError(400, 'No search query');
  const types = (query.get('type') ?? '').split(',');
  if (types[0] === '') throw new ApiError(400, 'Missing parameter type');

  const matches = (...names: string[]) => names.join(' ').toLowerCase().includes(text);
  const matchesWithArtists = ({ name, artists }: { name: string; artists: readonly { name: string }[] }) =>
    matches(name, ...artists.map((artist) => artist.name));
  const matchesWithDescription = ({ name, description }: { name: string; description: string }) =>
    matches(name, description);
  const pageOf = <T>(type: string, all: readonly T[], itemJson: (item: T) => Json) => {
    const ofType = new URL(url);
    ofType.searchParams.set('type', type);
    return toJson.paging(ofType, paginate(all, query, limits), itemJson);
  };
  const resultsOf = (type: string): Json => {
    switch (type) {
      case 'artist':
        return pageOf(
          type,
          artists.filter(({ name }) => matches(name)),
          toJson.artist,
        );
      case 'album':
        return pageOf(type, albums.filter(matchesWithArtists), toJson.albumSummary);
      case 'track':
        return pageOf(type, tracks.filter(matchesWithArtists), toJson.track);
      case 'show':
        return pageOf(type, shows.filter(matchesWithDescription), toJson.show);
      case 'episode':
        return pageOf(type, episodes.filter(matchesWithDescription), toJson.episodeSummary);
      case 'audiobook':
        // Spotify sells audiobooks in a few countries only; the listeners live in others.
        return pageOf(type, [], () => null);
      case 'playlist': {
        const found = playlistStore.all().filter(({ isPublic, name }) => isPublic && matches(name));
        // Spotify's own playlists are found and counted, but are null.
        return pageOf(type, [...found.slice(0, 1), null, ...found.slice(1)], toJson.playlistOrNull);
      }
      default:
        throw new ApiError(400, `Bad search type field ${type}`);
    }
  };
  return Object.fromEntries(types.map((type) => [`${type}s`, resultsOf(type)]));
}

function byId<T extends { id: string }>(all: readonly T[], id: string | undefined): T {
  const found = all.find((one) => one.id === id);
  if (!found) throw notFound();
  return found;
}
