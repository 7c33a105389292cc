import { ApiError, notFound } from './api-error.ts';
import { albums, artists, episodes, shows, tracks } from './catalog.ts';
import type { ApiRequest, ApiResponse, Endpoints } from './endpoints.ts';
import { albumsOf, find } from './everything.ts';
import type { Json } from './json.ts';
import { hasMarket, listParam, type PageLimits, paginate, usualLimits } from './params.ts';
import type { PlaylistStore } from './playlist-store.ts';
import type { Settings } from './types.ts';

type Deps = { settings: Settings; endpoints: Endpoints; playlistStore: PlaylistStore };

/** Search and single objects, which an app token can read as well. */
export function addCatalog({ settings, endpoints, playlistStore }: Deps) {
  const { appEndpoint } = endpoints;
  const family = 'catalogue';

  appEndpoint('/search', { family: 'search' }, (request) =>
    search(request, playlistStore, searchLimits[limitsOf(settings)]),
  );
  appEndpoint('/tracks/:id', { family }, ({ toJson, params, query }) =>
    toJson.trackInMarket(orNotFound(find('track', params.id)), hasMarket(query)),
  );
  appEndpoint('/albums/:id', { family }, ({ toJson, params, query }) =>
    toJson.album(orNotFound(find('album', params.id)), hasMarket(query)),
  );
  appEndpoint('/albums/:id/tracks', { family }, ({ toJson, params, url, query }) => {
    const { tracks } = orNotFound(find('album', params.id));
    const isInMarket = hasMarket(query);
    return toJson.paging(url, paginate(tracks, query, usualLimits), (track) =>
      toJson.trackSummaryInMarket(track, isInMarket),
    );
  });
  addArtists({ settings, endpoints });
  addPodcasts(endpoints);
}

function addArtists({ settings, endpoints: { appEndpoint } }: Pick<Deps, 'settings' | 'endpoints'>) {
  const family = 'catalogue';
  appEndpoint('/artists/:id', { family }, ({ toJson, params }) =>
    toJson.artist(orNotFound(find('artist', params.id))),
  );
  appEndpoint('/artists/:id/albums', { family }, ({ toJson, params, url, query }) => {
    const groups = listParam(query, 'include_groups') ?? [];
    const unknown = groups.find((one) => !albumGroups.includes(one));
    if (unknown !== undefined) throw new ApiError(400, `Invalid album type: ${unknown}`);
    hasMarket(query);
    const all = albumsOf(orNotFound(find('artist', params.id)));
    const found = all.filter(({ albumType }) => groups.length === 0 || groups.includes(albumType));
    const page = paginate(found, query, discographyLimits[limitsOf(settings)]);
    return toJson.paging(url, page, toJson.discographyAlbum);
  });
}

/** Shows and episodes are available in a country only, so a token without a listener has to name one (Spotify: `QueryMarket`). */
function addPodcasts({ appEndpoint }: Endpoints) {
  const family = 'catalogue';
  const readerOf = ({ bearer, query }: ApiRequest): string | null => {
    if (!hasMarket(query) && bearer.listenerId === null) throw notFound();
    return bearer.scopes.includes('user-read-playback-position') ? bearer.listenerId : null;
  };
  appEndpoint('/shows/:id', { family }, (request) => {
    const reader = readerOf(request);
    return request.toJson.showWithEpisodes(orNotFound(find('show', request.params.id)), reader);
  });
  appEndpoint('/shows/:id/episodes', { family }, (request) => {
    const { toJson, params, url, query } = request;
    const reader = readerOf(request);
    const { episodes } = orNotFound(find('show', params.id));
    return toJson.paging(url, paginate(episodes, query, usualLimits), (one) =>
      toJson.episodeSummary(one, reader),
    );
  });
  appEndpoint('/episodes/:id', { family }, (request) => {
    const reader = readerOf(request);
    return request.toJson.episode(orNotFound(find('episode', request.params.id)), reader);
  });
}

const albumGroups = ['album', 'single', 'appears_on', 'compilation'];

function limitsOf({ apiVersion }: Settings): '2026-02' | 'legacy' {
  return apiVersion === '2026-02' ? '2026-02' : 'legacy';
}

const discographyLimits: Record<'2026-02' | 'legacy', PageLimits> = {
  '2026-02': { defaultLimit: 5, maxLimit: 10, maxOffset: 100_000 },
  legacy: usualLimits,
};

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
        return pageOf(type, episodes.filter(matchesWithDescription), (one) => toJson.episodeSummary(one));
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

function orNotFound<T>(found: T | undefined): T {
  if (found === undefined) throw notFound();
  return found;
}
