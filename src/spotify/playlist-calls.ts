import { type ApiVersion, names } from './api-version.ts';
import type { TrustedUrls } from './fields.ts';
import { itemFields } from './item-fields.ts';
import { entriesPerPage, playlistsPerPage } from './limits.ts';
import * as parse from './parse.ts';
import type { Send, Slice } from './send.ts';
import { pathTo } from './uri.ts';

/** The calls about playlists. They throw what web-api.ts lists. */
export function createPlaylistCalls(send: Send, trusted: TrustedUrls) {
  return {
    /** Returns a page of the listener's playlists; `page` counts from 1. */
    async playlists(accessToken: string, page: number): Promise<parse.PlaylistPage> {
      const offset = (page - 1) * playlistsPerPage;
      const query = { limit: playlistsPerPage, offset };
      const response = await send(accessToken, { method: 'GET', path: '/me/playlists', query });
      return parse.parsePlaylists(response, offset, trusted);
    },

    /** Returns a playlist without its entries. */
    async playlist(accessToken: string, id: string): Promise<parse.PlaylistCard> {
      // The names of both API versions at once: Spotify ignores unknown ones.
      const contents = (['2026-02', 'legacy'] as const).map((one) => `${names[one].contents}(total)`);
      const fields = `id,name,description,images,owner(id,display_name,external_urls),external_urls,public,collaborative,snapshot_id,${contents}`;
      const path = pathTo('playlists', id);
      const response = await send(accessToken, { method: 'GET', path, query: { fields } });
      return parse.parsePlaylistCard(response, trusted);
    },

    /**
     * Returns the URIs of a slice of a playlist, without a market: those that the playlist contains, whatever is played in their place ("Track
     * Relinking"). Throws as `playlistEntries` does.
     */
    async playlistUris(
      accessToken: string,
      id: string,
      from: number,
      apiVersion: ApiVersion,
    ): Promise<parse.Page<parse.PlaylistRow>> {
      const { contents, entry } = names[apiVersion];
      const query = {
        limit: entriesPerPage,
        offset: from,
        fields: `total,items(added_at,is_local,${entry}(uri,name))`,
        additional_types: 'track,episode',
      };
      const response = await send(accessToken, {
        method: 'GET',
        path: pathTo('playlists', id, contents),
        query,
      });
      return parse.parsePlaylistUris(response, from);
    },

    /** Returns a slice of the entries of a playlist. Throws Refused if it belongs to someone else, or if the app doesn't get this API version. */
    async playlistEntries(
      accessToken: string,
      id: string,
      { from, limit = entriesPerPage, market }: Slice,
      apiVersion: ApiVersion,
    ): Promise<parse.Page<parse.Entry>> {
      const { contents, entry } = names[apiVersion];
      const query = {
        limit,
        offset: from,
        // safeguard: playlist-market
        ...(market && { market }),
        fields: `total,items(added_at,added_by(id,external_urls),is_local,${entry}(${itemFields}))`,
        additional_types: 'track,episode',
      };
      const path = pathTo('playlists', id, contents);
      const response = await send(accessToken, { method: 'GET', path, query });
      return parse.parsePlaylistEntries(response, from, trusted);
    },
  };
}
