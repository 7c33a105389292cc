import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  becomesTrue,
  loadWithScripts,
  openBrowser,
  skipWithoutBrowser as skip,
} from '../support/chromium.ts';
import { axeViolations, elementsBeyondWindow } from '../support/page-checks.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

/** A listener’s page, with everything allowed: an album, or the artist of it. */
async function openAlbum(t: TestContext, width = 1280, isArtist = false) {
  const turntable = await startTurntable(t, { ticking: true });
  turntable.simulator.setProduct('mara', 'premium');
  const mara = turntable.browser();
  await mara.signIn('mara', allowAll);
  const { body } = await mara.getJson('/library/albums').expect(200);
  const browser = await openBrowser(t, { viewport: { width, height: 800 } });
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url: turntable.url })));
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const { album } = body.albums[0];
  const { uri } = isArtist ? album.artists[0] : album;
  const path = `/${isArtist ? 'artists' : 'albums'}/${uri.split(':')[2]}`;
  await loadWithScripts(page, turntable.url + path);
  return { ...turntable, page, path, errors };
}

const toast = (page: Page) => page.locator('#action-status .notice');
const shape = `JSON.stringify([scrollY, ...[...document.querySelectorAll('main > *:not(#action-status), footer')].map((one) => one.getBoundingClientRect().y)])`;

test('saving in a header keeps the page as it is, and Undo puts it back', { skip }, async (t) => {
  const { page, simulator, errors, url, path } = await openAlbum(t);
  await page.evaluate('scrollTo(0, 60)');
  const before = await page.evaluate(shape);
  await page.getByRole('button', { name: 'Remove from library' }).click();
  await toast(page).getByText('Removed from your library.').waitFor();
  const button = page.getByRole('main').getByRole('button', { name: 'Save to library' });
  await button.waitFor();
  assert.equal(await page.evaluate(shape), before, 'nothing moves');
  assert.equal(page.url(), url + path);

  await toast(page).getByRole('button', { name: 'Undo' }).click();
  await toast(page).getByText('Undone.').waitFor();
  await page.getByRole('button', { name: 'Remove from library' }).click();
  await button.click();
  await toast(page).getByText('Saved to your library.').waitFor();
  await page.getByRole('button', { name: 'Remove from library' }).waitFor();
  const changes = apiRequests(simulator).filter((one) => /^(PUT|DELETE)/.test(one));
  assert.equal(changes.length, 4);
  assert.deepEqual(errors, []);
});

test('Undo of something else leaves the button in a header as it is', { skip }, async (t) => {
  const { page, errors } = await openAlbum(t);
  const main = page.getByRole('main');
  await main.getByRole('button', { name: 'Remove from library' }).click();
  await main.getByRole('button', { name: 'Save to library' }).waitFor();
  await toast(page).getByText('Removed from your library.').waitFor();
  await page
    .getByRole('button', { name: /^More: / })
    .first()
    .click();
  await page
    .getByRole('link', { name: /^Add to playlist/ })
    .first()
    .click();
  const sheet = page.getByRole('dialog', { name: /to a playlist/ });
  await sheet.getByRole('checkbox').first().check();
  await sheet.getByRole('button', { name: 'Add to chosen playlists' }).click();
  await toast(page)
    .getByText(/^Added to/)
    .waitFor();

  await toast(page).getByRole('button', { name: 'Undo' }).click();
  await toast(page)
    .getByText(/^Undone\./)
    .waitFor();
  assert.equal(await main.getByRole('button', { name: 'Save to library' }).count(), 1);
  assert.deepEqual(errors, []);
});

test('a toast stays while the pointer is on it or it offers Undo, and Escape or its button closes it', {
  skip,
}, async (t) => {
  const { page } = await openAlbum(t);
  await page.getByRole('button', { name: 'Remove from library' }).click();
  await toast(page).getByRole('button', { name: 'Undo' }).waitFor();
  await page.waitForTimeout(7_000);
  await toast(page).getByRole('button', { name: 'Undo' }).focus();
  await page.keyboard.press('Escape');
  await toast(page).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate('document.activeElement.id'), 'main', 'the focus isn’t lost');

  await page.getByRole('main').getByRole('button', { name: 'Save to library' }).click();
  await toast(page).getByText('Saved to your library.').hover();
  await page.waitForTimeout(7_000);
  assert.equal(await toast(page).count(), 1);
  await page.mouse.move(5, 5);
  await toast(page).waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Remove from library' }).click();
  await toast(page).getByRole('button', { name: 'Close' }).click();
  await toast(page).waitFor({ state: 'detached' });
});

test('Follow is taken away once Spotify has refused it for this app', { skip }, async (t) => {
  const { page, simulator, errors } = await openAlbum(t, 1280, true);
  simulator.fault({ on: /\/me\/(library|following)$/, times: 9, answer: { status: 403, body: '' } });
  const button = page.getByRole('main').getByRole('button', { name: /^(Follow|Unfollow)$/ });
  await button.click();
  await toast(page).getByText('Spotify doesn’t let this site’s app follow').waitFor();
  assert.equal(await button.count(), 0);
  assert.equal(await page.evaluate('document.activeElement.id'), 'main', 'the focus isn’t lost');
  assert.deepEqual(errors, []);
});

test('Escape closes a menu before a toast', { skip }, async (t) => {
  const { page } = await openAlbum(t);
  await page.getByRole('button', { name: 'Remove from library' }).click();
  await toast(page).waitFor();
  await page
    .getByRole('button', { name: /^More: / })
    .first()
    .click();
  await becomesTrue(page, "document.querySelector(':popover-open') !== null");
  await page.keyboard.press('Escape');
  await becomesTrue(page, "document.querySelector(':popover-open') === null");
  assert.equal(await toast(page).count(), 1);
});

test('a toast is above the bars, inside the window and accessible, however narrow', { skip }, async (t) => {
  for (const width of [320, 390, 1280]) {
    const { page } = await openAlbum(t, width);
    await page.getByRole('button', { name: 'Remove from library' }).click();
    await toast(page).waitFor();
    const bars = page.locator('#bar, .pages');
    await page.locator('#bar').waitFor();
    // It has slid in.
    await becomesTrue(
      page,
      "getComputedStyle(document.querySelector('#action-status .notice')).opacity === '1'",
    );
    const box = await toast(page).boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= width);
    for (const bar of await bars.all()) {
      const other = await bar.boundingBox();
      const isAtBottom = other && other.y > 400;
      if (isAtBottom) assert.ok(box.y + box.height <= other.y, `${width} px`);
    }
    assert.deepEqual(await elementsBeyondWindow(page), []);
    assert.deepEqual(await axeViolations(page), []);
  }
});
