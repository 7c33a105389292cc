import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { loadWithScripts, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { holdResponse, startTurntable } from '../support/turntable.ts';

/** The page of someone who plays the third track and may control the player. */
async function nowPlaying(
  t: TestContext,
  options: Parameters<typeof openBrowser>[1] = {},
  { index = 2, progressMs = 20_000, path = '/now-playing', query = allowAll, isIdle = false } = {},
) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: person, url } = turntable;
  simulator.plays('mara', isIdle ? { kind: 'nothing' } : { kind: 'track', index, progressMs });
  const mara = person();
  await mara.signIn('mara', query);
  const browser = await openBrowser(t, options);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  if (options.javaScriptEnabled === false) await page.goto(url + path);
  else await loadWithScripts(page, url + path);
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
  const pausing = holdResponse(simulator, /\/pause$/);

  await button(page, 'Pause').click();
  await button(page, 'Play').waitFor();
  assert.ok(await page.getByText('Paused on').isVisible());
  assert.ok(await button(page, 'Play').evaluate((one) => one === one.ownerDocument.activeElement));
  await pausing.reached;
  pausing.release();

  await until(() => apiRequests(simulator).length >= 3);
  await page.waitForTimeout(3_000);
  assert.deepEqual(apiRequests(simulator), ['PUT /me/player/pause', 'GET /me/player', 'GET /me/player']);
  assert.ok(await button(page, 'Play').isVisible());
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.ok(await page.evaluate('window.isSamePage'));
  assert.deepEqual(errors, []);
});

// fault: command-without-effect
test('a command that changes nothing is reverted with an explanation', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  simulator.fault({ on: /\/pause$/, answer: { status: 204, body: '' } });

  await button(page, 'Pause').click();
  await button(page, 'Play').waitFor();
  await page.getByRole('alert').filter({ hasText: 'but nothing changed' }).waitFor();

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
  const words = page.locator('.tools + [role=alert]');
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
  // In quick succession, even on a busy machine.
  await Promise.all(Array.from({ length: 5 }, () => page.keyboard.press('ArrowRight')));
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
  await button(page, 'Repeat: all').click();
  await button(page, 'Repeat: one').waitFor();
  assert.equal(await button(page, 'Repeat: one').getAttribute('aria-pressed'), null, 'its name says it');
  await page.waitForTimeout(3_000);
  const { progressMs, device, shuffle, repeat } = await player();
  assert.ok(progressMs > 30_000);
  assert.deepEqual([device.volumePercent, shuffle, repeat], [67, true, 'track']);
  assert.ok(await button(page, 'Repeat: one').isVisible());
  assert.deepEqual(errors, []);
});

test('the next track appears by itself after a press', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  const heading = page.getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';
  const skipping = holdResponse(simulator, /\/next$/);

  await button(page, 'Next').click();
  await page.getByText('Skipping…').waitFor();
  skipping.release();
  await heading.filter({ hasNotText: name }).waitFor();
  assert.equal(await page.getByText('Skipping…').count(), 0);
});

test('without scripts, every control is a form that leads back to the page', { skip }, async (t) => {
  const { page, mara } = await nowPlaying(t, { javaScriptEnabled: false });
  const player = async () => (await mara.getJson('/now-playing').expect(200)).body;

  assert.ok(await page.getByLabel('Position').isHidden());
  await page.getByLabel('Go to').fill('1:00');
  await button(page, 'Seek').click();
  await page.getByRole('slider', { name: 'Volume' }).fill('20');
  await button(page, 'Set volume').click();
  await button(page, 'Shuffle').click();
  await button(page, 'Repeat: all').click();
  await button(page, 'Pause').click();
  await button(page, 'Play').waitFor();

  const { state, progressMs, device, shuffle, repeat } = await player();
  assert.deepEqual([state, device.volumePercent, shuffle, repeat], ['paused', 20, true, 'track']);
  assert.ok(progressMs >= 60_000 && progressMs < 75_000, String(progressMs));
});

/** Sends the events of a slider that is moved, without those of letting it go. */
const drag = (page: Page, id: string) =>
  page.locator(id).evaluate((slider) => slider.dispatchEvent(new Event('input', { bubbles: true })));

test('a slider that is let go where it was holds nothing up', { skip }, async (t) => {
  const { page, simulator, mara } = await nowPlaying(t);
  const heading = page.getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';

  await drag(page, '#live-volume');
  await mara.post('/player/next').set('Accept', 'application/json').send({}).expect(204);
  await page.waitForTimeout(1_500);
  assert.equal(await heading.textContent(), name, 'the card stays while the slider is held');
  await page.evaluate("document.dispatchEvent(new PointerEvent('pointerup'))");

  await heading.filter({ hasNotText: name }).waitFor();
  assert.deepEqual(commands(apiRequests(simulator)), ['POST /me/player/next'], 'and nothing was sent');
});

test('a command that is taken back while a slider is held leaves the slider alone', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  const body = JSON.stringify({ error: { status: 403, message: 'Player command failed: No' } });
  const refusing = holdResponse(simulator, /\/pause$/, { status: 403, body });
  await page.evaluate("document.querySelector('#live-volume').isHeldOne = true");

  await button(page, 'Pause').click();
  await drag(page, '#live-volume');
  refusing.release();
  await page.getByText('Spotify can’t pause right now').waitFor();
  await page.waitForTimeout(300);
  assert.ok(await page.evaluate("document.querySelector('#live-volume').isHeldOne"));
  await page.evaluate("document.dispatchEvent(new PointerEvent('pointerup'))");

  await button(page, 'Pause').waitFor();
  assert.ok(await page.getByText('Spotify can’t pause right now').isVisible());
});

test('a button that is being pressed isn’t replaced, so that the press counts', { skip }, async (t) => {
  const { page, simulator, mara } = await nowPlaying(t);
  const heading = page.getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';

  await button(page, 'Shuffle').hover();
  await page.mouse.down();
  const updated = page.evaluate(
    "new Promise((resolve) => document.getElementById('live').addEventListener('playback', () => resolve(true), { once: true }))",
  );
  await mara.post('/player/next').set('Accept', 'application/json').send({}).expect(204);
  await until(() => apiRequests(simulator).filter((one) => one === 'GET /me/player').length > 0);
  await page.waitForTimeout(1_000);
  assert.equal(await heading.textContent(), name, 'the card stays while the button is held');
  await page.mouse.up();

  assert.ok(await updated);
  await heading.filter({ hasNotText: name }).waitFor();
  await until(() => apiRequests(simulator).includes('PUT /me/player/shuffle'));
});

test('the description of a permission stays open when the card is updated', { skip }, async (t) => {
  const { page, browser: person } = await nowPlaying(t, {}, { query: '' });
  const heading = page.getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';
  const other = person();
  await other.signIn('mara', allowAll);

  await page.getByText('What this allows').click();
  await other.post('/player/next').set('Accept', 'application/json').send({}).expect(204);
  await heading.filter({ hasNotText: name }).waitFor();

  assert.ok(await page.getByText('Control playback').isVisible());
  const focused = await page.evaluate('document.activeElement.textContent');
  assert.equal(focused, 'What this allows');
});

test('a refusal is shown even if another button was pressed in the meantime', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  const body = JSON.stringify({ error: { status: 403, message: 'No', reason: 'ENDLESS_CONTEXT' } });
  const refusing = holdResponse(simulator, /\/shuffle$/, { status: 403, body });

  await button(page, 'Shuffle').click();
  await button(page, 'Next').click();
  refusing.release();

  await page.getByText('endless mixes').waitFor();
  await page.locator('button[name=on][aria-pressed=false]').waitFor();
  await button(page, 'Shuffle').click();
  await page.locator('button[name=on][aria-pressed=true]').waitFor();
  await page.waitForTimeout(1_000);
  const sent = commands(apiRequests(simulator)).filter((one) => one.endsWith('/shuffle'));
  assert.equal(sent.length, 2, 'it can be pressed again');
});

// fault: command-while-cooling-down
test('a command whose effect can’t be seen isn’t taken back', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  simulator.fault({ on: /\/me\/player$/, times: 99, answer: { status: 502, body: '' } });

  await button(page, 'Pause').click();

  await page.getByText('Can’t confirm this right now.').waitFor();
  assert.ok(await button(page, 'Play').isVisible());
  assert.equal(await page.getByText('nothing changed').count(), 0);
  simulator.clearFaults();
  await page.waitForTimeout(500);
  assert.ok(await button(page, 'Play').isVisible());
});

test('moving to the end of a track plays the next one', { skip }, async (t) => {
  const { page } = await nowPlaying(t);
  const heading = page.getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';

  await page.getByRole('slider', { name: 'Position' }).focus();
  await page.keyboard.press('End');

  await heading.filter({ hasNotText: name }).waitFor();
  await page.waitForTimeout(5_000);
  assert.equal(await page.getByRole('alert').count(), 0);
});

test('going back at the start of the first track is no failure', { skip }, async (t) => {
  const { page, simulator, errors } = await nowPlaying(t, {}, { index: 0, progressMs: 2_000 });
  const goingBack = holdResponse(simulator, /\/previous$/);

  await button(page, 'Previous').click();
  await page.getByText('Going back…').waitFor();
  goingBack.release();

  await page.getByText('Playing on').waitFor();
  await page.waitForTimeout(5_000);
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.ok(await page.getByText('Playing on').isVisible());
  assert.deepEqual(errors, []);
});

test('without Premium, the controls disappear and the page says why', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  simulator.setProduct('mara', 'free');

  await button(page, 'Pause').click();

  await page.getByText('Spotify lets only Premium members').waitFor();
  await button(page, 'Pause').waitFor({ state: 'detached' });
  assert.ok(await page.getByText('Playback controls need Spotify Premium').isVisible());
  assert.ok(await page.getByText('Spotify lets only Premium members').isVisible());
});

test('Play and Pause keep the focus, and a slider with the focus stays quiet', { skip }, async (t) => {
  const { page, simulator } = await nowPlaying(t);
  const refused = JSON.stringify({ error: { status: 403, message: 'Player command failed: No' } });
  simulator.fault({ on: /\/pause$/, answer: { status: 403, body: refused } });
  await button(page, 'Pause').click();
  await page.getByRole('alert').waitFor();
  assert.ok(await button(page, 'Pause').evaluate((one) => one === one.ownerDocument.activeElement));

  const position = page.getByRole('slider', { name: 'Position' });
  await position.focus();
  const text = await position.getAttribute('aria-valuetext');
  await page.waitForTimeout(2_200);
  assert.equal(await position.getAttribute('aria-valuetext'), text);
  await page.keyboard.press('PageUp');
  assert.notEqual(await position.getAttribute('aria-valuetext'), text);
});

test('the button of a row keeps the focus when the card around it changes', { skip }, async (t) => {
  const { page, simulator, mara, clock } = await nowPlaying(t, {}, { isIdle: true });
  const play = page
    .locator('#live-recent')
    .getByRole('button', { name: /^Play / })
    .nth(2);
  await play.focus();
  const value = await play.getAttribute('value');

  simulator.rateLimit(3_600);
  clock.advance({ seconds: 2 }); // what the page has loaded is no longer fresh
  await mara.get('/now-playing').expect(200);
  await page.getByText('Spotify limits how often this site may ask.').waitFor();
  assert.equal(await page.evaluate('document.activeElement.value'), value);
  assert.equal(await page.evaluate('document.activeElement.title'), 'Play');
});

test('saving the track stays on the page', { skip }, async (t) => {
  const { page, simulator, errors } = await nowPlaying(t);
  await page.evaluate('window.isSamePage = true');
  const [before, after] = (await button(page, 'Save to library').isVisible())
    ? ['Save to library', 'Remove from library']
    : ['Remove from library', 'Save to library'];

  for (const [shown, next] of [
    [before, after],
    [after, before],
  ] as const) {
    const saving = holdResponse(simulator, /\/me\/library$/);
    await button(page, shown).click();
    await button(page, next).waitFor();
    saving.release();
    await page.getByRole('status').filter({ hasText: 'library.' }).waitFor();
    await page.waitForTimeout(1_000);
  }

  assert.equal(commands(apiRequests(simulator)).length, 2);
  assert.ok(await page.evaluate('window.isSamePage'));
  assert.deepEqual(errors, []);
});

test('lists play and queue in the background, and stay where they are', { skip }, async (t) => {
  const { page, simulator, url, errors } = await nowPlaying(t, {}, { path: '/library' });
  const status = page.getByRole('status').filter({ hasText: /\w/ });
  const more = page.getByRole('button', { name: /^More: / }).nth(9);
  const add = page.getByRole('button', { name: /^Add to queue ?: / });
  const adding = holdResponse(simulator, /\/queue$/);
  await more.scrollIntoViewIfNeeded();
  await more.click();
  const scrolled = await page.evaluate('scrollY');

  await add.dblclick();
  adding.release();
  await status.filter({ hasText: 'Added to the queue' }).waitFor();
  assert.deepEqual(
    commands(apiRequests(simulator)),
    ['POST /me/player/queue'],
    'a double click adds it once',
  );
  assert.ok(await add.isHidden(), 'the menu has closed');
  assert.ok(await more.evaluate((one) => one === one.ownerDocument.activeElement));

  await more.click();
  simulator.fault({ on: /\/queue$/, answer: { status: 502, body: '' } });
  await add.click();
  await status.filter({ hasText: 'may or may not have been added' }).waitFor();
  await page
    .getByRole('button', { name: /^Play / })
    .nth(9)
    .click();
  await status.filter({ hasText: 'Playback started.' }).waitFor();
  assert.deepEqual(commands(apiRequests(simulator)).slice(-1), ['PUT /me/player/play']);
  assert.deepEqual([page.url(), await page.evaluate('scrollY')], [`${url}/library`, scrolled]);
  assert.deepEqual(
    errors.filter((error) => !error.includes('502')),
    [],
  );
});
