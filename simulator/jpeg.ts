import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import jpeg from 'jpeg-js';
import { LRUCache } from 'lru-cache';

let ready: Promise<void> | null = null;

/** Encoding takes some milliseconds, and many pages show the same covers. */
const encoded = new LRUCache<string, Promise<Buffer>>({ max: 200, memoMethod: (svg) => encode(svg) });

/** Returns a drawing as a JPEG: Spotify serves covers as such. Drawings have no text, so no fonts are needed. */
export const toJpeg = (svg: string): Promise<Buffer> => encoded.memo(svg);

async function encode(svg: string): Promise<Buffer> {
  ready ??= start();
  await ready;
  const { pixels, width, height } = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
  return jpeg.encode({ data: pixels, width, height }, 85).data;
}

async function start(): Promise<void> {
  await initWasm(await readFile(fileURLToPath(import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm'))));
}
