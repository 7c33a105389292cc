import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBrowser } from '../test/support/chromium.ts';

/*
 * Draws what cannot be an SVG from the one mark there is: public/mark.svg. Run by "npm run icons"; what it draws is committed.
 */
const folder = join(import.meta.dirname, '..', 'public');
const mark = `data:image/svg+xml;base64,${readFileSync(join(folder, 'mark.svg')).toString('base64')}`;
const paper = '#fbf8f4';

/** `margin` is the part of the side that is left free at each edge; systems cut masked icons to a shape of their own. */
const icons = [
  { file: 'icon-32.png', size: 32, ground: 'transparent', margin: 0 },
  { file: 'icon-180.png', size: 180, ground: paper, margin: 0.1 },
  { file: 'icon-192.png', size: 192, ground: 'transparent', margin: 0.02 },
  { file: 'icon-512.png', size: 512, ground: 'transparent', margin: 0.02 },
  { file: 'icon-maskable-512.png', size: 512, ground: paper, margin: 0.2 },
];

test('icons', async (t) => {
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const draw = async (file: string, width: number, height: number, html: string) => {
    await page.setViewportSize({ width, height });
    await page.setContent(`<style>body{margin:0}</style>${html}`);
    await page.locator('img').evaluate('(image) => image.decode()');
    await page.screenshot({ path: join(folder, file), omitBackground: true });
  };

  for (const { file, size, ground, margin } of icons) {
    const side = Math.round(size * (1 - 2 * margin));
    await draw(
      file,
      size,
      size,
      `<div style="width:${size}px;height:${size}px;background:${ground};display:grid;place-items:center"><img src="${mark}" width="${side}" height="${side}"></div>`,
    );
  }
  writeFileSync(join(folder, 'favicon.ico'), toIco(readFileSync(join(folder, 'icon-32.png')), 32));
  // Shown in previews of links to the landing page.
  await draw(
    'card.png',
    1200,
    630,
    `<div style="width:1200px;height:630px;background:${paper};color:#211b18;display:flex;gap:72px;align-items:center;justify-content:center;font-family:system-ui,sans-serif">
      <img src="${mark}" width="360" height="360">
      <div><div style="font-size:84px;font-weight:700;letter-spacing:-2px">Turntable</div>
      <div style="font-size:34px;color:#63564e;white-space:nowrap">Your music, on your own page</div></div></div>`,
  );
});

/**
 * Returns an .ico file with one PNG, for programs that request /favicon.ico without reading the page. Format: a header of 6 bytes, an entry of
 * 16, and the picture.
 */
function toIco(png: Buffer, size: number): Buffer {
  const header = Buffer.alloc(22);
  header.writeUInt16LE(1, 2); // an icon
  header.writeUInt16LE(1, 4); // one picture
  header.writeUInt8(size, 6);
  header.writeUInt8(size, 7);
  header.writeUInt16LE(1, 10); // color planes
  header.writeUInt16LE(32, 12); // bits per pixel
  header.writeUInt32LE(png.length, 14);
  header.writeUInt32LE(header.length, 18);
  return Buffer.concat([header, png]);
}
