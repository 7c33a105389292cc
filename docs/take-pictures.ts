import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser } from '../test/support/chromium.ts';
import { startTurntable } from '../test/support/turntable.ts';

/*
 * Takes a picture of every page, as docs/pictures.md shows them, the moving one of the README, and those that browsers show before they install
 * the site: "npm run pictures". The moving one takes ffmpeg.
 */
const folder = join(import.meta.dirname, 'pictures');
const publicFolder = join(import.meta.dirname, '..', 'public');
const pages = {
  'now-playing': '/now-playing',
  playlists: '/playlists',
  search: '/search?q=night&type=artist,track',
  library: '/library',
  top: '/library/top',
  account: '/account',
  preferences: '/preferences',
  wall: '/wall',
};
const publicPages = { landing: '/', privacy: '/privacy', setup: '/setup', check: '/setup/check' };
/** Taken in dark and on a phone as well. */
const inEveryStyle = ['landing', 'now-playing', 'wall', 'playlists', 'playlist', 'top', 'search'];
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
      // The color of a cover isn't known before the page has been shown once.
      for (let visit = 1; visit <= 2; visit += 1) {
        await page.goto(address);
        // Not until the network is idle: now playing stays connected.
        await page.waitForLoadState('load');
        await page.waitForTimeout(700);
      }
      await page.screenshot({ path: join(folder, `${name}-${suffix}.png`) });
    };

    for (const [name, path] of Object.entries(publicPages)) await take(name, url + path);
    await signIn(page, url);
    for (const [name, path] of Object.entries(pages)) await take(name, url + path);
    await page.goto(`${url}/playlists`);
    const playlist = await page.locator('a.card', { hasText: 'Sunday, slowly' }).getAttribute('href');
    await take('playlist', `${url}${playlist}`);
    await take('simulator', simulator.origin);
    simulator.rateLimit(3 * 3600);
    await take('cooldown', `${url}/playlists?page=2`);
  });
}

/** Signs in with full control, which leads to now playing. */
async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in with full control' }).click();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
}

/** Opens now playing, signed in with full control, in the color of its cover. */
async function openStage(t: TestContext, options: BrowserContextOptions): Promise<Page> {
  const { url } = await startTurntable(t);
  const browser = await openBrowser(t, options);
  const page = await browser.newPage();
  await signIn(page, url);
  await page.waitForTimeout(700);
  await page.reload();
  await page.waitForTimeout(700);
  return page;
}

/** One turn of the record, in frames: then it begins again. */
const turn = { ms: 1_800, frames: 36 };

test('the moving picture of the README', async (t) => {
  const page = await openStage(t, { viewport: desk, colorScheme: 'dark' });
  const frames = await mkdtemp(join(tmpdir(), 'turntable-frames-'));
  t.after(() => rm(frames, { recursive: true, force: true }));
  for (let frame = 0; frame < turn.frames; frame += 1) {
    const at = (frame * turn.ms) / turn.frames;
    await page.evaluate(
      `for (const animation of document.getAnimations()) { animation.pause(); animation.currentTime = ${at}; }`,
    );
    await page.screenshot({ path: join(frames, `${String(frame).padStart(2, '0')}.png`) });
  }
  const rate = String((1_000 * turn.frames) / turn.ms);
  const input = ['-framerate', rate, '-i', join(frames, '%02d.png')];
  const output = ['-c:v', 'libwebp_anim', '-loop', '0', '-quality', '72', join(folder, 'stage.webp')];
  await promisify(execFile)('ffmpeg', ['-y', '-loglevel', 'error', ...input, ...output]);
});

for (const [name, viewport] of Object.entries({ wide: { width: 1280, height: 800 }, phone })) {
  test(`a picture for installing the site: ${name}`, async (t) => {
    const page = await openStage(t, { viewport });
    await page.screenshot({ path: join(publicFolder, `screenshot-${name}.jpg`), type: 'jpeg', quality: 80 });
  });
}
