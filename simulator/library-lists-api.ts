import { ApiError } from './api-error.ts';
import type { Endpoints, ListenerRequest } from './endpoints.ts';
import type { Library } from './library.ts';
import { choiceParam, hasMarket, integerParam, paginate, usualLimits } from './params.ts';

type Deps = { endpoints: Endpoints; library: Library };

/** The lists of what a listener has saved and whom they follow. None of these names has changed with the versions of the Web API. */
export function addLibraryLists({ endpoints, library }: Deps) {
  const { listenerEndpoint } = endpoints;
  const options = { family: 'lists', scope: 'user-library-read' } as const;

  listenerEndpoint('get', '/me/tracks', options, ({ toJson, listener, url, query }) => {
    const page = paginate(library.tracks(listener.id), query, usualLimits);
    return toJson.paging(url, page, toJson.savedTrack(hasMarket(query)));
  });

  listenerEndpoint('get', '/me/albums', options, ({ toJson, listener, url, query }) => {
    const isInMarket = hasMarket(query);
    const page = paginate(library.saved(listener.id, 'album'), query, usualLimits);
    return toJson.paging(
      url,
      page,
      toJson.saved('album', (album) => toJson.album(album, isInMarket)),
    );
  });

  // The reference has no market here ("Get User's Saved Shows").
  listenerEndpoint('get', '/me/shows', options, ({ toJson, listener, url, query }) => {
    const page = paginate(library.saved(listener.id, 'show'), query, usualLimits);
    return toJson.paging(url, page, toJson.saved('show', toJson.show));
  });

  const episodeScopes = ['user-library-read', 'user-read-playback-position'];
  listenerEndpoint('get', '/me/episodes', { ...options, scope: episodeScopes }, (request) => {
    const { toJson, listener, url, query } = request;
    hasMarket(query);
    const page = paginate(library.saved(listener.id, 'episode'), query, usualLimits);
    return toJson.paging(
      url,
      page,
      toJson.saved('episode', (episode) => toJson.episode(episode, listener.id)),
    );
  });

  listenerEndpoint('get', '/me/following', { family: 'lists', scope: 'user-follow-read' }, (request) =>
    followedArtists(request, library),
  );
}

/** Pages by a cursor, the id of the last artist of the page before (Spotify: "Get Followed Artists"). */
function followedArtists({ toJson, listener, url, query }: ListenerRequest, library: Library) {
  choiceParam(query, 'type', ['artist']);
  if (query.has('offset')) throw new ApiError(400, 'Invalid offset');
  const limit = integerParam(query, 'limit', 1, 50) ?? 20;
  const after = query.get('after');
  if (after !== null && !/^[A-Za-z0-9]{22}$/.test(after)) throw new ApiError(400, 'Invalid after');
  const all = library.followedArtists(listener.id);
  const rest = all.filter(({ id }) => after === null || id > after);
  const items = rest.slice(0, limit);
  const last = rest.length > limit ? (items.at(-1)?.id ?? null) : null;
  return {
    artists: toJson.cursorPaging(url, { items, limit, total: all.length, after: last }, toJson.artist),
  };
}
