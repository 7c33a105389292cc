import jpeg from 'jpeg-js';
import { decodeQR } from 'qr/decode.js';

/** Reads the QR code in a picture, as a phone does that is held in front of it. The picture is a JPEG. Throws if there is none. */
export function scan(picture: Buffer): string {
  return decodeQR(jpeg.decode(picture, { useTArray: true }));
}

/** Reads the QR code that a page draws as an SVG of rectangles; null if it has none. */
export function codeIn(html: string): string | null {
  const [, size = '', path = ''] = /<svg viewBox="0 0 (\d+) \d+"[^>]*><path d="([^"]+)"/.exec(html) ?? [];
  if (path === '') return null;
  const scale = 4;
  const width = Number(size) * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)/g))
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1)
      for (let column = Number(x) * scale; column < (Number(x) + Number(length)) * scale; column += 1)
        data.fill(0, (row * width + column) * 4, (row * width + column) * 4 + 3);
  return decodeQR({ width, height: width, data });
}
