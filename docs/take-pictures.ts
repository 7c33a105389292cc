import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser } from '../test/support/chromium.ts';
import { startOwnRedis } from '../test/support/redis.ts';
import { startTurntable } from '../test/support/turntable.ts';

/*
 * Takes a picture of every page, as docs/pictures.md shows them, the moving one of the README, and those that browsers show before they install
 * the site: "npm run pictures", or for one of them "npm exec -- node --test --test-name-pattern README docs/take-pictures.ts". The moving one
 * takes ffmpeg.
 */
const folder = join(import.meta.dirname, 'pictures');
const publicFolder = join(import.meta.dirname, '..', 'public');
/** High enough for what is up next. */
const desk = { width: 1280, height: 800 };
const phone = { width: 390, height: 780 };
const styles = {
  light: { colorScheme: 'light', viewport: desk },
  dark: { colorScheme: 'dark', viewport: desk },
  phone: { colorScheme: 'light', viewport: phone },
  'phone-dark': { colorScheme: 'dark', viewport: phone },
} as const;
type Style = keyof typeof styles;

/** The others are taken in light only. */
const stylesOf: Record<string, readonly Style[]> = {
  landing: ['light', 'dark', 'phone'],
  'now-playing': ['light', 'dark', 'phone', 'phone-dark'],
  playlists: ['light', 'dark', 'phone'],
  playlist: ['light', 'dark', 'phone'],
  top: ['light', 'dark', 'phone'],
  search: ['light', 'dark', 'phone'],
  // It is dark in every theme.
  wall: ['dark', 'phone'],
  'wall-idle': ['dark'],
};

/** Gradients take too much room as PNG. */
const isLargeAsPng = (name: string) => /^(wall|search)/.test(name);

/** A moment in the middle of a track. */
const playing = { kind: 'track', index: 2, progressMs: 92_000 } as const;

for (const style of Object.keys(styles) as Style[]) {
  test(`pictures of the demo, ${style}`, async (t) => {
    const { page, url, simulator, clock } = await openDemo(t, styles[style]);
    const take = async (name: string, path: string, prepare = async () => {}) => {
      if (!(stylesOf[name] ?? ['light']).includes(style)) return;
      await openInColor(page, new URL(path, url).href);
      await prepare();
      await page.screenshot(
        isLargeAsPng(name)
          ? { path: join(folder, `${name}-${style}.jpg`), type: 'jpeg', quality: 85 }
          : { path: join(folder, `${name}-${style}.png`) },
      );
    };
    const linkOn = async (path: string, text = '') => {
      await page.goto(url + path);
      return String(await page.locator('a.card', { hasText: text }).first().getAttribute('href'));
    };
    const play = (what: Parameters<typeof simulator.plays>[1]) => {
      simulator.plays('mara', what);
      // By then, every page asks Spotify again.
      clock.advance({ minutes: 1 });
    };
    // Without its buttons, which disappear while the pointer rests.
    const rest = () => page.locator('.is-resting').waitFor();

    await take('landing', '/');
    await take('privacy', '/privacy');
    await take('setup', '/setup');
    await take('check', '/setup/check');
    await signIn(page, url);
    await take('now-playing', '/now-playing');
    await take('devices', '/now-playing', async () => {
      await page.getByRole('link', { name: 'Devices' }).click();
      await page.getByRole('dialog').getByRole('listitem').first().waitFor();
    });
    await take('wall', '/wall', rest);
    await take('playlists', '/playlists');
    await take('playlist', await linkOn('/playlists', 'Sunday, slowly'));
    await take('search', '/search?q=night');
    await take('library', '/library');
    await take('top', '/library/top');
    await take('album', await linkOn('/library/albums'));
    await take('artist', `${await linkOn('/library/artists')}?page=1`);
    await take('account', '/account');
    await take('preferences', '/preferences');
    await take('simulator', simulator.origin);
    play({ ...playing, paused: true });
    await take('paused', '/now-playing');
    play({ kind: 'nothing' });
    await take('nothing', '/now-playing');
    await take('wall-idle', '/wall', rest);
    play(playing);
    await take('not-found', '/nowhere');
    await take('offline', '/offline');
    simulator.rateLimit(3 * 3600);
    await take('cooldown', '/playlists?page=2');
  });
}

/** Opens a window of a Turntable where someone is in the middle of a track. */
async function openDemo(t: TestContext, options: BrowserContextOptions) {
  // It saves to disk, as the demo's does. Otherwise the setup check would report a problem.
  const { url: redisUrl } = await startOwnRedis(t);
  const turntable = await startTurntable(t, { redisUrl });
  turntable.simulator.plays('mara', playing);
  const browser = await openBrowser(t, { locale: 'en-US', ...options });
  return { ...turntable, page: await browser.newPage() };
}

/** Opens a page until it has the color of its cover, which isn't known before the page has been shown once. */
async function openInColor(page: Page, address: string): Promise<void> {
  for (let visit = 1; visit <= 6; visit += 1) {
    await page.goto(address);
    // Not until the network is idle: now playing stays connected.
    await page.waitForLoadState('load');
    await page.waitForTimeout(700);
    if (visit > 1 && (await page.locator('html.no-color').count()) === 0) return;
  }
}

/** Signs in with full control, which leads to now playing. */
async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in with full control' }).click();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
}

/** Opens now playing, signed in with full control, in the color of its cover. Then the time of the page stands still. */
async function openStage(t: TestContext, options: BrowserContextOptions): Promise<Page> {
  const { page, url } = await openDemo(t, options);
  await page.clock.install();
  await signIn(page, url);
  await openInColor(page, `${url}/now-playing`);
  // Until what is up next is there.
  await page.waitForTimeout(2_000);
  // Far enough ahead for a busy machine.
  await page.clock.pauseAt(Number(await page.evaluate('Date.now()')) + 5_000);
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

for (const [name, viewport] of Object.entries({ wide: desk, phone })) {
  test(`a picture for installing the site: ${name}`, async (t) => {
    const page = await openStage(t, { viewport });
    await page.screenshot({ path: join(publicFolder, `screenshot-${name}.jpg`), type: 'jpeg', quality: 80 });
  });
}
