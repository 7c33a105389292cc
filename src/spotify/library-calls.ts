import { type ApiVersion, names } from './api-version.ts';
import type { TrustedUrls } from './fields.ts';
import { type TimeRange, tracksPerPage } from './limits.ts';
import * as parse from './parse.ts';
import type { Send, Slice } from './send.ts';
import { partsOf } from './uri.ts';

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

    /** Returns whether this is in the listener's library. */
    async isSaved(accessToken: string, uri: string, apiVersion: ApiVersion): Promise<boolean> {
      const { libraryPath, libraryParameter } = names[apiVersion];
      const path = `${libraryPath(partsOf(uri).kind)}/contains`;
      const query = { [libraryParameter]: libraryId(uri, apiVersion) };
      return parse.parseIsSaved(await send(accessToken, { method: 'GET', path, query }));
    },

    /** Saves this to the listener's library, or removes it. Idempotent. */
    async setSaved(
      accessToken: string,
      uri: string,
      isSaved: boolean,
      apiVersion: ApiVersion,
    ): Promise<void> {
      const { libraryPath, libraryParameter } = names[apiVersion];
      const { kind, id } = partsOf(uri);
      const method = isSaved ? 'PUT' : 'DELETE';
      // The legacy endpoints for saving also need the id in the body, and the one for tracks only there ("Save Tracks for Current User", "Save
      // Episodes for Current User").
      const isLegacySave = apiVersion === 'legacy' && isSaved;
      await send(accessToken, {
        method,
        path: libraryPath(kind),
        ...(isLegacySave && { body: { ids: [id] } }),
        ...(!(isLegacySave && kind === 'track') && {
          query: { [libraryParameter]: libraryId(uri, apiVersion) },
        }),
      });
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

/** Returns what the library endpoints call this: its whole URI in 2026-02, its id alone in legacy. */
function libraryId(uri: string, apiVersion: ApiVersion): string {
  return apiVersion === '2026-02' ? uri : partsOf(uri).id;
}
