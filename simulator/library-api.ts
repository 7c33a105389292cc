import { albums, episodes, everyTrack, liveAlbums, shows } from './catalogue.ts';
import {
  type Answer,
  type Asked,
  type AskedByListener,
  done,
  type Endpoints,
  field,
  listIn,
  namesMarket,
  needScopes,
  pageOf,
  usualReach,
} from './endpoints.ts';
import type { Library } from './library.ts';
import type { Shelves } from './playlist-store.ts';
import { missing, notFound, Refused } from './refused.ts';
import { favourites, timeRanges } from './top-items.ts';

type Deps = { endpoints: Endpoints; library: Library; shelves: Shelves };

/** What a listener likes: saved things by their URIs, saved tracks by their ids as it was before, and favourites. */
export function addLibrary({ endpoints, library, shelves }: Deps) {
  const { mine } = endpoints;

  for (const kind of ['artists', 'tracks'] as const) {
    mine('get', `/me/top/${kind}`, { scope: 'user-top-read' }, ({ shapes, listener, url, query }) => {
      const wished = query.get('time_range') ?? 'medium_term';
      const range = timeRanges.find((one) => one === wished);
      if (!range) throw new Refused(400, 'Invalid time_range');
      const liked = favourites(listener.id, range);
      return kind === 'artists'
        ? shapes.paging(url, pageOf(liked.artists, query, usualReach), shapes.artist)
        : shapes.paging(url, pageOf(liked.tracks, query, usualReach), shapes.track);
    });
  }

  mine('get', '/me/tracks', { scope: 'user-library-read' }, ({ shapes, listener, url, query }) =>
    shapes.paging(
      url,
      pageOf(library.tracks(listener.id), query, usualReach),
      shapes.saved(namesMarket(query)),
    ),
  );

  const playlistOf = (uri: string) => shelves.byId(/^spotify:playlist:(\w+)$/.exec(uri)?.[1] ?? '');

  const has = (listenerId: string, uri: string): boolean => {
    const playlist = playlistOf(uri);
    return playlist ? shelves.isOnShelf(playlist, listenerId) : library.has(listenerId, uri);
  };
  const save = (listenerId: string, uri: string) => {
    const playlist = playlistOf(uri);
    if (playlist) shelves.follow(playlist, listenerId);
    else library.save(listenerId, uri);
  };
  const remove = (listenerId: string, uri: string) => {
    const playlist = playlistOf(uri);
    if (playlist) shelves.unfollow(playlist, listenerId);
    else library.remove(listenerId, uri);
  };

  // Spotify: "Save Items to Library", "Remove Items from Library".
  const change =
    (act: (listenerId: string, uri: string) => void) =>
    (asked: AskedByListener): Answer => {
      const uris = urisIn(asked);
      const types = uris.map(typeOf);
      if (types.includes('artist')) throw new Refused(400, 'Unsupported uri type: artist');
      if (types.includes('user')) needScopes(asked, ['user-follow-modify']);
      if (types.includes('playlist')) needScopes(asked, ['playlist-modify-public']);
      if (!uris.every((uri) => playlistOf(uri) || exists(uri))) throw notFound();
      // The first named stands first afterwards.
      for (const uri of uris.toReversed()) act(asked.listener.id, uri);
      return done;
    };
  mine('put', '/me/library', { scope: 'user-library-modify', names: '2026-02' }, change(save));
  mine('delete', '/me/library', { scope: 'user-library-modify', names: '2026-02' }, change(remove));

  // Spotify: "Check User's Saved Items".
  mine('get', '/me/library/contains', { scope: 'user-library-read', names: '2026-02' }, (asked) => {
    const uris = urisIn(asked);
    const types = uris.map(typeOf);
    if (types.includes('user') || types.includes('artist')) needScopes(asked, ['user-follow-read']);
    if (types.includes('playlist')) needScopes(asked, ['playlist-read-private']);
    return uris.map((uri) => has(asked.listener.id, uri));
  });

  // Spotify: "Save Tracks for Current User", "Save Episodes for Current User" and their neighbours, all deprecated.
  for (const kind of ['track', 'episode'] as const) {
    const changeSaved =
      (act: (listenerId: string, uri: string) => void) =>
      (asked: AskedByListener): Answer => {
        for (const id of idsIn(asked).toReversed()) act(asked.listener.id, `spotify:${kind}:${id}`);
        return done;
      };
    mine('put', `/me/${kind}s`, { scope: 'user-library-modify', names: 'legacy' }, changeSaved(save));
    mine('delete', `/me/${kind}s`, { scope: 'user-library-modify', names: 'legacy' }, changeSaved(remove));
    mine('get', `/me/${kind}s/contains`, { scope: 'user-library-read', names: 'legacy' }, (asked) =>
      idsIn(asked).map((id) => has(asked.listener.id, `spotify:${kind}:${id}`)),
    );
  }
}

const mostUris = 40;
const mostIds = 50;

const uriTypes = ['track', 'album', 'episode', 'show', 'audiobook', 'user', 'playlist', 'artist'] as const;
type UriType = (typeof uriTypes)[number];

/** From the query alone: a body is not read (GitHub: jpochyla/psst#740). */
function urisIn({ query }: Asked): string[] {
  const uris = listIn(query, 'uris');
  if (!uris) throw missing('uris');
  if (uris.length > mostUris) throw new Refused(400, `Too many uris, at most ${mostUris} are allowed`);
  return uris;
}

function typeOf(uri: string): UriType {
  const [, named, id = ''] = /^spotify:(\w+):([^:]+)$/.exec(uri) ?? [];
  const type = uriTypes.find((one) => one === named);
  if (!type || (type !== 'user' && !/^[A-Za-z0-9]{22}$/.test(id)))
    throw new Refused(400, `Invalid uri: ${uri}`);
  return type;
}

const savable: ReadonlySet<string> = new Set(
  [...everyTrack, ...albums, ...liveAlbums, ...episodes, ...shows].map(
    ({ kind, id }) => `spotify:${kind}:${id}`,
  ),
);

/** Anybody may be followed, and there are no audiobooks here. */
function exists(uri: string): boolean {
  return savable.has(uri) || uri.startsWith('spotify:user:');
}

/** From the query or the body; the query goes first. */
function idsIn({ query, fields }: Asked): string[] {
  const ids = listIn(query, 'ids') ?? field(fields(), 'ids', 'texts');
  if (!ids) throw missing('ids');
  if (ids.length > mostIds) throw new Refused(400, 'Too many ids requested');
  if (!ids.every((id) => /^[A-Za-z0-9]{22}$/.test(id))) throw new Refused(400, 'Invalid id');
  return ids;
}
