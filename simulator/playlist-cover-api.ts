import { ApiError, forbidden } from './api-error.ts';
import { type Endpoints, emptyBody, requireScopes } from './endpoints.ts';
import { modifyScope, type PlaylistAccess } from './playlist-access.ts';
import type { PlaylistStore } from './playlist-store.ts';

type Deps = { endpoints: Endpoints; playlistStore: PlaylistStore };

/** "Maximum payload size is 256 KB"; the smaller kilobyte, because which one is meant is unknown. */
const maxCoverCharacters = 256_000;

/** Only the owner can replace the picture (Spotify: "Add Custom Playlist Cover Image"). */
export function addPlaylistCover({ endpoints, playlistStore }: Deps, { visible }: PlaylistAccess) {
  const options = { family: 'images', scope: 'ugc-image-upload', status: 202 } as const;
  endpoints.listenerEndpoint('put', '/playlists/:id/images', options, (request) => {
    const playlist = visible(request.params.id, request.bearer);
    if (playlist.owner.id !== request.listener.id) throw forbidden();
    requireScopes(request, [modifyScope(playlist)]);
    const { text, contentType } = request;
    if (contentType !== 'image/jpeg') throw new ApiError(415, 'Unsupported Media Type');
    if (text.length > maxCoverCharacters) throw new ApiError(413, 'Request entity too large');
    const jpeg = Buffer.from(text, 'base64');
    const isBase64 = jpeg.toString('base64') === text;
    if (!isBase64 || jpeg.subarray(0, 3).toString('hex') !== 'ffd8ff')
      throw new ApiError(400, 'Invalid image');
    playlistStore.setCover(playlist, jpeg);
    return emptyBody;
  });
}
