import { type ApiVersion, names } from './api-version.ts';
import {
  type ExportedEntry,
  parseExportedEntries,
  parseExportedHistory,
  parseExportedSaved,
  parseExportedTopTracks,
  type SavedKind,
} from './exported.ts';
import type { TrustedUrls } from './fields.ts';
import { exportedItemFields } from './item-fields.ts';
import { entriesPerPage, savedPerPage, type TimeRange, tracksPerPage } from './limits.ts';
import type { Send, Slice } from './send.ts';
import type { Page } from './types.ts';
import { pathTo } from './uri.ts';

/** Called when Spotify has answered. The response is parsed when its promise resolves. */
export type OnResponse = () => Promise<void>;

/** The calls that read lists for files. They throw what web-api.ts lists. */
export function createExportCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns a slice of the entries of a playlist. Throws Refused if it belongs to someone else, or if the app doesn't get this API version. */
    async exportedPlaylistEntries(
      accessToken: string,
      id: string,
      { from, market }: Slice,
      apiVersion: ApiVersion,
      onResponse?: OnResponse,
    ): Promise<Page<ExportedEntry>> {
      const { contents, entry } = names[apiVersion];
      const query = {
        limit: entriesPerPage,
        offset: from,
        ...(market && { market }),
        fields: `total,items(added_at,added_by(id,external_urls),is_local,${entry}(${exportedItemFields}))`,
        additional_types: 'track,episode',
      };
      const path = pathTo('playlists', id, contents);
      const response = await send(accessToken, { method: 'GET', path, query });
      await onResponse?.();
      return parseExportedEntries(response, from, trusted);
    },

    /** Returns a slice of the tracks that the listener saved, the newest first ("Get User's Saved Tracks"). */
    async exportedSavedTracks(
      accessToken: string,
      { from, market }: Slice,
      onResponse?: OnResponse,
    ): Promise<Page<ExportedEntry>> {
      const query = { limit: tracksPerPage, offset: from, ...(market && { market }) };
      const response = await send(accessToken, { method: 'GET', path: '/me/tracks', query });
      await onResponse?.();
      return parseExportedEntries(response, from, trusted);
    },

    /** Returns a slice of the albums, shows or episodes that the listener saved, the newest first ("Get User's Saved Albums" and the pages beside it). */
    async exportedSaved(
      accessToken: string,
      kind: SavedKind,
      from: number,
      onResponse?: OnResponse,
    ): Promise<Page<ExportedEntry>> {
      const query = { limit: savedPerPage, offset: from };
      const response = await send(accessToken, { method: 'GET', path: pathTo('me', `${kind}s`), query });
      await onResponse?.();
      return parseExportedSaved(response, kind, from, trusted);
    },

    /** Returns the tracks that the listener played last ("Get Recently Played Tracks"). */
    async exportedHistory(accessToken: string): Promise<ExportedEntry[]> {
      const query = { limit: tracksPerPage };
      const path = '/me/player/recently-played';
      return parseExportedHistory(await send(accessToken, { method: 'GET', path, query }), trusted);
    },

    /** Returns the tracks that the listener played most ("Get User's Top Items"). */
    async exportedTopTracks(accessToken: string, range: TimeRange): Promise<ExportedEntry[]> {
      const query = { time_range: range, limit: tracksPerPage };
      const path = '/me/top/tracks';
      return parseExportedTopTracks(await send(accessToken, { method: 'GET', path, query }), trusted);
    },
  };
}
