import { join } from 'node:path';
import { test } from 'node:test';
import { openBrowser } from '../test/support/chromium.ts';
import { startTurntable } from '../test/support/turntable.ts';

const folder = join(import.meta.dirname, 'pictures');
const pages = { 'now-playing': '/now-playing', playlists: '/playlists' };

for (const colorScheme of ['light', 'dark'] as const) {
  test(`pictures of the demo, ${colorScheme}`, async (t) => {
    const { url } = await startTurntable(t);
    const browser = await openBrowser(t, { viewport: { width: 1200, height: 700 }, colorScheme });
    const page = await browser.newPage();
    await page.goto(`${url}/login`);
    await page.getByRole('button', { name: 'Agree' }).click();
    await page.waitForURL('**/now-playing');

    for (const [name, path] of Object.entries(pages)) {
      await page.goto(url + path);
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
    }
  });
}
