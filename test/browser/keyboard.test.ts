import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { startTurntable } from '../support/turntable.ts';

type Stop = { html: string; outline: number; seen: boolean };

// Everything that Tab should reach; browsers stop only once in a group of radio buttons.
const reachable = `[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter((one) => one.tabIndex >= 0 && !one.disabled && one.type !== 'hidden' && one.checkVisibility())
  .filter((one) => one.type !== 'radio' || one.checked)
  .map((one) => one.outerHTML)`;

const focused = `(() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, innerHeight - box.y) / 2);
  return {
    html: one.outerHTML,
    outline: outlineStyle === 'none' ? 0 : parseFloat(outlineWidth),
    seen: box.width > 0 && (one.contains(at) || at?.contains(one) === true),
  };
})()`;

// What's up next is loaded after the page, where there is room for it.
const hasQueue = `(() => {
  const queue = document.getElementById('live-queue');
  return queue === null || !matchMedia(queue.dataset.room).matches || queue.querySelector('.track-list') !== null;
})()`;

const pages = [
  '/now-playing',
  '/playlists',
  '/search?q=moon',
  '/account',
  '/library',
  '/library/albums',
  '/devices',
  '/preferences',
  '/privacy',
  '/setup',
];

for (const width of [1280, 390]) {
  test(`Tab reaches everything that can be pressed, with visible focus and no trap (${width} px)`, {
    skip,
  }, async (t) => {
    const { url, browser: person } = await startTurntable(t);
    const browser = await openBrowser(t, { viewport: { width, height: 800 } });
    const page = await browser.newPage();
    const mara = person();
    await mara.signIn();

    await walk(page, url);
    await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
    for (const path of pages) await walk(page, url + path);
  });
}

async function walk(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await until(async () => (await page.evaluate(hasQueue)) === true);
  const wanted = (await page.evaluate(reachable)) as string[];
  const reached: string[] = [];
  for (let press = 0; press <= wanted.length; press += 1) {
    await page.keyboard.press('Tab');
    const stop = (await page.evaluate(focused)) as Stop | null;
    if (stop === null) break;
    const where = `${new URL(address).pathname}: ${stop.html.slice(0, 100)}`;
    assert.ok(stop.outline >= 2, `${where}: no focus to be seen`);
    assert.ok(stop.seen, `${where}: hidden behind something`);
    reached.push(stop.html);
  }
  assert.deepEqual(
    wanted.filter((one) => !reached.includes(one)).map((one) => one.slice(0, 100)),
    [],
    address,
  );
}

test('the first Tab offers to skip to the content, and Enter does so', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const page = await (await openBrowser(t)).newPage();
  await page.goto(url);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');

  assert.equal(await page.evaluate('document.activeElement.id'), 'main');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.textContent.trim()'), 'Try the demo');
});

test('from the landing page to a playlist and back, using only the keyboard', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const page = await (await openBrowser(t)).newPage();
  await page.goto(url);
  const go = async (name: string | RegExp, role: 'link' | 'button' = 'link') => {
    const target = page.getByRole(role, { name }).first();
    await target.waitFor();
    for (let press = 0; press < 200; press += 1) {
      if (
        await target.evaluate((one) => (one as unknown as { matches(of: string): boolean }).matches(':focus'))
      )
        break;
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
  };
  await go('Sign in with Spotify');
  await go('Agree', 'button');
  await page.waitForURL('**/now-playing');
  await go('Playlists');
  await page.waitForURL('**/playlists');
  await go('Sunday, slowly');
  await page.getByRole('heading', { name: 'Sunday, slowly' }).waitFor();
  await go('Account: Mara Lindqvist', 'button');
  await go('Sign out', 'button');
  await page.getByText('You’re signed out.').waitFor();
});

// Forced colors remove backgrounds: buttons need a border, and progress bars an outline.
const unlined = `[...document.querySelectorAll('.button, button, input:not([type=hidden]), .badge, progress')]
  .filter((one) => one.checkVisibility())
  .filter((one) => {
    const { borderTopStyle, borderTopWidth, borderTopColor } = getComputedStyle(one);
    return one.type !== 'checkbox' && one.type !== 'radio' && (borderTopStyle === 'none' || parseFloat(borderTopWidth) < 1 || /^rgba.*, 0\\)$/.test(borderTopColor));
  })
  .map((one) => one.outerHTML.slice(0, 100))`;

test('in forced colors all buttons and progress bars have a border', {
  skip,
}, async (t) => {
  const { url, browser: person } = await startTurntable(t);
  const mara = person();
  await mara.signIn();
  for (const colorScheme of ['light', 'dark'] as const) {
    const browser = await openBrowser(t, { colorScheme, forcedColors: 'active' });
    const page = await browser.newPage();
    await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
    for (const path of [...pages, '/setup/check', '/nowhere']) {
      await page.goto(url + path);
      assert.deepEqual(await page.evaluate(unlined), [], `${path}, ${colorScheme}`);
    }
  }
});

test('with reduced motion nothing moves', { skip }, async (t) => {
  const { url, browser: person } = await startTurntable(t);
  const mara = person();
  await mara.signIn();
  const browser = await openBrowser(t, { reducedMotion: 'reduce' });
  const page = await browser.newPage();
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  for (const path of pages) {
    await page.goto(url + path);
    const moving = await page.evaluate(
      `document.getAnimations().length + [...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s' || getComputedStyle(one).scrollBehavior === 'smooth').length`,
    );
    assert.equal(moving, 0, path);
  }
});
