import { isPlayable } from './columns.ts';
import type { Format } from './format.ts';
import { oneLine } from './one-line.ts';
import { filledRows, type Row } from './source.ts';

/** A playlist in M3U8, as players read it: for each track a line about it, and one with its address. Local files have no address. */
export const m3u8: Format = {
  itemsOnly: true,
  rowsOf: (manifest) => filledRows(manifest) - manifest.local,
  extension: 'm3u8',
  type: 'audio/x-mpegurl',

  async *one({ manifest, pages }) {
    yield `#EXTM3U\n#PLAYLIST:${oneLine(manifest.name ?? 'playlist')}\n`;
    for await (const rows of pages) yield rows.map(linesOf).join('');
  },
};

function linesOf(row: Row): string {
  const item = row?.item;
  if (!item?.link || !isPlayable(item)) return '';
  const { link, name, durationMs } = item;
  const seconds = durationMs === null ? -1 : Math.round(durationMs / 1000);
  const artists = item.kind === 'track' ? item.artists : item.show ? [item.show] : item.authors;
  const title = [artists.map(({ name }) => name).join(', '), name ?? ''].filter(Boolean).join(' - ');
  // safeguard: one-line-names-in-m3u8
  return `#EXTINF:${seconds},${oneLine(title)}\n${link}\n`;
}
