import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadWithScripts, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { startTurntable } from '../support/turntable.ts';

test('below a path a person signs in, live updates and buttons work, and the page for no connection is stored', {
  skip,
}, async (t) => {
  const { baseUrl, simulator } = await startTurntable(t, { basePath: '/music', ticking: true });
  const { origin } = new URL(baseUrl);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const browser = await openBrowser(t, { serviceWorkers: 'allow' });
  const outside: string[] = [];
  const complaints: string[] = [];
  browser.on('request', (request) => {
    const url = request.url();
    if (url.startsWith(`${origin}/`) && url !== baseUrl && !url.startsWith(`${baseUrl}/`)) outside.push(url);
  });
  const page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));

  await page.goto(baseUrl);
  assert.equal(page.url(), `${baseUrl}/`);
  await page.goto(
    `${baseUrl}/login?returnTo=/music/now-playing&allow=user-modify-playback-state+user-library-modify`,
  );
  await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL(`${baseUrl}/now-playing`);

  await loadWithScripts(page);
  await page.evaluate('window.isSamePage = true');
  const title = page.getByRole('heading', { level: 1 });
  const first = await title.textContent();
  await page.getByRole('button', { name: 'Pause' }).first().click();
  await page.getByRole('button', { name: 'Play' }).first().waitFor();
  // Whether the next track is in the library is asked once it shows. Before that, the heart's label may change by itself.
  const isAsked = page.waitForResponse(/\/now-playing\/saved/);
  await page.keyboard.press('n');
  await until(async () => (await title.textContent()) !== first);
  await isAsked;
  const heart = page.locator('#live .heart');
  const label = await heart.getAttribute('title');
  await page.keyboard.press('l');
  await until(async () => (await heart.getAttribute('title')) !== label);
  assert.equal(await page.evaluate('window.isSamePage'), true, 'the page was not loaded again');

  await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
  const scope = await page.evaluate('navigator.serviceWorker.ready.then(({ scope }) => scope)');
  assert.equal(scope, `${baseUrl}/`);
  await browser.setOffline(true);
  await page.goto(`${baseUrl}/library`);
  assert.equal(await title.textContent(), 'This site can’t be reached');
  const stored = await page.evaluate<string[]>(
    `caches.open('offline/music').then((cache) => cache.keys()).then((keys) => keys.map(({ url }) => new URL(url).pathname))`,
  );
  for (const path of ['/music/offline', '/music/app.css', '/music/bricolage.woff2'])
    assert.ok(stored.includes(path), `${path} in ${stored}`);
  await browser.setOffline(false);
  await until(async () => /^(Saved tracks|Library)/.test(await page.title()));
  assert.deepEqual({ outside, complaints }, { outside: [], complaints: [] });
});
