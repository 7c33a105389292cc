import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { loadWithScripts, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { axeViolations, elementsBeyondWindow, smallTargets } from '../support/page-checks.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

/** Someone who may control the player looks at a list. */
async function open(t: TestContext, path: string, javaScriptEnabled = true) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: person, url } = turntable;
  const mara = person();
  await mara.signIn('mara', allowAll);
  const browser = await openBrowser(t, { javaScriptEnabled });
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  const show = async (path: string) =>
    javaScriptEnabled ? loadWithScripts(page, url + path) : void (await page.goto(url + path));
  await show(path);
  const sent = () => apiRequests(simulator).filter((one) => !one.startsWith('GET'));
  return { ...turntable, mara, page, show, sent };
}

const boxes = (page: Page) => page.getByRole('checkbox', { name: /^Select / });
const select = (page: Page) => page.getByText('Select', { exact: true }).click();

test('rows are selected one by one, as a range or all together, and added to the queue', {
  skip,
}, async (t) => {
  const { page, sent } = await open(t, '/library');
  const status = page.getByRole('status');
  assert.equal(await boxes(page).count(), 0, 'the page stays calm');
  await select(page);
  await boxes(page).first().waitFor();
  assert.equal(
    await page.getByRole('button', { name: /^Play \w/ }).count(),
    0,
    'in place of the buttons of rows',
  );
  const add = page.getByRole('button', { name: 'Add to queue', exact: true });
  assert.ok(await add.isHidden());

  await boxes(page).nth(1).check();
  await boxes(page)
    .nth(3)
    .click({ modifiers: ['Shift'] });
  await status.filter({ hasText: '3 selected' }).waitFor();
  await add.click();
  await status.filter({ hasText: 'Added to the queue' }).waitFor();
  assert.deepEqual(
    sent(),
    Array.from({ length: 3 }, () => 'POST /me/player/queue'),
  );

  await page.getByRole('button', { name: 'Add to playlist', exact: true }).click();
  const sheet = page.getByRole('dialog', { name: 'Add 3 items to a playlist' });
  await sheet.waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  assert.equal(await page.getByRole('checkbox', { name: /^Select /, checked: true }).count(), 3);

  await page.getByRole('button', { name: 'Select all on this page' }).click();
  await status.filter({ hasText: '50 selected' }).waitFor();
  assert.ok(await add.isDisabled(), 'more than ten');
  await page.getByRole('button', { name: 'Select none' }).click();
  assert.ok(await add.isHidden());
});

test('a selection is accessible, keeps the keyboard and fits a small screen', { skip }, async (t) => {
  const { page, show } = await open(t, '/library');
  for (const path of ['/library', '/library/top', '/library/recent', '/search?q=night&type=track']) {
    await show(path);
    await page.getByText('Select', { exact: true }).focus();
    await page.keyboard.press('Enter');
    await boxes(page).first().focus();
    await page.keyboard.press('Space');
    await page.getByText('1 selected').waitFor();
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      assert.deepEqual(await elementsBeyondWindow(page), [], `${path}, ${width} px`);
      assert.deepEqual(await smallTargets(page), [], `${path}, ${width} px`);
    }
    assert.deepEqual(await axeViolations(page), [], path);
  }
});

test('a selection up to the end of a playlist plays in the playlist', { skip }, async (t) => {
  const { page, mara, show, sent } = await open(t, '/playlists');
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ name }: { name: string }) => name === 'Sunday, slowly');
  await show(`/playlists/${id}`);
  await select(page);
  const count = await boxes(page).count();
  const playing = async () => (await mara.getJson('/now-playing').expect(200)).body;

  for (const [first, context] of [
    [count - 2, `spotify:playlist:${id}`],
    [count - 3, null],
  ] as const) {
    for (let row = 0; row < count; row += 1)
      await boxes(page)
        .nth(row)
        .setChecked(row === first || row === first + 1);
    const before = sent().length;
    await page.locator('#selection').getByRole('button', { name: 'Play', exact: true }).click();
    await until(() => sent().length > before);
    const uri = (await boxes(page).nth(first).inputValue()).replace(/^\d+ /, '');
    await until(async () => (await playing()).item.uri === uri);
    assert.equal((await playing()).context, context);
  }
});

test('unplayable rows are left out of Play and Add to queue', { skip }, async (t) => {
  const { page, mara, show, sent, simulator, clock } = await open(t, '/playlists');
  const { body } = await mara.getJson('/playlists').expect(200);
  const { id } = body.playlists.find(({ name }: { name: string }) => name === 'Sunday, slowly');
  const { entries } = (await mara.getJson(`/playlists/${id}`).expect(200)).body;
  const uris = entries.map(({ item }: { item: { uri: string } }) => item.uri);
  simulator.settings.unavailable.set(uris[1], { reason: 'market' });
  clock.advance({ minutes: 20 });
  await show(`/playlists/${id}`);
  await select(page);
  const button = (name: string) => page.locator('#selection').getByRole('button', { name, exact: true });
  const status = page.getByRole('status');

  await boxes(page).nth(1).check();
  await status.filter({ hasText: '1 selected, 1 can’t be played' }).waitFor();
  for (const name of ['Play', 'Add to queue']) assert.ok(await button(name).isDisabled(), name);
  await boxes(page).nth(0).check();
  await boxes(page).nth(2).check();
  await button('Add to queue').click();
  await status.filter({ hasText: 'Added to the queue' }).waitFor();
  assert.deepEqual(sent(), ['POST /me/player/queue', 'POST /me/player/queue']);
  await button('Play').click();
  await status.filter({ hasText: 'Playback started.' }).waitFor();
  clock.advance({ seconds: 2 });
  const { queue } = (await mara.getJson('/player/queue').expect(200)).body;
  assert.equal(queue.at(-1).uri, uris[2], 'the last one');

  await button('Add to playlist').click();
  await page.getByRole('dialog', { name: 'Add 3 items to a playlist' }).waitFor();
});

test('without scripts, rows are selected and played as well', { skip }, async (t) => {
  const { page, mara, sent, clock } = await open(t, '/library', false);
  await select(page);
  const uri = await boxes(page).nth(2).inputValue();
  await boxes(page).nth(2).check();
  await boxes(page).nth(4).check();
  await page.locator('#selection').getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByText('Playback started.').waitFor();
  assert.deepEqual(sent(), ['PUT /me/player/play']);
  clock.advance({ seconds: 2 });
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.item.uri, uri);
});
