import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { startTurntable } from '../support/turntable.ts';

/** The page of someone who plays the third track and may control the player. */
async function nowPlaying(t: TestContext, options: Parameters<typeof openBrowser>[1] = {}) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: person, url } = turntable;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = person();
  await mara.signIn('mara', allowAll);
  const browser = await openBrowser(t, options);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(`${url}/now-playing`);
  // The stream has sent its first card, so that the page is ready.
  if (options.javaScriptEnabled !== false)
    await page.waitForFunction('window.EventSource && document.readyState === "complete"');
  await page.waitForTimeout(500);
  simulator.forgetCalls();
  return { ...turntable, mara, page, errors };
}

const button = (page: Page, name: string) =>
  page.getByRole('main').getByRole('button', { name, exact: true });
const commands = (requests: readonly string[]) => requests.filter((one) => !one.startsWith('GET'));

test('a button shows its effect at once, on the same page, and costs one call and two polls', {
  skip,
}, async (t) => {
  const { page, simulator, errors } = await nowPlaying(t);
  simulator.settings.commandDelayMs = 300;
  await page.evaluate('window.isSamePage = true');

  await button(page, 'Pause').click();
  await button(page, 'Play').waitFor({ timeout: 250 });
  assert.ok(await page.getByText('Paused on').isVisible());
  assert.ok(await button(page, 'Play').evaluate((one) => one === one.ownerDocument.activeElement));

  await page.waitForTimeout(5_500);
  assert.deepEqual(apiRequests(simulator), ['PUT /me/player/pause', 'GET /me/player', 'GET /me/player']);
  assert.ok(await button(page, 'Play').isVisible());
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.ok(await page.evaluate('window.isSamePage'));
  assert.deepEqual(errors, []);
});

// fault: command-without-effect
test('a command that changes nothing is taken back with words', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  simulator.fault({ on: /\/pause$/, answer: { status: 204, body: '' } });

  await button(page, 'Pause').click();
  await button(page, 'Play').waitFor({ timeout: 250 });
  await page.getByRole('alert').filter({ hasText: 'nothing has changed' }).waitFor();

  assert.ok(await button(page, 'Pause').isVisible());
  assert.ok(await page.getByText('Playing on').isVisible());
});

test('a refusal is shown beside its control, and what was asked for is taken back', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  const body = JSON.stringify({ error: { status: 403, message: 'No', reason: 'VOLUME_CONTROL_DISALLOW' } });
  simulator.fault({ on: /\/volume$/, answer: { status: 403, body } });
  const volume = page.getByRole('slider', { name: 'Volume' });

  await volume.focus();
  await page.keyboard.press('ArrowLeft');
  const words = page.locator('form.volume + [role=alert]');
  await words.waitFor();

  assert.match((await words.textContent()) ?? '', /volume of this device can’t be changed/);
  assert.equal(await volume.inputValue(), '62');
});

test('sliders send where they come to rest, and shuffle and repeat say what they are', {
  skip,
}, async (t) => {
  const { page, simulator, mara, errors } = await nowPlaying(t);
  const player = async () => (await mara.getJson('/now-playing').expect(200)).body;
  const volume = page.getByRole('slider', { name: 'Volume' });
  await volume.focus();
  for (let press = 0; press < 5; press += 1) await page.keyboard.press('ArrowRight');
  await until(() => commands(apiRequests(simulator)).length > 0);
  await page.waitForTimeout(600);
  assert.deepEqual(commands(apiRequests(simulator)), ['PUT /me/player/volume']);
  assert.equal(await volume.inputValue(), '67');
  assert.ok(await volume.evaluate((one) => one === one.ownerDocument.activeElement), 'the focus stays');

  const position = page.getByRole('slider', { name: 'Position' });
  await position.focus();
  await page.keyboard.press('PageUp');
  await until(() => commands(apiRequests(simulator)).includes('PUT /me/player/seek'));

  await button(page, 'Shuffle').click();
  await page.locator('button[name=on][aria-pressed=true]').waitFor();
  await button(page, 'Repeats the list').click();
  await button(page, 'Repeats this track').waitFor();
  await page.waitForTimeout(3_000);
  const { progressMs, device, shuffle, repeat } = await player();
  assert.ok(progressMs > 30_000);
  assert.deepEqual([device.volumePercent, shuffle, repeat], [67, true, 'track']);
  assert.ok(await button(page, 'Repeats this track').isVisible());
  assert.deepEqual(errors, []);
});

test('the next track appears by itself after a press', { skip }, async (t) => {
  const { page } = await nowPlaying(t);
  const heading = page.getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';

  await button(page, 'Next').click();
  await page.getByText('Skipping…').waitFor({ timeout: 250 });
  await heading.filter({ hasNotText: name }).waitFor();
  assert.equal(await page.getByText('Skipping…').count(), 0);
});

test('without scripts, every control is a form that leads back to the page', { skip }, async (t) => {
  const { page, mara } = await nowPlaying(t, { javaScriptEnabled: false });
  const player = async () => (await mara.getJson('/now-playing').expect(200)).body;

  await page.getByRole('slider', { name: 'Position' }).fill('60000');
  await button(page, 'Go there').click();
  await page.getByRole('slider', { name: 'Volume' }).fill('20');
  await button(page, 'Set volume').click();
  await button(page, 'Shuffle').click();
  await button(page, 'Repeats the list').click();
  await button(page, 'Pause').click();
  await button(page, 'Play').waitFor();

  const { state, progressMs, device, shuffle, repeat } = await player();
  assert.deepEqual([state, device.volumePercent, shuffle, repeat], ['paused', 20, true, 'track']);
  assert.ok(progressMs >= 60_000 && progressMs < 75_000, String(progressMs));
});
