import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import {
  becomesTrue,
  loadWithScripts,
  openBrowser,
  skipWithoutBrowser as skip,
} from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

type Options = Parameters<typeof startTurntable>[1];

/** Someone who may control the player looks at a page. */
async function open(
  t: TestContext,
  path: string,
  options: Options = {},
  window: Parameters<typeof openBrowser>[1] = {},
) {
  const turntable = await startTurntable(t, { ticking: true, ...options });
  const { simulator, browser: person, url } = turntable;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = person();
  await mara.signIn('mara', allowAll);
  const browser = await openBrowser(t, window);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await loadWithScripts(page, url + path);
  return { ...turntable, mara, page, errors };
}

const sheet = (page: Page) => page.getByRole('dialog', { name: /device/i });
const hide = (page: Page, hidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
     document.dispatchEvent(new Event('visibilitychange'));`,
  );
const queueCalls = (simulator: Parameters<typeof apiRequests>[0]) =>
  apiRequests(simulator).filter((one) => one === 'GET /me/player/queue').length;

test('playback moves to another device without leaving now playing', { skip }, async (t) => {
  const { page, mara, simulator, url, errors } = await open(t, '/now-playing');
  await page.getByRole('link', { name: 'Devices' }).click();
  await sheet(page)
    .getByRole('button', { name: /Play here/ })
    .first()
    .click();
  await sheet(page).waitFor({ state: 'hidden' });

  await until(() => Promise.resolve(apiRequests(simulator).includes('PUT /me/player')));
  assert.equal(page.url(), `${url}/now-playing`);
  await page
    .getByText(/Playing on/)
    .first()
    .waitFor();
  const { body } = await mara.getJson('/devices').expect(200);
  assert.equal(body.devices.filter(({ active }: { active: boolean }) => active).length, 1);
  assert.deepEqual(errors, []);
});

test('Play without a device asks for one on the same page', { skip }, async (t) => {
  const { page, mara, simulator, errors } = await open(t, '/library');
  simulator.plays('mara', { kind: 'nothing' });
  await page
    .getByRole('button', { name: /^Play / })
    .nth(1)
    .click();
  await sheet(page).getByRole('heading', { name: 'Choose a device' }).waitFor();
  await sheet(page).getByText('Spotify doesn’t see anything playing').waitFor();

  await sheet(page)
    .getByRole('button', { name: /Play here/ })
    .first()
    .click();
  await sheet(page).waitFor({ state: 'hidden' });
  await until(async () => (await mara.getJson('/now-playing')).body.state === 'playing');
  assert.deepEqual(errors, []);
});

test('a sheet is closed by Escape, and the focus returns to its link', { skip }, async (t) => {
  const { page, mara, simulator } = await open(t, '/now-playing');
  const openSheet = async () => {
    await page.getByRole('link', { name: 'Devices' }).click();
    await sheet(page)
      .getByRole('button', { name: /Play here/ })
      .first()
      .waitFor();
  };
  // Browsers report that a dialog was closed a moment after it has disappeared.
  const closeSheet = async () => {
    await page.keyboard.press('Escape');
    await becomesTrue(page, "document.activeElement.matches('main :any-link')");
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Devices');
  };
  await openSheet();
  await closeSheet();

  // An update replaces the link in the meantime.
  await openSheet();
  await page.evaluate("document.querySelector('main [data-sheet]').isFormerOne = true");
  await seeAnother(page, mara);
  assert.equal(await page.evaluate("document.querySelector('main [data-sheet]').isFormerOne"), undefined);
  await closeSheet();

  // Nothing plays anymore, so that the link is another one.
  await openSheet();
  simulator.plays('mara', { kind: 'nothing' });
  await page.evaluate("fetch('/now-playing/poll', { method: 'POST' })");
  await page.getByText('Nothing is playing').waitFor({ state: 'attached' });
  await closeSheet();
});

test('where there is room, up next is open from the start, and stays closed once it was', {
  skip,
}, async (t) => {
  const { page, simulator } = await open(t, '/now-playing', {}, { viewport: { width: 1280, height: 800 } });
  const rows = page.locator('#live-queue .track-list > li');
  await rows.first().waitFor();
  assert.equal(queueCalls(simulator), 1);

  await page.locator('#live-queue summary').click();
  await rows.first().waitFor({ state: 'hidden' });
  await loadWithScripts(page);
  await page.waitForTimeout(1_500);
  assert.equal(await rows.first().isVisible(), false);
  assert.equal(queueCalls(simulator), 1);
});

test('up next is asked for once it is open, and then shifted without a call', { skip }, async (t) => {
  const { page, simulator, mara, errors } = await open(t, '/now-playing');
  await seeAnother(page, mara);
  await page.waitForTimeout(1_000);
  assert.equal(queueCalls(simulator), 0);

  await page.locator('#live-queue summary').click();
  const rows = page.locator('#live-queue .track-list > li');
  await rows.first().waitFor();
  assert.equal(queueCalls(simulator), 1);
  const [first, second] = await rows.locator('.name').allTextContents();
  await page.getByRole('button', { name: 'Next', exact: true }).click();
  await page
    .getByRole('heading', { level: 1 })
    .filter({ hasText: first ?? '' })
    .waitFor();
  await becomesTrue(
    page,
    `document.querySelector('#live-queue .track-list .name').textContent === ${JSON.stringify(second)}`,
  );
  assert.equal(await rows.first().locator('.number').textContent(), '1');
  assert.equal(queueCalls(simulator), 1);
  assert.deepEqual(errors, []);
});

test('another list that plays is asked for its queue once, and not while the page or the queue is hidden', {
  skip,
}, async (t) => {
  const { page, simulator, mara } = await open(t, '/now-playing');
  await page.locator('#live-queue summary').click();
  await page.locator('#live-queue div').getByText(/./).first().waitFor();
  const before = queueCalls(simulator);
  await playAnother(mara);
  await until(() => Promise.resolve(queueCalls(simulator) === before + 1));
  await page.waitForTimeout(3_000);
  assert.equal(queueCalls(simulator), before + 1);

  await hide(page, true);
  await playAnother(mara);
  await page.waitForTimeout(3_000);
  assert.equal(queueCalls(simulator), before + 1);
  await hide(page, false);
  await until(() => Promise.resolve(queueCalls(simulator) === before + 2));

  await page.locator('#live-queue summary').click();
  await seeAnother(page, mara);
  await page.waitForTimeout(1_000);
  assert.equal(queueCalls(simulator), before + 2);
  await page.locator('#live-queue summary').click();
  await until(() => queueCalls(simulator) === before + 3);
});

/** Plays a playlist that isn't playing, and waits until the page shows it. */
async function seeAnother(page: Page, mara: Browser): Promise<void> {
  const heading = page.getByRole('main').getByRole('heading', { level: 1 });
  const name = (await heading.textContent()) ?? '';
  await playAnother(mara);
  await heading.filter({ hasNotText: name }).waitFor();
}

/** Plays a playlist that isn't playing. */
async function playAnother(mara: Browser): Promise<void> {
  const { body } = await mara.getJson('/playlists').expect(200);
  const { body: playing } = await mara.getJson('/now-playing').expect(200);
  const found = body.playlists.find(
    ({ id, count }: { id: string; count: number }) => count > 10 && !String(playing.context).endsWith(id),
  );
  const command = { context: `spotify:playlist:${found.id}` };
  await mara.post('/player/play').set('Accept', 'application/json').send(command).expect(204);
}

test('once Spotify has asked for Premium, the page offers nothing to play', { skip }, async (t) => {
  const { page, simulator } = await open(t, '/library');
  simulator.setProduct('mara', 'free');
  const play = page.getByRole('button', { name: /^Play / });
  await play.nth(1).click();
  await page.locator('#action-status').getByText('Premium').waitFor();
  await play.nth(1).waitFor({ state: 'hidden' });
  assert.equal(await play.filter({ visible: true }).count(), 0);
});

/** Someone who plays a playlist looks at now playing, with "Up next" open. */
async function withQueue(t: TestContext) {
  const opened = await open(t, '/now-playing');
  const { page, mara } = opened;
  await seeAnother(page, mara);
  await page.locator('#live-queue summary').click();
  const rows = page.locator('#live-queue .track-list > li');
  await rows.first().waitFor();
  return { ...opened, rows };
}

test('loading the page again takes no call for the queue, and another sign-in doesn’t see it', {
  skip,
}, async (t) => {
  const { page, simulator, rows } = await withQueue(t);
  assert.equal(queueCalls(simulator), 1);
  await loadWithScripts(page);
  await rows.first().waitFor();
  await page.waitForTimeout(1_500);
  assert.equal(queueCalls(simulator), 1);

  await page.evaluate(`{
    const stored = JSON.parse(sessionStorage.getItem('up next'));
    sessionStorage.setItem('up next', JSON.stringify({ ...stored, signIn: 'another' }));
  }`);
  await loadWithScripts(page);
  assert.equal(await rows.count(), 0);
});

test('shuffle, and adding to the queue, say that up next may have changed', { skip }, async (t) => {
  const { page, simulator, rows } = await withQueue(t);
  await page.getByRole('button', { name: 'Shuffle' }).click();
  await page.getByText('Up next may have changed.').waitFor();
  await page.getByRole('button', { name: 'Show what’s next' }).click();
  await rows.first().waitFor();
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Up next');
  assert.equal(queueCalls(simulator), 2);

  for (const name of [/^More ?:/, /^Add to queue ?:/])
    await rows.nth(3).getByRole('button', { name }).click();
  await page.getByText('Up next has changed.').waitFor();
  assert.equal(queueCalls(simulator), 2);
});

test('a slow answer about an earlier list doesn’t replace the queue', { skip }, async (t) => {
  const { page, mara } = await open(t, '/now-playing');
  let requests = 0;
  await page.route('**/player/queue*', async (route) => {
    requests += 1;
    const mine = requests;
    if (mine === 1) await sleep(6_000);
    const body = `<main id="main"><div data-queue><ol class="track-list"><li>Answer ${mine}</li></ol></div></main>`;
    await route.fulfill({ contentType: 'text/html', body }).catch(() => undefined);
  });
  await page.locator('#live-queue summary').click();
  await playAnother(mara);
  await page.getByText('Answer 2').waitFor();
  await page.waitForTimeout(6_500);
  assert.ok(await page.getByText('Answer 2').isVisible());
});

test('a device that is gone is reported in the sheet, which shows the devices as they are now', {
  skip,
}, async (t) => {
  const { page, simulator } = await open(t, '/now-playing');
  await page.getByRole('link', { name: 'Devices' }).click();
  await sheet(page)
    .getByRole('button', { name: /Play here/ })
    .first()
    .waitFor();
  const gone = JSON.stringify({ error: { status: 404, message: 'Device not found' } });
  simulator.fault({ on: /\/me\/player$/, answer: { status: 404, body: gone } });
  simulator.forgetCalls();
  await sheet(page)
    .getByRole('button', { name: /Play here/ })
    .first()
    .click();
  await sheet(page).getByRole('alert').getByText('That device isn’t available anymore.').waitFor();
  await until(() => Promise.resolve(apiRequests(simulator).includes('GET /me/player/devices')));
  assert.ok(await sheet(page).isVisible());
});

test('a sheet that was closed while it loads stays closed, and letters don’t act behind one', {
  skip,
}, async (t) => {
  const { page, simulator, url } = await open(t, '/now-playing');
  // Loads the script of sheets.
  await page.getByRole('link', { name: 'Devices' }).click();
  await sheet(page).waitFor();
  await page.keyboard.press('Escape');
  await sheet(page).waitFor({ state: 'hidden' });
  await page.route('**/devices', async (route) => {
    await sleep(1_500);
    await route.fulfill({ contentType: 'text/html', body: '<main id="main"></main>' }).catch(() => undefined);
  });
  await page.getByRole('link', { name: 'Devices' }).click();
  await page.locator('#sheet').getByText('Loading…').waitFor();
  await page.keyboard.press('s');
  await page.keyboard.press('Escape');
  await page.waitForTimeout(4_500);
  assert.equal(page.url(), `${url}/now-playing`);
  assert.ok(!apiRequests(simulator).includes('PUT /me/player/shuffle'));
});
