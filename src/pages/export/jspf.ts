import { isPlayable } from './columns.ts';
import type { Format } from './format.ts';
import { filledRows, type Row } from './source.ts';

/** The key of ListenBrainz's extension (MusicBrainz: "JSPF"). */
const extensionOfTracks = 'https://musicbrainz.org/doc/jspf#track';

/** A playlist in JSPF, the JSON form of XSPF (Xiph wiki: "JSPF"), with what ListenBrainz adds to it. */
export const jspf: Format = {
  itemsOnly: true,
  rowsOf: filledRows,
  extension: 'jspf',
  type: 'application/jspf+json',

  async *one({ manifest, pages }) {
    const head = {
      title: manifest.name ?? 'playlist',
      date: manifest.exportedAt,
      ...(manifest.source && { location: manifest.source }),
      ...(manifest.id && { identifier: `spotify:playlist:${manifest.id}` }),
    };
    // The list of tracks comes last, because it is written while it is read.
    yield `{"playlist":${JSON.stringify(head).slice(0, -1)},"track":[`;
    let first = true;
    for await (const rows of pages) {
      const tracks = rows.flatMap((row) => trackOf(row) ?? []).map((track) => JSON.stringify(track));
      if (tracks.length === 0) continue;
      yield (first ? '\n' : ',\n') + tracks.join(',\n');
      first = false;
    }
    yield '\n]}}\n';
  },
};

/** Returns null for a position without an item. */
function trackOf(row: Row): object | null {
  const item = row?.item;
  if (!row || !item || !isPlayable(item)) return null;
  const { uri, link, name, durationMs, covers } = item;
  const { addedAt, addedBy } = row;
  const isTrack = item.kind === 'track';
  const artists = isTrack ? item.artists : item.show ? [item.show] : item.authors;
  const album = isTrack ? item.album?.name : item.show?.name;
  const isrc = isTrack ? item.isrc : null;
  const added = {
    ...(addedBy && { added_by: addedBy.name }),
    ...(addedAt && { added_at: addedAt }),
    ...(isrc && { additional_metadata: { isrc } }),
  };
  return {
    ...(link && { location: [link] }),
    ...(uri && { identifier: [uri] }),
    ...(name !== null && { title: name }),
    ...(artists.length > 0 && { creator: artists.map(({ name }) => name).join(', ') }),
    ...(album && { album }),
    ...(isTrack && item.trackNumber !== null && { trackNum: item.trackNumber }),
    ...(durationMs !== null && { duration: durationMs }),
    ...(covers[0] && { image: covers[0].url }),
    ...(Object.keys(added).length > 0 && { extension: { [extensionOfTracks]: added } }),
  };
}
