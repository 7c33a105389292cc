import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import { openBrowser } from '../test/support/chromium.ts';
import { startTurntable } from '../test/support/turntable.ts';

/*
 * Draws what cannot be an SVG from the one mark there is: public/mark.svg. Run by "npm run icons"; what it draws is committed.
 */
const folder = join(import.meta.dirname, '..', 'public');
const mark = `data:image/svg+xml;base64,${readFileSync(join(folder, 'mark.svg')).toString('base64')}`;
const paper = '#fbf8f4';

/**
 * `margin` is the part of the side that is left free at each edge. Systems cut masked icons to their own shape, but never inside a circle of 80 % of
 * the side (https://www.w3.org/TR/appmanifest/#icon-masks), which the arm just reaches.
 */
const icons = [
  { file: 'icon-32.png', size: 32, ground: 'transparent', margin: 0 },
  { file: 'icon-180.png', size: 180, ground: paper, margin: 0.1 },
  { file: 'icon-192.png', size: 192, ground: 'transparent', margin: 0.02 },
  { file: 'icon-512.png', size: 512, ground: 'transparent', margin: 0.02 },
  { file: 'icon-maskable-512.png', size: 512, ground: paper, margin: 0.16 },
];

test('icons', async (t) => {
  const browser = await openBrowser(t, { bypassCSP: true });
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
  await drawCard(t, browser);
});

/** Draws what previews of links to the landing page show: the drawn player of that page beside the name, in the same style. */
async function drawCard(t: TestContext, browser: BrowserContext): Promise<void> {
  const { url } = await startTurntable(t);
  const page = await browser.newPage();
  await page.setViewportSize({ width: 1200, height: 630 });
  await page.goto(url);
  await page.addStyleTag({
    content: `
      body { display: flex; align-items: center; justify-content: center; gap: 56px; min-height: 100vh; }
      .card-words { display: grid; gap: 20px; justify-items: start; width: 500px; }
      .card-words img { width: 104px; height: 104px; }
      .card-words h1 { font-size: 84px; }
      .card-words p { font-size: 36px; line-height: 1.25; color: var(--muted); }
      .preview { display: grid; gap: 16px; width: 420px; }
      .preview .eyebrow { font-size: 24px; line-height: 1.4; }
      .preview .name { font-size: 34px; line-height: 1.2; }
      .preview .byline { font-size: 28px; }
      .record::before { animation: none !important; }`,
  });
  await page.evaluate(
    `document.body.innerHTML = '<div class="card-words"><img src="${mark}" alt=""><h1>Turntable</h1><p>Your music, on your own page</p></div>' +
      document.querySelector('.preview').outerHTML;
     document.fonts.ready.then(() => undefined)`,
  );
  await page.locator('img').evaluate('(image) => image.decode()');
  await page.screenshot({ path: join(folder, 'card.png') });
}

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
