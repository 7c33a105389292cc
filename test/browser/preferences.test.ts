import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { allowAll } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

test('the chosen theme holds whatever the device prefers, and now playing keeps it through updates', {
  skip,
}, async (t) => {
  const { url, simulator, browser: person } = await startTurntable(t, { ticking: true });
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = person();
  await mara.signIn('mara', allowAll);
  const browser = await openBrowser(t, { colorScheme: 'light' });
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  const lightness = `(() => {
    const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    context.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
    context.fillRect(0, 0, 1, 1);
    return Math.max(...context.getImageData(0, 0, 1, 1).data.slice(0, 3));
  })()`;
  await page.goto(`${url}/preferences`);
  assert.ok((await page.evaluate<number>(lightness)) > 200);

  await page.getByLabel('Dark').check();
  await page.getByLabel('Reduced').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Preferences saved.').waitFor();

  assert.ok((await page.evaluate<number>(lightness)) < 60);
  await page.goto(`${url}/now-playing`);
  const name = await page.locator('h1').textContent();
  await mara.post('/player/next').type('form').expect(303);
  await until(async () => (await page.locator('h1').textContent()) !== name);
  await until(async () => (await page.evaluate<number>(lightness)) < 60);
  const animation = `getComputedStyle(document.querySelector('.record'), '::before').animationName`;
  assert.equal(await page.evaluate(animation), 'none', 'the record stands still');
});
