import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import jpeg from 'jpeg-js';

let ready: Promise<void> | null = null;

/** Returns a drawing as a JPEG: Spotify serves covers as such. Drawings have no text, so no fonts are needed. */
export async function toJpeg(svg: string): Promise<Buffer> {
  ready ??= start();
  await ready;
  const { pixels, width, height } = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
  return jpeg.encode({ data: pixels, width, height }, 85).data;
}

async function start(): Promise<void> {
  await initWasm(await readFile(fileURLToPath(import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm'))));
}
