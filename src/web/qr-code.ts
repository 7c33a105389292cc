import { encodeQR } from 'qr';

/** A QR code to draw: the modules on a side, with the quiet zone, and the dark ones as the path of an SVG. */
export type QrCode = { size: number; path: string };

/** The light modules around a code that scanners need (ISO/IEC 18004, "quiet zone"). */
const quietZone = 4;

/**
 * Returns the QR code of a text. Its error correction is the lowest, because a screen is neither dirty nor torn, and fewer modules can be scanned
 * from further away. Throws if the text is longer than a code can be.
 */
export function qrCode(text: string): QrCode {
  const rows = encodeQR(text, 'raw', { ecc: 'low', border: quietZone });
  return { size: rows.length, path: rows.map(pathOf).join('') };
}

/** A rectangle for each run of dark modules, so that there are no seams within it. */
function pathOf(row: readonly boolean[], y: number): string {
  const runs = row
    .map((isDark) => (isDark ? '1' : '0'))
    .join('')
    .matchAll(/1+/g);
  return [...runs].map(({ index, 0: { length } }) => `M${index} ${y}h${length}v1h-${length}z`).join('');
}
