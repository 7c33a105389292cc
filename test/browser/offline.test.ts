import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { axeViolations } from '../support/page-checks.ts';
import { startTurntable } from '../support/turntable.ts';

test('without a connection every page says so, in the site’s own style, and loads once it is back', {
  skip,
}, async (t) => {
  const { url, browser: person } = await startTurntable(t);
  const mara = person();
  await mara.signIn();
  const browser = await openBrowser(t, { serviceWorkers: 'allow' });
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  await page.goto(`${url}/playlists`);
  await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');

  await browser.setOffline(true);
  await page.goto(`${url}/library`);

  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'This site can’t be reached');
  assert.equal(new URL(page.url()).pathname, '/library', 'so that a reload loads what was wanted');
  assert.deepEqual(await axeViolations(page), []);
  const font = 'document.fonts.ready.then(() => document.fonts.check(\'16px "Bricolage Grotesque"\'))';
  assert.equal(await page.evaluate(font), true, 'in the site’s own typeface');
  // Nothing about anyone is stored.
  const stored = await page.evaluate<string[]>(
    `caches.open('offline').then((cache) => cache.keys()).then((keys) => keys.map(({ url }) => new URL(url).pathname).sort())`,
  );
  assert.ok(stored.includes('/offline') && stored.includes('/app.css'));
  assert.deepEqual(
    stored.filter((path) => !/^\/(offline|[\w.-]+\.(css|js|svg|png|woff2))$/.test(path)),
    [],
  );
  assert.doesNotMatch(await page.content(), /mara/i);

  await browser.setOffline(false);
  await until(
    async () => (await page.title()).startsWith('Saved tracks') || (await page.title()).startsWith('Library'),
  );
});

test('a form that is sent without a connection keeps its page, and says so', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(`${url}/preferences`);
  await page.getByRole('radio', { name: 'Dark' }).check();
  await browser.setOffline(true);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('You’re offline, so nothing was sent.').waitFor();
  assert.ok(await page.getByRole('radio', { name: 'Dark' }).isChecked());

  await browser.setOffline(false);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('[data-theme=dark]').waitFor();
});

test('a form is sent to a server on the same device, even if that is offline', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const browser = await openBrowser(t);
  await browser.addInitScript(
    "Object.defineProperty(Navigator.prototype, 'onLine', { configurable: true, get: () => false })",
  );
  const page = await browser.newPage();
  await page.goto(`${url}/preferences`);
  await page.getByRole('radio', { name: 'Dark' }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('[data-theme=dark]').waitFor();
});
