import type { Request } from 'express';
import type { CatalogReader } from '../../access/app-api.ts';
import { albumsPerPage, maxOffset, partsPerPage } from '../../spotify/limits.ts';
import type { Page } from '../../spotify/types.ts';
import { minTotalOf, pageNumber, pagesOf } from '../../web/paging.ts';

/*
 * Loads the data of the pages about single objects, as it is sent in JSON. Each takes one call to Spotify, and one more for a further page of
 * its list. The object itself is cached for a while, so paging on takes one call a page.
 */

export async function loadAlbum(req: Request, reader: CatalogReader) {
  const id = String(req.params.id);
  const page = pageNumber(req.query.page, maxOffset / partsPerPage);
  const { album, tracks: first } = await reader.album(id);
  const tracks = page === 1 ? first : await reader.albumTracks(id, page);
  return { album, tracks: tracks.items, ...pagingOf(tracks, page, partsPerPage) };
}

/** The albums are asked for only if the request names a page of them. */
export async function loadArtist(req: Request, reader: CatalogReader) {
  const id = String(req.params.id);
  const page = pageNumber(req.query.page, maxOffset / albumsPerPage);
  const artist = await reader.artist(id);
  // safeguard: albums-only-if-asked
  if (req.query.page === undefined) return { artist, albums: null, page: null, pages: null, total: null };
  const albums = await reader.artistAlbums(id, page);
  return { artist, albums: albums.items, ...pagingOf(albums, page, albumsPerPage) };
}

export async function loadShow(req: Request, reader: CatalogReader) {
  const id = String(req.params.id);
  const page = pageNumber(req.query.page, maxOffset / partsPerPage);
  const { show, episodes: first } = await reader.show(id);
  const episodes = page === 1 ? first : await reader.showEpisodes(id, page);
  return { show, episodes: episodes.items, ...pagingOf(episodes, page, partsPerPage) };
}

export async function loadEpisode(req: Request, reader: CatalogReader) {
  const { item, ...rest } = await reader.episode(String(req.params.id));
  return { episode: item, ...rest };
}

export async function loadTrack(req: Request, reader: CatalogReader) {
  return { track: await reader.item(`spotify:track:${req.params.id}`) };
}

function pagingOf(list: Page<unknown>, page: number, perPage: number) {
  const pages = pagesOf(minTotalOf(list, (page - 1) * perPage, perPage), perPage, page);
  return { page, pages, total: list.total };
}
