import type { TrustedUrls } from './fields.ts';
import { albumsPerPage, partsPerPage, resultsPerPage, type SearchType } from './limits.ts';
import * as parse from './parse.ts';
import {
  parseAlbumTracks,
  parseAlbumWithTracks,
  parseArtistAlbums,
  parseShowEpisodes,
  parseShowWithEpisodes,
  parseSingleArtist,
  parseSingleEpisode,
} from './parse-catalog.ts';
import type { Send, Slice } from './send.ts';
import { partsOf, pathTo } from './uri.ts';

/** The calls that search Spotify and read single items. They throw what web-api.ts lists. */
export function createCatalogCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns a page of search results ("Search for Item"); `page` counts from 1. */
    async search(
      accessToken: string,
      query: string,
      { types, page, market }: { types: readonly SearchType[]; page: number; market: string },
    ): Promise<parse.SearchResults> {
      const offset = (page - 1) * resultsPerPage;
      const response = await send(accessToken, {
        method: 'GET',
        path: '/search',
        query: {
          q: query,
          type: types.join(','),
          // The app token belongs to no listener, so there is no country of an account.
          market,
          limit: resultsPerPage,
          offset,
        },
      });
      return parse.parseSearchResults(response, offset, trusted);
    },

    /** Returns one track or episode ("Get Track", "Get Episode"). */
    async item(accessToken: string, uri: string, market: string): Promise<parse.Track | parse.Episode> {
      const { kind, id } = partsOf(uri);
      const path = pathTo(`${kind}s`, id);
      return parse.parseSingleItem(await get(accessToken, path, { market }), trusted);
    },

    /** Returns an episode with its description, and where the listener stopped ("Get Episode"). */
    async episode(accessToken: string, id: string, market: string): Promise<parse.EpisodeEntry> {
      const path = pathTo('episodes', id);
      return parseSingleEpisode(await get(accessToken, path, { market }), trusted);
    },

    /** Returns an album with its first tracks ("Get Album"). */
    async album(accessToken: string, id: string, market: string): Promise<parse.AlbumWithTracks> {
      return parseAlbumWithTracks(await get(accessToken, pathTo('albums', id), { market }), trusted);
    },

    /** Returns a slice of the tracks of an album ("Get Album Tracks"). */
    async albumTracks(
      accessToken: string,
      id: string,
      slice: Slice,
    ): Promise<parse.Page<parse.Track | parse.Episode>> {
      const path = pathTo('albums', id, 'tracks');
      return parseAlbumTracks(await get(accessToken, path, queryOf(slice)), slice.from, trusted);
    },

    /** Returns an artist ("Get Artist"). */
    async artist(accessToken: string, id: string): Promise<parse.Artist> {
      return parseSingleArtist(await get(accessToken, pathTo('artists', id), {}), trusted);
    },

    /** Returns a page of what an artist has released; `page` counts from 1 ("Get Artist's Albums"). */
    async artistAlbums(
      accessToken: string,
      id: string,
      { page, market }: { page: number; market: string },
    ): Promise<parse.Page<parse.Album>> {
      const offset = (page - 1) * albumsPerPage;
      const query = { include_groups: 'album,single,compilation', limit: albumsPerPage, offset, market };
      const path = pathTo('artists', id, 'albums');
      return parseArtistAlbums(await get(accessToken, path, query), offset, trusted);
    },

    /** Returns a show with its newest episodes ("Get Show"). Without a country Spotify says there is no such show. */
    async show(accessToken: string, id: string, market: string): Promise<parse.ShowWithEpisodes> {
      return parseShowWithEpisodes(await get(accessToken, pathTo('shows', id), { market }), trusted);
    },

    /** Returns a slice of the episodes of a show, the newest first ("Get Show Episodes"). */
    async showEpisodes(
      accessToken: string,
      id: string,
      slice: Slice,
    ): Promise<parse.Page<parse.EpisodeEntry>> {
      const path = pathTo('shows', id, 'episodes');
      return parseShowEpisodes(await get(accessToken, path, queryOf(slice)), slice.from, trusted);
    },
  };

  function get(accessToken: string, path: string, query: Record<string, string | number>) {
    return send(accessToken, { method: 'GET', path, query });
  }
}

function queryOf({ from, limit = partsPerPage, market }: Slice): Record<string, string | number> {
  return { limit, offset: from, ...(market && { market }) };
}
