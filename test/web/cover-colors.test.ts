import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import jpeg from 'jpeg-js';
import { createImageDownload } from '../../src/spotify/images.ts';
import { createCoverColors, dominantClass, noColor } from '../../src/web/cover-colors.ts';
import { until } from '../support/fleet.ts';
import { allowAll } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

type Color = readonly [r: number, g: number, b: number];

const red: Color = [230, 20, 30];
const teal: Color = [20, 150, 150];
const brick: Color = [140, 110, 100];
const gray: Color = [128, 128, 128];
const black: Color = [0, 0, 16];

/** An image of 64 pixels a side: each color fills its number of pixels of a hundred. */
function pixelsOf(...parts: readonly [Color, percent: number][]): Uint8Array {
  const all = parts.flatMap(([[r, g, b], percent]) =>
    Array.from({ length: Math.round((4_096 * percent) / 100) }, () => [r, g, b, 255]),
  );
  return Uint8Array.from(all.flat());
}

const cases: readonly (readonly [string, Uint8Array, string])[] = [
  ['one vivid color', pixelsOf([red, 100]), 'hue-30 chroma-2'],
  ['another one', pixelsOf([teal, 100]), 'hue-195 chroma-2'],
  ['a muted color', pixelsOf([brick, 100]), 'hue-45 chroma-1'],
  ['gray only', pixelsOf([gray, 100]), 'hue-0 chroma-0'],
  ['a speck of color', pixelsOf([gray, 98], [red, 2]), 'hue-0 chroma-0'],
  ['a small vivid part on a large dull one', pixelsOf([brick, 70], [red, 30]), 'hue-30 chroma-2'],
  ['what is nearly black has no color', pixelsOf([black, 90], [teal, 10]), 'hue-195 chroma-2'],
];

for (const [name, pixels, expected] of cases)
  test(`the color of a cover: ${name}`, () => assert.equal(dominantClass(pixels), expected));

/** A host of covers, and what it was asked for. */
async function startHost(t: TestContext, listener: RequestListener) {
  const requested: string[] = [];
  const server = createServer((req, res) => {
    requested.push(req.url ?? '');
    listener(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { requested, origin };
}

function colorsFrom(otherOrigins: readonly string[]) {
  return createCoverColors({ download: createImageDownload({ otherOrigins }) });
}

const images = (url: string) => [{ url, width: 64, height: 64 }];
const redCover = jpeg.encode({ data: pixelsOf([red, 100]), width: 64, height: 64 }, 90).data;

test('a cover is downloaded once, and no page waits for it', async (t) => {
  const { requested, origin } = await startHost(t, (_req, res) => res.end(redCover));
  const colors = colorsFrom([origin]);
  const cover = images(`${origin}/a.jpg`);
  assert.equal(colors.of(cover), noColor);
  assert.deepEqual(await Promise.all([1, 2].map(() => colors.find(cover))), Array(2).fill('hue-30 chroma-2'));
  assert.equal(colors.of(cover), 'hue-30 chroma-2');
  assert.deepEqual(requested, ['/a.jpg']);
});

test('a page about several covers takes the color of the first one, or none until it is known', async (t) => {
  const { origin } = await startHost(t, (_req, res) => res.end(redCover));
  const colors = colorsFrom([origin]);
  const covers = images(`${origin}/a.jpg`);
  const items = [{ covers }, { covers: images(`${origin}/b.jpg`) }];
  assert.equal(colors.ofFirst(items), '');
  await colors.find(covers);
  assert.equal(colors.ofFirst(items), 'hue-30 chroma-2');
  assert.equal(colors.ofFirst([null, ...items]), '', 'the first has no cover');
  assert.equal(colors.ofFirst([]), '');
  assert.equal(colorsFrom([]).ofFirst(items), '', 'a cover of another host');
});

test('covers are downloaded from the hosts of covers only, and redirects are not followed', async (t) => {
  const foreign = await startHost(t, (_req, res) => res.end(redCover));
  const { origin } = await startHost(t, (_req, res) =>
    res.writeHead(302, { Location: `${foreign.origin}/a.jpg` }).end(),
  );
  assert.equal(await colorsFrom([]).find(images(`${foreign.origin}/a.jpg`)), noColor);
  assert.equal(await colorsFrom([origin]).find(images(`${origin}/a.jpg`)), noColor);
  assert.deepEqual(foreign.requested, []);
});

const wide = { data: new Uint8Array(400 * 400 * 4).fill(128), width: 400, height: 400 };
/** Responses that a host may send instead of a small cover, with their file names. */
const unusable: Record<string, Buffer | null> = {
  'too-many-bytes': Buffer.concat([redCover, Buffer.alloc(300 * 1024)]),
  'too-many-pixels': jpeg.encode(wide, 90).data,
  progressive: Buffer.concat([redCover, Buffer.from([0xff, 0xc2])]),
  'no-jpeg': Buffer.from('no JPEG'),
  never: null,
};

for (const [name, body] of Object.entries(unusable))
  test(`a cover that can’t be used costs nothing but the color, and isn’t tried again at once: ${name}`, async (t) => {
    const { requested, origin } = await startHost(t, (_req, res) => {
      if (body) res.end(body);
    });
    const colors = colorsFrom([origin]);
    const cover = images(`${origin}/a.jpg`);
    const found = Promise.race([colors.find(cover), sleep(10_000, 'waits', { ref: false })]);
    assert.equal(await found, noColor);
    assert.equal(await colors.find(cover), noColor);
    assert.equal(requested.length, 1);
  });

test('now playing takes on the color of the cover, and a page without one does not', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = browser();
  await mara.signIn('mara');
  const color = /<html lang="en" class="(hue-\d+ chroma-[012])">/;
  const first = await mara.get('/now-playing');
  assert.ok(
    color.test(first.text) || first.text.includes(`<html lang="en" class="${noColor}">`),
    'not yet known',
  );
  // A page doesn't wait long for a cover that is new.
  await until(async () => color.test((await mara.get('/now-playing')).text));
  simulator.plays('mara', { kind: 'nothing' });
  assert.match((await mara.get('/now-playing?notice=track-saved')).text, /<html lang="en">/);
});

test('lists and search results take on the color of their first cover', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const lists = ['', '/recent', '/top', '/albums', '/shows', '/episodes', '/artists'].map(
    (one) => `/library${one}`,
  );
  for (const path of ['/playlists', '/search?q=ilse', ...lists])
    await until(async () =>
      /<html lang="en" class="hue-\d+ chroma-[012]">/.test((await mara.get(path).expect(200)).text),
    );
});
