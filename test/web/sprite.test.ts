import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import express from 'express';
import { drawingOf } from '../../src/web/drawings.ts';
import { useViews } from '../../src/web/views.ts';
import { allowAll } from '../support/pages.ts';
import { root } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

test('symbols come from one file, which browsers may keep, and each has a name beside it', async (t) => {
  const { browser } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);

  const urls = new Set<string>();
  for (const path of [
    '/now-playing',
    '/wall',
    '/library',
    '/library/top?of=artists',
    '/devices',
    '/account',
  ]) {
    const { text } = await mara.get(path).expect(200);
    for (const [, url = ''] of text.matchAll(/<use href="([^"]+)"/g)) urls.add(url);
    const buttons = [...text.matchAll(/<(button|a) [^>]*class="(?:icon|round)[^>]*>.*?<\/\1>/g)];
    for (const [button] of buttons)
      assert.match(button, / title="\w[^"]+"[^>]*>.*<span class="visually-hidden">\w/, path);
  }
  const files = new Set([...urls].map((url) => url.replace(/#.*/, '')));
  assert.equal(files.size, 1);
  const [file = ''] = files;
  const sprite = await mara
    .get(file)
    .buffer(true)
    .expect(200)
    .expect('Content-Type', /^image\/svg/);
  assert.match(sprite.headers['cache-control'] ?? '', /immutable/);
  assert.ok(urls.size > 15, `${urls.size} symbols`);
  for (const url of urls)
    assert.ok(String(sprite.body).includes(`<symbol id="${url.replace(/.*#/, '')}"`), url);
});

test('a symbol that the sprite lacks is an error', () => {
  const app = express();
  const files = new Map([
    ['sprite.svg', { content: Buffer.from('<symbol id="play"'), version: '1', modified: '' }],
  ]);
  const viewsDir = join(root, 'views');
  const known = { simulatorUrl: null, spotifyLogo: null, hasSearch: true, hasSetup: false, heartbeatMs: 0 };
  useViews(app, { ...known, viewsDir, files, baseUrl: 'http://127.0.0.1:3000', now: Date.now });

  assert.match(app.locals.icon('play'), /#play"/);
  assert.throws(() => app.locals.icon('plai'), /no symbol plai/);
  assert.throws(() => app.locals.drawing('play'), /no symbol play/);
});

test('every state has its own drawing, in the colors of the theme', async () => {
  const file = readFileSync(join(root, 'public/drawings.svg'), 'utf8');
  const names = [...file.matchAll(/<symbol id="([^"]+)"/g)].map(([, name = '']) => name);
  assert.equal(new Set(names).size, names.length);
  assert.doesNotMatch(file, /style=|#[\da-f]{3}|class=/i);
  const views = readdirSync(join(root, 'views'), { recursive: true, encoding: 'utf8' })
    .filter((one) => one.endsWith('.ejs'))
    .map((one) => readFileSync(join(root, 'views', one), 'utf8'));
  const inViews = views.flatMap((text) => [
    ...text.matchAll(/(?:drawing\(|drawingName: |drawingName \?\? )'([a-z-]+)'/g),
  ]);
  const reasons = ['redis-unavailable', 'spotify-unavailable', 'no-active-device', 'export-running', 'other'];
  const ofErrors = [400, 401, 403, 404, 429, 502, 503].flatMap((status) =>
    reasons.map((reason) => drawingOf({ status, reason })),
  );
  const used = new Set([...inViews.map(([, name = '']) => name), ...ofErrors]);
  for (const name of used) assert.ok(names.includes(name), name);
  assert.deepEqual(
    names.filter((name) => !used.has(name)),
    [],
  );
});
