import { type ApiVersion, names } from './api-version.ts';
import * as parse from './parse.ts';
import type { Send } from './send.ts';
import { pathTo } from './uri.ts';

export type PlaylistDetails = { name: string; description: string; public: boolean };

/** Items to add to a playlist: at most {@link maxChangedItems} URIs, in order; at its end if `position` (from 0) is null. */
export type Addition = { uris: readonly string[]; position?: number | null };

/** Which items to remove, every copy of each; at most {@link maxChangedItems} URIs. `snapshotId`: the version that they were seen in. */
export type Removal = { uris: readonly string[]; snapshotId: string | null };

/** The item to move: its position, and its position afterward, both from 0. */
export type Move = { from: number; to: number; snapshotId: string | null };

/**
 * The calls that change playlists. They throw what web-api.ts lists. Those that change the contents return the id of the new version; null if
 * Spotify sent none.
 */
export function createPlaylistChangeCalls(send: Send) {
  return {
    /** Creates a playlist and returns its id. Without a description Spotify would store "null" (GitHub: Peter-Schorn/SpotifyAPI#75). */
    async createPlaylist(
      accessToken: string,
      listenerId: string,
      details: PlaylistDetails,
      apiVersion: ApiVersion,
    ): Promise<string> {
      const path = names[apiVersion].newPlaylistPath(listenerId);
      return parse.parseNewPlaylistId(await send(accessToken, { method: 'POST', path, body: details }));
    },

    /** Changes name, description and visibility of a playlist. An empty description leaves the old one unchanged. */
    async changePlaylist(
      accessToken: string,
      id: string,
      { description, ...rest }: PlaylistDetails,
    ): Promise<void> {
      // Spotify rejects an empty one: "Attribute description is empty" (GitHub: spotify/web-api#1011).
      const body = { ...rest, ...(description !== '' && { description }) };
      await send(accessToken, { method: 'PUT', path: pathTo('playlists', id), body });
    },

    /** Replaces the cover of a playlist ("Add Custom Playlist Cover Image") with a JPEG of at most {@link maxCoverBytes}. */
    async uploadCover(accessToken: string, id: string, jpeg: Buffer): Promise<void> {
      const raw = { type: 'image/jpeg', text: jpeg.toString('base64') };
      await send(accessToken, { method: 'PUT', path: pathTo('playlists', id, 'images'), raw });
    },

    /** Adds items to a playlist ("Add Items to Playlist"). */
    async addToPlaylist(
      accessToken: string,
      id: string,
      { uris, position = null }: Addition,
      apiVersion: ApiVersion,
    ): Promise<string | null> {
      const path = pathTo('playlists', id, names[apiVersion].contents);
      const body = { uris, ...(position !== null && { position }) };
      return parse.parseSnapshotId(await send(accessToken, { method: 'POST', path, body }));
    },

    /** Moves one item ("Update Playlist Items"); it keeps the date on which it was added. */
    async moveInPlaylist(
      accessToken: string,
      id: string,
      { from, to, snapshotId }: Move,
      apiVersion: ApiVersion,
    ): Promise<string | null> {
      // Spotify counts the position in the list as it is before the move.
      // safeguard: insert-before-move
      const range = { range_start: from, insert_before: to > from ? to + 1 : to, range_length: 1 };
      const body = { ...range, ...(snapshotId !== null && { snapshot_id: snapshotId }) };
      const path = pathTo('playlists', id, names[apiVersion].contents);
      return parse.parseSnapshotId(await send(accessToken, { method: 'PUT', path, body }));
    },

    /** Removes all copies of these from a playlist ("Remove Playlist Items"). */
    async removeFromPlaylist(
      accessToken: string,
      id: string,
      { uris, snapshotId }: Removal,
      apiVersion: ApiVersion,
    ): Promise<string | null> {
      const { contents } = names[apiVersion];
      // safeguard: snapshot-when-removing
      const version = snapshotId !== null && { snapshot_id: snapshotId };
      const body = { [contents]: uris.map((uri) => ({ uri })), ...version };
      const path = pathTo('playlists', id, contents);
      return parse.parseSnapshotId(await send(accessToken, { method: 'DELETE', path, body }));
    },
  };
}
