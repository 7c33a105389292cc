/* The fields of an item that playlists are asked for, for `fields` of "Get Playlist Items". */

const credit = 'uri,name,external_urls';
const common =
  'type,uri,name,duration_ms,explicit,is_local,is_playable,restrictions(reason),linked_from(uri,external_urls),external_urls,images,' +
  `show(type,${credit},images),audiobook(${credit},authors(name),images),authors(name),artists(${credit})`;

/** Those that pages show. */
export const itemFields = `${common},album(${credit},images)`;

/** Those that files have, by which other programs recognize a track. */
export const exportedItemFields =
  `${common},external_ids(isrc),disc_number,track_number,popularity,preview_url,` +
  `album(${credit},images,release_date,release_date_precision,artists(${credit}))`;
