import type {
  ExportedAlbum,
  ExportedArtist,
  ExportedItem,
  ExportedShow,
  ExportedTrack,
} from '../../spotify/exported.ts';
import type { Episode, Named } from '../../spotify/types.ts';
import type { Contents, Row } from './source.ts';

/** A column: its name, and the value for an item at a position, which counts from 1. */
type Column<Item> = [name: string, value: (row: FilledRow<Item>, position: number) => unknown];

/** A row with an item. Positions without one have no row in a table, so that each row is something to import. */
type FilledRow<Item> = Exclude<Row, null> & { item: Item };

export type Table = {
  names: readonly string[];
  /** Returns the fields of a row; null for one that the table doesn't have. */
  fields: (row: Row, position: number) => unknown[] | null;
};

type Playable = ExportedTrack | Episode;

/** Exportify's columns in its order (GitHub: watsonbox/exportify, November 2026), which many programs can import, followed by two of ours. */
const columnsOfItems: readonly Column<Playable>[] = [
  ['Track URI', ({ item }) => item.uri],
  ['Track Name', ({ item }) => item.name],
  ['Artist URI(s)', ({ item }) => urisOf(artistsOf(item))],
  ['Artist Name(s)', ({ item }) => namesOf(artistsOf(item))],
  ['Album URI', ({ item }) => albumOf(item)?.uri],
  ['Album Name', ({ item }) => albumOf(item)?.name],
  ['Album Artist URI(s)', ({ item }) => urisOf(albumArtistsOf(item))],
  ['Album Artist Name(s)', ({ item }) => namesOf(albumArtistsOf(item))],
  ['Album Release Date', ({ item }) => (item.kind === 'track' ? item.album?.released : null)],
  ['Album Image URL', ({ item }) => item.covers[0]?.url],
  ['Disc Number', ({ item }) => (item.kind === 'track' ? item.discNumber : null)],
  ['Track Number', ({ item }) => (item.kind === 'track' ? item.trackNumber : null)],
  ['Track Duration (ms)', ({ item }) => item.durationMs],
  ['Track Preview URL', ({ item }) => (item.kind === 'track' ? item.previewUrl : null)],
  ['Explicit', ({ item }) => item.explicit],
  ['Popularity', ({ item }) => (item.kind === 'track' ? item.popularity : null)],
  ['ISRC', ({ item }) => (item.kind === 'track' ? item.isrc : null)],
  ['Added By', ({ addedBy }) => addedBy && `spotify:user:${addedBy.name}`],
  ['Added At', ({ addedAt }) => addedAt],
  ['Position', (_row, position) => position],
  ['Is Playable', ({ playable }) => playable],
];

/** The columns of Soundiiz's import form. */
const soundiizColumns: readonly Column<Playable>[] = [
  ['title', ({ item }) => item.name],
  [
    'artist',
    ({ item }) =>
      artistsOf(item)
        .map(({ name }) => name)
        .join(', '),
  ],
  ['album', ({ item }) => albumOf(item)?.name],
  ['isrc', ({ item }) => (item.kind === 'track' ? item.isrc : null)],
];

/** Exportify's columns for saved albums (same source). */
const columnsOfAlbums: readonly Column<ExportedAlbum>[] = [
  ['Album URI', ({ item }) => item.uri],
  ['Album Name', ({ item }) => item.name],
  ['Album Type', ({ item }) => item.type],
  ['Album Artist URI(s)', ({ item }) => urisOf(item.artists)],
  ['Album Artist Name(s)', ({ item }) => namesOf(item.artists)],
  ['Album Release Date', ({ item }) => item.released],
  ['Release Date Precision', ({ item }) => precisionOf(item.released)],
  ['Track Count', ({ item }) => item.count],
  ['Saved At', ({ addedAt }) => addedAt],
  ['Position', (_row, position) => position],
];

const columnsOfShows: readonly Column<ExportedShow>[] = [
  ['Show URI', ({ item }) => item.uri],
  ['Show Name', ({ item }) => item.name],
  ['Description', ({ item }) => item.description],
  ['Episode Count', ({ item }) => item.count],
  ['Saved At', ({ addedAt }) => addedAt],
  ['Position', (_row, position) => position],
];

const columnsOfArtists: readonly Column<ExportedArtist>[] = [
  ['Artist URI', ({ item }) => item.uri],
  ['Artist Name', ({ item }) => item.name],
  ['Artist Image URL', ({ item }) => item.covers[0]?.url],
  ['Position', (_row, position) => position],
];

export const tables: Record<Contents, Table> = {
  items: tableOf(columnsOfItems, isPlayable),
  albums: tableOf(columnsOfAlbums, (item) => item.kind === 'album'),
  shows: tableOf(columnsOfShows, (item) => item.kind === 'show'),
  artists: tableOf(columnsOfArtists, (item) => item.kind === 'artist'),
};

/** A table for Soundiiz, without podcasts. */
export const soundiizTable = tableOf(soundiizColumns, (item) => item.kind === 'track');

function tableOf<Item extends ExportedItem>(
  columns: readonly Column<Item>[],
  accepts: (item: ExportedItem) => item is Item,
): Table {
  const isFilled = (row: Row): row is FilledRow<Item> => !!row?.item && accepts(row.item);
  return {
    names: columns.map(([name]) => name),
    fields: (row, position) => (isFilled(row) ? columns.map(([, value]) => value(row, position)) : null),
  };
}

/** Whether something can be played: a track, an episode, a chapter or an audiobook. */
export function isPlayable(item: ExportedItem): item is Playable {
  return item.kind !== 'album' && item.kind !== 'show' && item.kind !== 'artist';
}

/** Returns Spotify's word for how precise a date is. */
function precisionOf(date: string | null): string | null {
  return date && (['year', 'month', 'day'][date.split('-').length - 1] ?? null);
}

/** The show or audiobook of spoken content is in the columns of the artist and the album, as in Spotify's own list of tracks. */
function artistsOf(item: Playable): readonly Named[] {
  if (item.kind === 'track') return item.artists;
  return item.show ? [item.show] : item.authors;
}

function albumOf(item: Playable): ExportedTrack['album'] | Named {
  return item.kind === 'track' ? item.album : item.show;
}

function albumArtistsOf(item: Playable): readonly Named[] {
  return item.kind === 'track' ? (item.album?.artists ?? []) : [];
}

function urisOf(credits: readonly Named[]): string {
  return credits.map(({ uri }) => uri ?? '').join(', ');
}

/** Joins names as Exportify does. */
function namesOf(credits: readonly Named[]): string {
  // safeguard: escape-commas-in-names
  return credits.map(({ name }) => name.replaceAll(',', '\\,')).join(', ');
}
