import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { controlScopes } from '../../src/access/scopes.ts';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { elementsBeyondWindow } from '../support/page-checks.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

/** A page of a browser that is signed in with all permissions. */
async function signedIn(t: TestContext, { url, browser }: Turntable): Promise<Page> {
  const person = browser();
  await person.signIn('mara', `?allow=${encodeURIComponent(controlScopes.join(' '))}`);
  const context = await openBrowser(t);
  await context.addCookies(person.cookies().map((cookie) => ({ ...cookie, url })));
  return context.newPage();
}

test('the header takes one row, on phones as well, and its links remain', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  for (const width of [320, 353, 390, 1280])
    for (const path of ['/library', '/privacy', '/setup']) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(turntable.url + path);
      const header = await page.getByRole('banner').boundingBox();
      assert.ok(header && header.height <= 80, `${path} at ${width} px: ${header?.height} px high`);
      assert.deepEqual(await elementsBeyondWindow(page), [], `${path} at ${width} px`);
      const pages = await page.getByRole('navigation', { name: 'Pages', exact: true }).boundingBox();
      const isBelow = pages && Math.round(pages.y + pages.height) === 800;
      assert.equal(isBelow, width < 768, `the pages at ${width} px`);
      for (const name of ['Now playing', 'Playlists', 'Library'])
        assert.ok(await page.getByRole('banner').getByRole('link', { name, exact: true }).isVisible());
    }
  await page.setViewportSize({ width: 320, height: 800 });
  await page.goto(`${turntable.url}/library`);
  await page.getByRole('link', { name: 'Search' }).click();
  await page.waitForURL('**/search');
  await page.getByRole('button', { name: 'Account: Mara Lindqvist' }).click();
  await page.getByRole('link', { name: 'Account' }).click();
  await page.waitForURL('**/account');
  const targets = await page.getByRole('navigation', { name: 'Pages', exact: true }).getByRole('link').all();
  assert.equal(targets.length, 4);
  for (const target of targets) {
    const box = await target.boundingBox();
    assert.ok(box && box.width >= 44 && box.height >= 44);
  }
  await page.evaluate('scrollTo(0, document.body.scrollHeight)');
  const end = await page.getByRole('contentinfo').boundingBox();
  const first = await targets[0]?.boundingBox();
  assert.ok(end && first && end.y + end.height <= first.y, 'nothing is hidden behind it');
});

test('the buttons of rows end at the edge of their list', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  for (const width of [390, 800, 1280])
    for (const path of ['/library', '/library/top', '/search?q=the&type=track']) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(turntable.url + path);
      const [list, button] = await Promise.all(
        ['.track-list:not(.podium)', '.track-list:not(.podium) li > .row-end'].map((one) =>
          page.locator(one).first().boundingBox(),
        ),
      );
      assert.ok(list && button);
      assert.ok(Math.abs(list.x + list.width - button.x - button.width) < 1, `${path} at ${width} px`);
    }
});

test('on a television, the title of the playing track takes at least 4 % of the height', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.setViewportSize({ width: 3840, height: 2160 });
  await page.goto(`${turntable.url}/now-playing`);
  const size = await page.evaluate(`getComputedStyle(document.querySelector('h1')).fontSize`);
  assert.ok(Number.parseFloat(String(size)) >= 0.04 * 2160, String(size));
  assert.deepEqual(await elementsBeyondWindow(page), []);
});

test('a long name takes no more than two lines of a grid', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${turntable.url}/playlists`);
    const heights = (await page.evaluate(
      `[...document.querySelectorAll('.card .name')].map((one) => one.getBoundingClientRect().height)`,
    )) as number[];
    assert.ok(heights.length > 40);
    assert.ok(Math.max(...heights) <= 44, `${Math.max(...heights)} px at ${width} px`);
  }
});

test('a list is printed without buttons, navigation and covers', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.goto(`${turntable.url}/library`);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  assert.equal(await page.locator('.track-list li').count(), 50);
  assert.ok(await page.locator('.track-list .name').first().isVisible());
  for (const gone of ['header', 'footer', 'button', '.button', '.cover', '.pagination', '.playback-bar'])
    assert.equal(await page.locator(`${gone}:visible`).count(), 0, gone);
  const scheme = await page.evaluate('getComputedStyle(document.documentElement).colorScheme');
  assert.equal(scheme, 'light', 'dark ink on light paper');
});

test('playlists are sorted and filtered in place, and the field keeps the focus', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.goto(`${turntable.url}/playlists`);
  await page.evaluate('document.isSame = true');
  assert.ok(await page.getByRole('button', { name: 'Apply' }).isHidden());
  await page.getByLabel('Sort by').focus();
  await page.getByLabel('Sort by').selectOption('Name');
  await page.waitForURL('**/playlists?q=&sort=name');
  await page.locator('#filter-status', { hasText: /^132 of 137 playlists$/ }).waitFor({ state: 'attached' });
  assert.equal(await page.evaluate('document.activeElement.name'), 'sort');
  await page.getByLabel('Filter by name').fill('sunday');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/playlists?q=sunday&sort=name');
  await page.locator('#playlists').getByRole('link', { name: 'Sunday, slowly' }).first().waitFor();
  assert.ok(await page.evaluate('document.isSame'));
});
