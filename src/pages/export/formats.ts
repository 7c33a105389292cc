import { createCsv, soundiiz } from './csv.ts';
import type { Format } from './format.ts';
import { json } from './json.ts';
import { jspf } from './jspf.ts';
import { m3u8 } from './m3u8.ts';
import { createZip } from './zip.ts';

/** The format of a file as its URL names it. `of`: the format of the files in a ZIP. `variant`: the program that a table is for. */
export type FormatName = { name: string; of?: string | undefined; variant?: string | undefined };

const formats = new Map<string, Format>([
  ['json', json],
  ['jspf', jspf],
  ['m3u8', m3u8],
]);

/**
 * Returns a format; null for an unknown one. `decimalSign` is the one of the visitor's language: unless it's a point, Excel separates fields with
 * semicolons.
 */
export function formatNamed({ name, of, variant }: FormatName, decimalSign: string): Format | null {
  if (name === 'zip') {
    const inner = of === 'zip' ? null : formatNamed({ name: of ?? 'csv', variant }, decimalSign);
    return inner && createZip(inner);
  }
  if (of !== undefined) return null;
  if (name === 'csv') return tableFor(variant, decimalSign);
  return variant === undefined ? (formats.get(name) ?? null) : null;
}

function tableFor(variant: string | undefined, decimalSign: string): Format | null {
  if (variant === undefined) return createCsv({ delimiter: ',', hasMark: false });
  if (variant === 'soundiiz') return soundiiz;
  // safeguard: excel-delimiter
  const delimiter = decimalSign === '.' ? ',' : ';';
  return variant === 'excel' ? createCsv({ delimiter, hasMark: true }) : null;
}
