import {
  type Album,
  type Artist,
  albums,
  artists,
  boxSet,
  choirs,
  dailyShow,
  type Episode,
  edgeCaseTracks,
  episodes,
  everyTrack,
  liveAlbums,
  type Show,
  shows,
  type Track,
} from './catalog.ts';

/* The whole catalog by kind, including what no search finds. */

export type CatalogObject = Track | Album | Artist | Show | Episode;

const everyArtist: readonly Artist[] = [
  ...artists,
  ...choirs,
  ...edgeCaseTracks.flatMap((track) => track.artists),
];
const everyAlbum: readonly Album[] = [
  ...albums,
  ...liveAlbums,
  boxSet,
  ...edgeCaseTracks.map(({ album }) => album),
];
const everyShow: readonly Show[] = [...shows, dailyShow];
const everyEpisode: readonly Episode[] = [...episodes, ...dailyShow.episodes];
export const trackOrBoxSet: readonly Track[] = [...everyTrack, ...boxSet.tracks];

export const byUri: ReadonlyMap<string, CatalogObject> = new Map(
  [...trackOrBoxSet, ...everyAlbum, ...everyArtist, ...everyShow, ...everyEpisode].map((one) => [
    `spotify:${one.kind}:${one.id}`,
    one,
  ]),
);

export function find<Kind extends CatalogObject['kind']>(
  kind: Kind,
  id: string | undefined,
): Extract<CatalogObject, { kind: Kind }> | undefined {
  return byUri.get(`spotify:${kind}:${id}`) as Extract<CatalogObject, { kind: Kind }> | undefined;
}

/** Returns the albums of an artist, the newest first, including those that no search finds. */
export function albumsOf({ id }: Artist): Album[] {
  return everyAlbum
    .filter((album) => album.artists.some((artist) => artist.id === id))
    .sort((a, b) => b.released.localeCompare(a.released));
}
