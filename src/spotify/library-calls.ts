import { type ApiVersion, names } from './api-version.ts';
import type { TrustedUrls } from './fields.ts';
import { maxLegacySavedItems, savedPerPage, type TimeRange, tracksPerPage } from './limits.ts';
import * as parse from './parse.ts';
import {
  parseFollowedArtists,
  parseSavedAlbums,
  parseSavedEpisodes,
  parseSavedShows,
} from './parse-catalog.ts';
import type { Send, Slice } from './send.ts';
import { partsOf, pathTo } from './uri.ts';

/** The calls about a listener: their profile, library and top items. They throw what web-api.ts lists. */
export function createLibraryCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns the profile of the listener ("Get Current User's Profile"). */
    async me(accessToken: string): Promise<parse.Profile> {
      return parse.parseProfile(await send(accessToken, { method: 'GET', path: '/me' }), trusted);
    },

    /** Returns a slice of the tracks that the listener saved, the newest first ("Get User's Saved Tracks"). */
    async savedTracks(
      accessToken: string,
      { from, limit = tracksPerPage, market }: Slice,
    ): Promise<parse.Page<parse.SavedItem>> {
      // safeguard: saved-tracks-market
      const query = { limit, offset: from, ...(market && { market }) };
      const response = await send(accessToken, { method: 'GET', path: '/me/tracks', query });
      return parse.parseSavedTracks(response, from, trusted);
    },

    async isSaved(accessToken: string, uri: string, apiVersion: ApiVersion): Promise<boolean> {
      const { libraryPath, libraryParameter } = names[apiVersion];
      const path = `${libraryPath(partsOf(uri).kind)}/contains`;
      const query = { [libraryParameter]: libraryId(uri, apiVersion) };
      return parse.parseIsSaved(await send(accessToken, { method: 'GET', path, query }));
    },

    /**
     * Saves these to the listener's library or follows them, or reverts that; up to {@link maxSavedItems}. One call, which in the legacy version changes
     * only the first of {@link legacyGroups}: returns those that were changed. Idempotent.
     */
    async setSaved(
      accessToken: string,
      uris: readonly string[],
      isSaved: boolean,
      apiVersion: ApiVersion,
    ): Promise<readonly string[]> {
      const method = isSaved ? 'PUT' : 'DELETE';
      if (apiVersion === '2026-02') {
        await send(accessToken, { method, path: '/me/library', query: { uris: uris.join(',') } });
        return uris;
      }
      const [group = []] = legacyGroups(uris);
      await send(accessToken, { method, ...legacyTarget(group, isSaved) });
      return group;
    },

    /** Returns a page of the albums that the listener saved, the newest first ("Get User's Saved Albums"); `page` counts from 1. */
    async savedAlbums(
      accessToken: string,
      { page, market }: { page: number; market: string },
    ): Promise<parse.Page<parse.SavedAlbum>> {
      const { offset, limit } = pageQuery(page);
      const query = { limit, offset, market };
      const response = await send(accessToken, { method: 'GET', path: '/me/albums', query });
      return parseSavedAlbums(response, offset, trusted);
    },

    /** Returns a page of the shows that the listener saved, the newest first ("Get User's Saved Shows"); `page` counts from 1. */
    async savedShows(accessToken: string, page: number): Promise<parse.Page<parse.SavedShow>> {
      const query = pageQuery(page);
      const response = await send(accessToken, { method: 'GET', path: '/me/shows', query });
      return parseSavedShows(response, query.offset, trusted);
    },

    /** Returns a page of the episodes that the listener saved, the newest first ("Get User's Saved Episodes"); `page` counts from 1. */
    async savedEpisodes(
      accessToken: string,
      { page, market }: { page: number; market: string },
    ): Promise<parse.Page<parse.TimestampedItem>> {
      const { offset, limit } = pageQuery(page);
      const query = { limit, offset, market };
      const response = await send(accessToken, { method: 'GET', path: '/me/episodes', query });
      return parseSavedEpisodes(response, offset, trusted);
    },

    /** Returns the artists that the listener follows, after the one with this id ("Get Followed Artists"). Null: from the beginning. */
    async followedArtists(accessToken: string, after: string | null): Promise<parse.FollowedArtists> {
      const query = { type: 'artist', limit: savedPerPage, ...(after !== null && { after }) };
      const response = await send(accessToken, { method: 'GET', path: '/me/following', query });
      return parseFollowedArtists(response, trusted);
    },

    /** Returns the artists that the listener played most ("Get User's Top Items"). */
    async topArtists(accessToken: string, range: TimeRange): Promise<parse.Artist[]> {
      const query = { time_range: range, limit: tracksPerPage };
      const response = await send(accessToken, { method: 'GET', path: '/me/top/artists', query });
      return parse.parseTopArtists(response, trusted);
    },

    /** Returns the tracks that the listener played most ("Get User's Top Items"). */
    async topTracks(accessToken: string, range: TimeRange): Promise<(parse.Track | parse.Episode)[]> {
      const query = { time_range: range, limit: tracksPerPage };
      const response = await send(accessToken, { method: 'GET', path: '/me/top/tracks', query });
      return parse.parseTopTracks(response, trusted);
    },
  };
}

function pageQuery(page: number): { limit: number; offset: number } {
  return { limit: savedPerPage, offset: (page - 1) * savedPerPage };
}

/** Groups URIs into those that one call of the legacy version can change: of one kind, not too many, and playlists one at a time. */
export function legacyGroups(uris: readonly string[]): string[][] {
  return [...Map.groupBy(uris, (uri) => partsOf(uri).kind)].flatMap(([kind, group]) => {
    const most = kind === 'playlist' ? 1 : maxLegacySavedItems;
    const count = Math.ceil(group.length / most);
    return Array.from({ length: count }, (_, index) => group.slice(index * most, (index + 1) * most));
  });
}

/**
 * Returns where and how the legacy version changes these, which are of one kind; playlists one at a time. Some endpoints for saving also need the id in the body, and the one for tracks only
 * there ("Save Tracks for Current User", "Save Episodes for Current User", "Follow Artists or Users").
 */
function legacyTarget(uris: readonly string[], isSaved: boolean): Omit<Parameters<Send>[1], 'method'> {
  const all = uris.map(partsOf);
  const [{ kind, id }] = all as [(typeof all)[number]];
  if (kind === 'playlist') return { path: pathTo('playlists', id, 'followers') };
  const ids = all.map((one) => one.id);
  const query = { ids: ids.join(',') };
  const body = isSaved ? { body: { ids } } : {};
  if (kind === 'artist') return { path: '/me/following', query: { type: 'artist', ...query }, ...body };
  const path = names.legacy.libraryPath(kind);
  if (kind === 'track' && isSaved) return { path, ...body };
  return { path, query, ...(kind === 'episode' && body) };
}

/** Returns what the library endpoints call this: its whole URI in 2026-02, its id alone in legacy. */
function libraryId(uri: string, apiVersion: ApiVersion): string {
  return apiVersion === '2026-02' ? uri : partsOf(uri).id;
}
