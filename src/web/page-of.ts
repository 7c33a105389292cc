import { routes } from '../routes.ts';
import { isLibraryUri, partsOf, type UriKind } from '../spotify/uri.ts';

const pages: Readonly<Record<UriKind, (id: string) => string>> = {
  track: routes.track,
  episode: routes.episode,
  album: routes.album,
  artist: routes.artist,
  playlist: routes.playlist,
  show: routes.show,
};

/** Returns the URL of the page of this site about a Spotify URI; null if there is none. */
export function pageOf(uri: string | null | undefined): string | null {
  if (!isLibraryUri(uri)) return null;
  const { kind, id } = partsOf(uri);
  return pages[kind](id);
}
