import { forbidden, missingScope, notFound } from './api-error.ts';
import { type ListenerRequest, requireScopes } from './endpoints.ts';
import type { Bearer } from './grants.ts';
import type { PlaylistStore } from './playlist-store.ts';
import type { Playlist } from './playlists.ts';

export type PlaylistAccess = ReturnType<typeof createPlaylistAccess>;

/** Finds playlists for a request. Each function throws Spotify's error if the listener has no access. */
export function createPlaylistAccess(playlistStore: PlaylistStore) {
  /** To other listeners, a private playlist doesn't exist. */
  const visible = (id: string | undefined, { listenerId }: Bearer): Playlist => {
    const playlist = playlistStore.byId(id ?? '');
    if (!playlist) throw notFound();
    const hasAccess =
      playlistStore.isOwnOrShared(playlist, listenerId) || playlistStore.isInLibrary(playlist, listenerId);
    if (playlist.isPublic === false && !hasAccess) throw notFound();
    return playlist;
  };

  return {
    visible,

    /** Reading a private playlist needs a scope. */
    readable(id: string | undefined, bearer: Bearer): Playlist {
      const playlist = visible(id, bearer);
      if (playlist.isPublic === false && !hasReadScope(playlist, bearer.scopes)) throw missingScope();
      return playlist;
    },

    /** Only the owner and collaborators can change the items. */
    editable(request: ListenerRequest): Playlist {
      const playlist = visible(request.params.id, request.bearer);
      if (!playlistStore.isOwnOrShared(playlist, request.listener.id)) throw forbidden();
      requireScopes(request, [modifyScope(playlist)]);
      return playlist;
    },
  };
}

export function hasReadScope(playlist: Playlist, scopes: readonly string[]): boolean {
  if (playlist.collaborative) return scopes.includes('playlist-read-collaborative');
  return playlist.isPublic !== false || scopes.includes('playlist-read-private');
}

export function modifyScope({ isPublic }: Pick<Playlist, 'isPublic'>): string {
  return isPublic === false ? 'playlist-modify-private' : 'playlist-modify-public';
}
