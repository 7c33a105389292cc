import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

/* An everyday evening, from signing in on, using only the names that a person sees. */

const album = 'The Lighthouse Tapes';
const laptop = 'Mara’s laptop';

/** Someone whose laptop plays something signs in with full control, and opens an album of their library. */
async function openAlbum(t: TestContext, javaScriptEnabled: boolean) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, url } = turntable;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 }, laptop);
  const browser = await openBrowser(t, { javaScriptEnabled });
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in with full control' }).click();
  await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.getByText(`Playing on ${laptop}`).waitFor();
  await page.getByRole('link', { name: 'Library' }).click();
  await page.getByRole('link', { name: 'Albums' }).click();
  await page.getByRole('link', { name: album }).first().click();
  await page.getByRole('heading', { name: album, level: 1 }).waitFor();
  simulator.forgetCalls();
  /** The commands that Spotify has received. */
  const sent = () => apiRequests(simulator).filter((call) => !call.startsWith('GET'));
  return { ...turntable, page, errors, sent };
}

const main = (page: Page) => page.getByRole('main');
async function addToQueue(page: Page, track: string): Promise<void> {
  const more = main(page).getByRole('button', { name: new RegExp(`^More ?: ${track}$`) });
  const add = main(page).getByRole('button', { name: new RegExp(`^Add to queue ?: ${track}$`) });
  // Once, for a reason that isn't known, the menu wasn't open after the press.
  await until(async () => {
    if (!(await add.isVisible())) await more.click();
    return add.isVisible();
  });
  await add.click();
}

const commands = [
  'PUT /me/player/play',
  'POST /me/player/next',
  'POST /me/player/queue',
  'POST /me/player/queue',
  'POST /me/player/queue',
  'PUT /me/player/volume',
  'PUT /me/library',
  'PUT /me/player',
];

test('a person plays an album, skips, queues three songs, turns it down, likes one and moves it to the kitchen, without leaving the page', {
  skip,
}, async (t) => {
  const { page, simulator, sent, errors } = await openAlbum(t, true);
  const bar = page.getByRole('complementary', { name: 'Playback' });
  await bar.getByRole('button', { name: 'Pause' }).waitFor();
  await page.evaluate('window.isSamePage = true');

  await main(page).getByRole('button', { name: 'Play', exact: true }).click();
  await bar.getByText('Tape 1', { exact: true }).waitFor();
  await bar.getByRole('button', { name: 'Next' }).click();
  await bar.getByText('Tape 2', { exact: true }).waitFor();
  for (const [index, track] of ['Tape 7', 'Tape 8', 'Tape 9'].entries()) {
    await addToQueue(page, track);
    await until(() => sent().length === 3 + index);
  }
  await page.getByText('Added to the queue').waitFor();
  await bar.getByRole('slider', { name: 'Volume' }).fill('20');
  await until(() => sent().length === 6);
  await bar.getByRole('button', { name: 'Save current track' }).click();
  await page.getByText('Saved to your library.').waitFor();
  await bar.getByRole('link', { name: 'Devices' }).click();
  const sheet = page.getByRole('dialog', { name: 'Devices' });
  await sheet.getByText('volume 20%').waitFor();
  await sheet.getByRole('button', { name: /^Play here.*Kitchen speaker/ }).click();
  await sheet.waitFor({ state: 'hidden' });

  assert.deepEqual(sent(), commands);
  assert.ok(await page.evaluate('window.isSamePage'));
  assert.equal(simulator.calls.filter(({ status }) => status >= 400).length, 0);
  assert.deepEqual(errors, []);
});

test('without scripts, each of these leads back to the page that it was on', { skip }, async (t) => {
  const { page, sent } = await openAlbum(t, false);
  const path = () => new URL(page.url()).pathname;
  const albumPath = path();
  await main(page).getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByText('Playback started.').waitFor();
  for (const track of ['Tape 7', 'Tape 8', 'Tape 9']) {
    await addToQueue(page, track);
    await page.getByText('Added to the queue').waitFor();
  }
  assert.equal(path(), albumPath);

  await page.getByRole('link', { name: 'Now playing' }).first().click();
  await page.getByRole('heading', { name: 'Tape 1', level: 1 }).waitFor();
  await main(page).getByRole('button', { name: 'Next', exact: true }).click();
  await page.getByRole('heading', { name: 'Tape 7', level: 1 }).waitFor();
  await main(page).getByRole('slider', { name: 'Volume' }).fill('20');
  await main(page).getByRole('button', { name: 'Set volume' }).click();
  await until(() => sent().length === 6);
  await main(page).getByRole('button', { name: 'Save to library' }).click();
  await page.getByText('Saved to your library.').waitFor();
  assert.equal(path(), '/now-playing');
  await main(page).getByRole('link', { name: 'Devices' }).click();
  await page.getByRole('button', { name: /^Play here.*Kitchen speaker/ }).click();
  await main(page).getByText('Active').waitFor();
  assert.equal(path(), '/devices');
  assert.deepEqual([...sent()].sort(), [...commands].sort());
});

test('a page finds out whether the library contains its album, without leaving or claiming anything before', {
  skip,
}, async (t) => {
  const { page, simulator, url, errors } = await openAlbum(t, true);
  // By search: an album whose list hasn't been opened.
  await page.goto(`${url}/search?q=the&type=album`);
  await main(page).locator('.cards a.card').last().click();
  const state = main(page).getByRole('button', { name: /^(Save to|Remove from) library$/ });
  await state.waitFor();
  assert.equal(await main(page).getByRole('link', { name: 'In your library?' }).count(), 0);
  assert.ok(apiRequests(simulator).filter((one) => one.endsWith('/contains')).length <= 1);
  assert.deepEqual(errors, []);
});

test('a page in the background asks about the library once it is seen', { skip }, async (t) => {
  const { page, simulator, url } = await openAlbum(t, true);
  await page.goto(`${url}/search?q=the&type=album`);
  const path = await main(page).locator('.cards a.card').last().getAttribute('href');
  const hide = (hidden: boolean) =>
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} })`;
  const other = await page.context().newPage();
  await other.addInitScript(hide(true));
  await other.goto(url + path, { waitUntil: 'networkidle' });
  const isAsked = () => apiRequests(simulator).some((one) => one.endsWith('/contains'));
  assert.ok(!isAsked());

  await other.evaluate(`${hide(false)}; document.dispatchEvent(new Event('visibilitychange'))`);
  await main(other)
    .getByRole('button', { name: /^(Save to|Remove from) library$/ })
    .waitFor();
  assert.ok(isAsked());
});
