import { join } from 'node:path';
import { test } from 'node:test';
import { openBrowser } from '../test/support/chromium.ts';
import { startTurntable } from '../test/support/turntable.ts';

/*
 * Takes a picture of every page, as docs/pictures.md shows them: "npm run pictures".
 */
const folder = join(import.meta.dirname, 'pictures');
const pages = {
  'now-playing': '/now-playing',
  playlists: '/playlists',
  search: '/search?q=night&type=artist,track',
  library: '/library',
  top: '/library/top',
  account: '/account',
};
const publicPages = { landing: '/', privacy: '/privacy', setup: '/setup', check: '/setup/check' };
/** Taken in dark and on a phone as well. */
const inEveryStyle = ['landing', 'now-playing', 'playlists', 'playlist', 'top', 'search'];
const phone = { width: 390, height: 780 };
const desk = { width: 1200, height: 700 };

for (const { colorScheme, viewport, suffix } of [
  { colorScheme: 'light', viewport: desk, suffix: 'light' },
  { colorScheme: 'dark', viewport: desk, suffix: 'dark' },
  { colorScheme: 'light', viewport: phone, suffix: 'phone' },
] as const) {
  test(`pictures of the demo, ${suffix}`, async (t) => {
    const { url, simulator } = await startTurntable(t);
    const browser = await openBrowser(t, { viewport, colorScheme });
    const page = await browser.newPage();
    const take = async (name: string, address: string) => {
      if (suffix !== 'light' && !inEveryStyle.includes(name)) return;
      // The colour of a cover isn't known before the page has been shown once.
      for (let visit = 1; visit <= 2; visit += 1) {
        await page.goto(address);
        // Not until the network is idle: now playing stays connected.
        await page.waitForLoadState('load');
        await page.waitForTimeout(700);
      }
      await page.screenshot({ path: join(folder, `${name}-${suffix}.png`) });
    };

    for (const [name, path] of Object.entries(publicPages)) await take(name, url + path);
    await page.goto(url);
    await page.getByRole('link', { name: 'Sign in with full control' }).click();
    await page.getByRole('button', { name: 'Agree' }).click();
    await page.waitForURL('**/now-playing');
    for (const [name, path] of Object.entries(pages)) await take(name, url + path);
    await page.goto(`${url}/playlists`);
    const playlist = await page.locator('a.card', { hasText: 'Sunday, slowly' }).getAttribute('href');
    await take('playlist', `${url}${playlist}`);
    await take('simulator', simulator.origin);
    simulator.rateLimit(3 * 3600);
    await take('cooldown', `${url}/playlists?page=2`);
  });
}
