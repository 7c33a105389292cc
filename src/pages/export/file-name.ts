import { playlistsPerPage } from '../../spotify/limits.ts';
import type { ExportCursor } from './cursor.ts';
import type { Summary } from './format.ts';
import type { Manifest } from './source.ts';

/** File systems allow 255 bytes. This leaves room for what the file lacks, a number and the extension. */
const maxNameLength = 80;
const maxNameBytes = 160;

/** Returns the name of a playlist's file, which mentions what the file lacks. `isFullyRead`: whether all of the file has been read. */
export function nameOf(manifest: Manifest, isFullyRead: boolean): string {
  const { readable, changedSince, announced, from, written, missing, stopped } = manifest;
  const name = beginningOf(manifest.name ?? '') || 'playlist';
  const rows = (count: number) => count.toLocaleString('en');
  if (!readable) return `${name} (contents not available)`;
  if (stopped && written === 0) return `${name} (none of ${rows(announced)} rows)`;
  // The rows before the change may be wrong as well, so there's no range to continue from.
  // safeguard: changed-part-in-name
  if (stopped?.reason === 'changed-during-export') return `${name} (changed during the export)`;
  // safeguard: part-range-in-name
  if (stopped) return `${name} (rows ${rows(from + 1)}-${rows(from + written)} of ${rows(announced)})`;
  const notes = [
    ...(from > 0 ? [`from row ${rows(from + 1)}`] : []),
    ...(changedSince ? ['playlist changed'] : []),
    ...(missing > 0
      ? [isFullyRead ? `${rows(missing)} of ${rows(written)} rows missing` : 'rows missing']
      : []),
  ];
  return notes.length > 0 ? `${name} (${notes.join(', ')})` : name;
}

/** Returns as many whole characters from the start of a name as a file name has room for. */
function beginningOf(name: string): string {
  let bytes = 0;
  const characters = [...name.toWellFormed()].slice(0, maxNameLength).filter((character) => {
    bytes += Buffer.byteLength(character);
    // safeguard: file-name-length
    return bytes <= maxNameBytes;
  });
  return characters.join('').trim();
}

export function nameOfAll({ page, skip, from }: ExportCursor, summary: Summary): string {
  const { playlists, announced, sentAsNull, notSent, incomplete, missing, stopped } = summary;
  const before = (page - 1) * playlistsPerPage + skip;
  if (stopped?.reason === 'changed-during-export' && before + playlists >= announced)
    return 'playlists (changed during the export)';
  if (stopped) return `playlists (part, up to playlist ${before + playlists} of ${announced})`;
  const notes = [
    ...(before + from > 0 ? [`from playlist ${before + 1}`] : []),
    // safeguard: missing-playlists-in-name
    ...(sentAsNull + notSent > 0 ? ['playlists missing'] : []),
    ...(missing > 0 || incomplete > 0 ? ['rows missing'] : []),
  ];
  return notes.length > 0 ? `playlists (${notes.join(', ')})` : 'playlists';
}

/** The names of devices, which Windows refuses as file names, whatever the extension (Microsoft: "Naming Files, Paths, and Namespaces"). */
const deviceName = /^(con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])(?= *(?:\.|$))/i;

/**
 * Returns the part of a name that every system accepts and shows in a file name. A dot at its start would hide the file, and Windows drops dots and spaces
 * at the end of a name; characters that change the direction of text could make the extension look like another one.
 */
export function contentFileName(name: string): string {
  const plain = name
    .toWellFormed()
    .normalize('NFC')
    // safeguard: no-bidi-controls-in-file-names
    .replace(/\p{Bidi_Control}/gu, '')
    .replace(/[\s\p{Cc}\p{Zl}\p{Zp}/\\:*?"<>|]+/gu, ' ')
    // safeguard: no-dots-around-file-names
    .replace(/^[. ]+|[. ]+$/g, '');
  // safeguard: no-device-names
  return plain.replace(deviceName, '$1_') || 'playlist';
}
