import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadWithScripts, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { axeViolations, smallTargets } from '../support/page-checks.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

async function open(t: TestContext, path: string) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: person, url } = turntable;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 60_000 });
  const mara = person();
  await mara.signIn('mara', allowAll);
  const browser = await openBrowser(t);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  await loadWithScripts(page, url + path);
  simulator.forgetCalls();
  const sent = () => apiRequests(simulator).filter((one) => !one.startsWith('GET'));
  /** Presses a key, waits for this many commands and whether others follow, and returns them. */
  const press = async (key: string, count = 0) => {
    simulator.forgetCalls();
    await page.keyboard.press(key);
    await until(() => sent().length >= count);
    await page.waitForTimeout(count > 0 ? 300 : 900);
    return sent();
  };
  return { ...turntable, page, press, sent };
}

test('letters work on every page', { skip }, async (t) => {
  const { page, press, url } = await open(t, '/playlists');
  const status = page.getByRole('status').filter({ hasText: /\w/ });

  assert.ok(
    await page.locator('#action-status').evaluate((one) => one.checkVisibility()),
    'before it says anything',
  );
  assert.deepEqual(await press('n', 1), ['POST /me/player/next']);
  await status.filter({ hasText: 'Skipped.' }).waitFor();
  assert.deepEqual(await press('p', 1), ['POST /me/player/previous']);
  assert.deepEqual(await press('s', 1), ['PUT /me/player/shuffle']);
  assert.deepEqual(await press('r', 1), ['PUT /me/player/repeat']);
  await status.filter({ hasText: 'Repeat: one.' }).waitFor();
  assert.match((await press('l', 1)).join(), /^(PUT|DELETE) \/me\/library$/);
  await press('/');
  assert.ok(
    await page
      .getByRole('banner')
      .getByRole('searchbox')
      .evaluate((one) => one === one.ownerDocument.activeElement),
  );
  assert.deepEqual(await press('n'), [], 'a letter in a field is text');
  assert.equal(await page.getByRole('banner').getByRole('searchbox').inputValue(), 'n');
  await page.locator('h1').click();
  await page.keyboard.press('q');
  await page.waitForURL(`${url}/player/queue`);
});

test('letters press the buttons of now playing', { skip }, async (t) => {
  const { page, press, sent } = await open(t, '/now-playing');

  assert.deepEqual(await press('s', 1), ['PUT /me/player/shuffle']);
  await page.locator('button[name=on][aria-pressed=true]').waitFor();
  assert.deepEqual(await press('n', 1), ['POST /me/player/next']);
  for (const key of ['Control+n', 'Alt+s', 'Shift+n', 'Meta+r']) await page.keyboard.press(key);
  await page.waitForTimeout(500);
  assert.deepEqual(sent(), ['POST /me/player/next'], 'nothing with a modifier');
});

test('Space and arrows work only while the focus is in the player itself', { skip }, async (t) => {
  const { page, press } = await open(t, '/now-playing');

  for (const key of [' ', 'ArrowLeft', 'ArrowUp']) assert.deepEqual(await press(key), [], `${key} elsewhere`);
  await page.getByRole('link', { name: 'Devices' }).focus();
  for (const key of [' ', 'ArrowLeft', 'ArrowUp']) assert.deepEqual(await press(key), [], `${key} on a link`);
  await page.getByRole('button', { name: 'Next', exact: true }).focus();
  assert.deepEqual(await press(' ', 1), ['POST /me/player/next'], 'a button does what it says');
  await page.waitForTimeout(2_000);

  const player = page.getByRole('group', { name: 'Player' });
  await player.focus();
  assert.deepEqual(await press('ArrowRight', 1), ['PUT /me/player/seek']);
  assert.deepEqual(await press('ArrowDown', 1), ['PUT /me/player/volume']);
  assert.deepEqual(await press('Shift+ArrowDown'), []);
  assert.deepEqual(await press(' ', 1), ['PUT /me/player/pause']);
  await page.getByText('Paused on').waitFor();
  await page.waitForTimeout(2_500);
  assert.ok(
    await player.evaluate((one) => one === one.ownerDocument.activeElement),
    'updates keep the focus',
  );
  assert.deepEqual(await press(' ', 1), ['PUT /me/player/play']);
});

test('volume and position set in quick succession are both sent', { skip }, async (t) => {
  const { page, sent } = await open(t, '/now-playing');

  await page.getByRole('group', { name: 'Player' }).focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  await until(() => sent().length === 2);

  assert.deepEqual(sent().sort(), ['PUT /me/player/seek', 'PUT /me/player/volume']);
  assert.equal(await page.locator('[data-held]').count(), 0);
});

test('letters that are switched off stay off on the page, even if the server is away', {
  skip,
}, async (t) => {
  const { page, press } = await open(t, '/now-playing');
  await page.route('**/preferences', (route) => route.abort());

  assert.deepEqual(await press('s', 1), ['PUT /me/player/shuffle']);
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  assert.deepEqual(await press('n'), []);
});

test('the help lists them, is accessible, and switches the letters off for good', { skip }, async (t) => {
  const { page, press } = await open(t, '/now-playing');

  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await dialog.waitFor();
  assert.deepEqual(await axeViolations(page), []);
  assert.deepEqual(await smallTargets(page), []);
  assert.deepEqual(await press('n'), [], 'not behind the dialog');
  await dialog.getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await press('n'), []);

  await loadWithScripts(page);
  assert.deepEqual(await press('n'), []);
  await page.getByRole('group', { name: 'Player' }).focus();
  assert.deepEqual(await press(' ', 1), ['PUT /me/player/pause'], 'the player’s own keys stay');
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
  await dialog.getByRole('checkbox').check();
  await dialog.getByRole('button', { name: 'Close' }).click();
  assert.deepEqual(await press('n', 1), ['POST /me/player/next']);
});
