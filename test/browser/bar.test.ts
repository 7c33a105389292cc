import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { becomesTrue, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { holdResponse, startTurntable } from '../support/turntable.ts';

/** Someone who plays the third track and may control the player looks at another page. */
async function startWithBar(t: TestContext, path = '/library/top') {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: person, url } = turntable;
  simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = person();
  await mara.signIn('mara', allowAll);
  const { body } = await mara.getJson('/now-playing').expect(200);
  const browser = await openBrowser(t);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const streams: URL[] = [];
  browser.on('request', (request) => {
    if (request.url().includes('/now-playing/events')) streams.push(new URL(request.url()));
  });
  const errors: string[] = [];
  const open = async (path: string) => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(url + path);
    return page;
  };
  const page = await open(path);
  return { ...turntable, mara, page, open, streams, errors, name: body.item.name as string };
}

const bar = (page: Page) => page.getByRole('complementary', { name: 'Playback' });
const pollsOf = ({ calls }: { calls: readonly { path: string }[] }) =>
  calls.filter(({ path }) => path === '/v1/me/player').length;
const hide = (page: Page, hidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
     document.dispatchEvent(new Event('visibilitychange'));`,
  );

test('every page has a bar that shows what is playing, without another call', { skip }, async (t) => {
  const { page, simulator, name, streams, errors, url } = await startWithBar(t);
  await bar(page).getByText(name).waitFor();
  simulator.forgetCalls();

  for (const path of ['/playlists', '/account', '/search?q=a', '/devices']) {
    await page.goto(url + path);
    await bar(page).getByText(name).waitFor();
  }

  assert.equal(pollsOf(simulator), 0);
  assert.deepEqual([...new Set(streams.map(({ searchParams }) => searchParams.get('for')))], ['bar']);
  assert.deepEqual(errors, []);
});

test('the row of what is playing is marked in lists, and stands still while it is paused', {
  skip,
}, async (t) => {
  const { page, simulator, mara, errors } = await startWithBar(t, '/library/recent');
  const [first, other] = await page
    .locator('.track-list li[data-uri]')
    .evaluateAll((rows) => [...new Set(rows.map((one) => one.getAttribute('data-uri') ?? ''))]);
  assert.ok(first && other);
  await bar(page).waitFor();
  const row = (uri: string) => page.locator(`.track-list li[data-uri="${uri}"]`).first();
  const marked = page.locator('.track-list li[aria-current=true]');
  const animation = () =>
    page.evaluate<string>(
      `getComputedStyle(document.querySelector('li[aria-current] .name'), '::after').animationName`,
    );

  await mara.post('/player/play').type('form').send({ uri: first }).expect(303);
  await row(first).and(marked).waitFor();
  assert.equal(await animation(), 'equalize');
  await mara.post('/player/pause').type('form').expect(303);
  await until(async () => (await animation()) === 'none');
  await mara.post('/player/play').type('form').send({ uri: other }).expect(303);
  await row(other).and(marked).waitFor();

  assert.equal(await row(first).and(marked).count(), 0);
  // Rows that replace others, as the results of a search do.
  await page.evaluate(`(() => {
    for (const list of document.querySelectorAll('.track-list')) list.outerHTML = list.outerHTML.replaceAll(/ (aria-current|data-playing)="true"/g, '');
    document.dispatchEvent(new CustomEvent('replaced'));
  })()`);
  await row(other).and(marked).waitFor();
  simulator.plays('mara', { kind: 'nothing' });
  await until(async () => (await marked.count()) === 0);
  assert.deepEqual(errors, []);
});

test('a press of Pause in the bar shows at once, and Play resumes', { skip }, async (t) => {
  const { page, simulator, errors } = await startWithBar(t);
  const pausing = holdResponse(simulator, /\/pause$/);
  await bar(page).getByRole('button', { name: 'Pause' }).click();
  await bar(page).getByRole('button', { name: 'Play' }).waitFor();
  assert.equal(await page.evaluate('document.activeElement.title'), 'Play');
  await pausing.reached;
  pausing.release();
  // It is confirmed, and stays.
  await page.waitForTimeout(4_500);
  assert.ok(await bar(page).getByText('Paused').isVisible());
  const resuming = holdResponse(simulator, /\/play$/);
  await bar(page).getByRole('button', { name: 'Play' }).click();
  await bar(page).getByRole('button', { name: 'Pause' }).waitFor();
  resuming.release();
  assert.deepEqual(errors, []);
});

test('the bar asks once whether a track that it moves to is saved', { skip }, async (t) => {
  const { page, simulator, errors } = await startWithBar(t);
  const asked = () => simulator.calls.filter(({ path }) => path.endsWith('/contains')).length;
  const before = asked();
  await bar(page).getByRole('button', { name: 'Next' }).click();
  await until(() => asked() === before + 1);
  assert.deepEqual(errors, []);
});

test('a command of the bar that changes nothing is taken back', { skip }, async (t) => {
  const { page, simulator } = await startWithBar(t);
  simulator.settings.commandDelayMs = 60_000;
  await bar(page).getByRole('button', { name: 'Pause' }).click();
  await bar(page).getByRole('button', { name: 'Play' }).waitFor();
  await bar(page).getByRole('button', { name: 'Pause' }).waitFor();
});

test('a refused command of the bar is taken back and explained', { skip }, async (t) => {
  const { page, simulator } = await startWithBar(t);
  const refused = JSON.stringify({ error: { status: 403, message: 'Player command failed: No' } });
  simulator.fault({ on: /\/pause$/, answer: { status: 403, body: refused } });
  await bar(page).getByRole('button', { name: 'Pause' }).click();
  await page.locator('#action-status').getByText(/pause/).waitFor();
  await bar(page).getByRole('button', { name: 'Pause' }).waitFor();
});

test('while now playing is open in another window, both share its stream, for all changes', {
  skip,
}, async (t) => {
  const { page, open, streams, name } = await startWithBar(t);
  await bar(page).getByText(name).waitFor();
  assert.equal(streams.length, 1);

  const card = await open('/now-playing');
  await until(() => Promise.resolve(streams.length === 2));
  assert.deepEqual(
    streams.map(({ searchParams }) => searchParams.get('for')),
    ['bar', null],
  );

  // Only the bar is left.
  await hide(card, true);
  await until(() => Promise.resolve(streams.length === 3));
  assert.equal(streams[2]?.searchParams.get('for'), 'bar');
});

test('when only a bar is left, it opens one stream, for ends of tracks', { skip }, async (t) => {
  const { page, open, streams } = await startWithBar(t, '/now-playing');
  const kinds = () => streams.map(({ searchParams }) => searchParams.get('for'));
  await until(() => streams.length === 1);
  const other = await open('/library/top');
  await becomesTrue(
    other,
    "navigator.locks.query().then(({ pending }) => pending.some(({ name }) => name.startsWith('turntable')))",
  );
  assert.deepEqual(kinds(), [null]);

  await hide(page, true);
  await until(() => streams.length > 1);
  await other.waitForTimeout(6_000);
  assert.deepEqual(kinds(), [null, 'bar']);

  // The page with the card is left for another one.
  await hide(other, true);
  await hide(page, false);
  await until(() => streams.length > 2);
  await page.getByRole('link', { name: 'Library' }).click();
  await until(() => streams.length > 3);
  await page.waitForTimeout(6_000);
  assert.deepEqual(kinds(), [null, 'bar', null, 'bar']);
});

test('a page with the card that isn’t quite gone costs the next page no second stream', {
  skip,
}, async (t) => {
  const { page, streams, url } = await startWithBar(t);
  await until(() => streams.length === 1);
  // The first question about locks still finds that of the page before.
  await page.addInitScript(`
    const query = navigator.locks.query.bind(navigator.locks);
    let isAsked = false;
    navigator.locks.query = async () => {
      const { held, pending } = await query();
      const { signIn } = document.querySelector('[data-sign-in]').dataset;
      const left = isAsked ? [] : [{ name: 'turntable now playing ' + signIn + ': card' }];
      isAsked = true;
      return { held: [...held, ...left], pending };
    };`);
  await page.goto(`${url}/library`);
  await until(() => streams.length > 1);

  assert.deepEqual(
    streams.map(({ searchParams }) => searchParams.get('for')),
    ['bar', 'bar'],
  );
});

test('a hidden page closes the stream of its bar', { skip }, async (t) => {
  const { page, name, keys } = await startWithBar(t);
  await bar(page).getByText(name).waitFor();
  await hide(page, true);
  await until(async () => !(await keys()).some((key) => key.startsWith('streams:')));
});

test('the bar is hidden while nothing is playing', { skip }, async (t) => {
  const { page, simulator, name, mara } = await startWithBar(t);
  await bar(page).getByText(name).waitFor();
  simulator.plays('mara', { kind: 'nothing' });
  await bar(page).getByRole('button', { name: 'Pause' }).focus();
  await page.waitForTimeout(1_100);
  await mara.get('/now-playing').expect(200);
  await bar(page).waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate('document.activeElement.id'), 'main', 'the focus isn’t lost');
});

test('a window with the card that crashes leaves a stream for the bar alone', { skip }, async (t) => {
  const { open, streams } = await startWithBar(t);
  await until(() => Promise.resolve(streams.length === 1));
  const card = await open('/now-playing');
  await until(() => Promise.resolve(streams.length === 2));

  await card.goto('chrome://crash').catch(() => undefined);

  await until(() => Promise.resolve(streams.length === 3));
  assert.equal(streams[2]?.searchParams.get('for'), 'bar');
});

test('presses of the bar in quick succession end with the last one', { skip }, async (t) => {
  const { page, simulator, mara, errors } = await startWithBar(t);
  for (const name of ['Pause', 'Play', 'Pause'])
    await bar(page).getByRole('button', { name, exact: true }).click();
  await page.waitForTimeout(3_500);
  assert.ok(await bar(page).getByRole('button', { name: 'Play' }).isVisible());
  await page.waitForTimeout(3_000);
  assert.ok(await bar(page).getByRole('button', { name: 'Play' }).isVisible());
  const sent = apiRequests(simulator).filter((one) => /player\/(play|pause)$/.test(one));
  assert.deepEqual(
    sent.map((one) => one.split('/').at(-1)),
    ['pause', 'play', 'pause'],
  );
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.state, 'paused');
  assert.deepEqual(errors, []);
});

test('signing out in another tab hides the bar, even with a command under way', { skip }, async (t) => {
  const { page, mara, errors } = await startWithBar(t);
  await bar(page).getByRole('button', { name: 'Pause' }).click();
  await mara.post('/logout').expect(303);
  await bar(page).waitFor({ state: 'hidden' });
  await page.waitForTimeout(4_500);
  assert.deepEqual(
    errors.filter((text) => text.includes('Error:') || text.includes('null')),
    [],
  );
});

test('the bar hides nothing that has the focus, and isn’t printed', { skip }, async (t) => {
  const { page, name } = await startWithBar(t);
  await page.setViewportSize({ width: 390, height: 844 });
  await bar(page).getByText(name).waitFor();
  const covered = `(() => {
    const focused = document.activeElement;
    const bar = document.getElementById('bar');
    // The tabs of a phone are below the bar.
    return bar.contains(focused) || focused.closest('.tabs') ? '' : focused.getBoundingClientRect().bottom > bar.getBoundingClientRect().top && focused.textContent;
  })()`;
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    assert.ok(!(await page.evaluate(covered)), `press ${presses}`);
  }
  await page.emulateMedia({ media: 'print' });
  assert.equal(await bar(page).isVisible(), false);
});

test('without Premium the bar offers no button', { skip }, async (t) => {
  const { page, simulator } = await startWithBar(t);
  simulator.setProduct('mara', 'free');
  await bar(page).getByRole('button', { name: 'Pause' }).click();
  await page.locator('#action-status').getByText('Premium').waitFor();
  for (const name of ['Pause', 'Next'])
    await bar(page).getByRole('button', { name }).waitFor({ state: 'hidden' });
});

test('an earlier press of the bar doesn’t take back a later one', { skip }, async (t) => {
  const { page, simulator } = await startWithBar(t);
  simulator.settings.commandDelayMs = 60_000;
  const press = (name: string) => bar(page).getByRole('button', { name, exact: true }).click();
  await press('Pause');
  await page.waitForTimeout(1_500);
  await press('Play');
  await page.waitForTimeout(1_500);
  await press('Pause');
  // The first press was sent more than four seconds ago, the last one wasn't.
  await page.waitForTimeout(2_500);
  assert.ok(await bar(page).getByRole('button', { name: 'Play' }).isVisible());
});

test('the volume in the bar is sent where it comes to rest, even while an earlier one is sent', {
  skip,
}, async (t) => {
  const { page, simulator, mara, errors } = await startWithBar(t);
  const volume = bar(page).getByRole('slider', { name: 'Volume' });
  const sent = () => apiRequests(simulator).filter((one) => one.endsWith('/volume'));
  await volume.focus();
  const before = Number(await volume.inputValue());
  const press = (times: number) =>
    Promise.all(Array.from({ length: times }, () => page.keyboard.press('ArrowRight')));

  const setting = holdResponse(simulator, /\/volume$/);
  await press(5);
  await setting.reached;
  await press(4);
  await page.waitForTimeout(600);
  setting.release();
  await until(() => sent().length === 2);
  await page.waitForTimeout(5_500);

  assert.equal(sent().length, 2);
  assert.equal(Number(await volume.inputValue()), before + 9);
  assert.equal((await mara.getJson('/now-playing').expect(200)).body.device.volumePercent, before + 9);
  assert.deepEqual(errors, []);
});

test('a slider of the bar that is being moved isn’t moved back by an update', { skip }, async (t) => {
  const { page, mara, name } = await startWithBar(t);
  const volume = bar(page).getByRole('slider', { name: 'Volume' });
  const before = await volume.inputValue();
  await page.evaluate(`(() => {
    const slider = document.querySelector('#bar-volume input');
    slider.value = '11';
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  })()`);

  await mara.post('/player/next').set('Accept', 'application/json').send({}).expect(204);
  await bar(page).getByText(name).waitFor({ state: 'hidden' });
  assert.equal(await volume.inputValue(), '11');

  // It is let go without a change.
  await page.evaluate("document.dispatchEvent(new PointerEvent('pointerup'))");
  await until(async () => (await volume.inputValue()) === before);
});

test('on a phone, volume, heart and devices are behind a button of the bar, and act without leaving the page', {
  skip,
}, async (t) => {
  const { page, simulator, mara, errors, name } = await startWithBar(t);
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 844 });
    await bar(page).getByText(name).waitFor();
    const more = bar(page).getByRole('button', { name: 'More controls' });
    const volume = bar(page).getByRole('slider', { name: 'Volume' });
    assert.equal(await volume.isVisible(), false);
    await more.press('Enter');
    await volume.waitFor();
    const box = await bar(page).getByRole('group', { name: 'More controls' }).boundingBox();
    assert.ok(box && box.x >= 0 && box.x + box.width <= width);
    await volume.press('ArrowLeft');
    await until(() => apiRequests(simulator).some((one) => one.endsWith('/volume')));
    await page.keyboard.press('Escape');
    await volume.waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate('document.activeElement.title'), 'More');

    await more.click();
    await bar(page).getByRole('link', { name: 'Devices' }).click();
    await page.getByRole('dialog').getByRole('heading', { name: 'Devices' }).waitFor();
    await page.keyboard.press('Escape');
    await until(async () => (await page.evaluate('document.activeElement.title')) === 'More');
    simulator.forgetCalls();
  }
  const { body } = await mara.getJson('/now-playing').expect(200);
  await bar(page).getByRole('button', { name: 'More controls' }).click();
  await bar(page).getByRole('button', { name: 'Save current track' }).click();
  await until(async () => (await mara.getJson('/now-playing').expect(200)).body.saved !== body.saved);
  assert.ok(page.url().endsWith('/library/top'));
  assert.deepEqual(errors, []);
});

test('without scripts every page has the bar, whose buttons lead back to the page', { skip }, async (t) => {
  const { mara, url, name } = await startWithBar(t);
  for (const width of [1280, 320]) {
    const browser = await openBrowser(t, { javaScriptEnabled: false });
    await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
    const page = await browser.newPage();
    await page.setViewportSize({ width, height: 844 });
    await page.goto(`${url}/library/top`);
    const frame = page.frameLocator('iframe[title="Playback"]');
    await frame.getByText(name).waitFor();
    for (const label of ['Previous', 'Next', 'Devices']) {
      const box = await frame.locator(`[title="${label}"]`).boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= width && box.y + box.height <= 844, label);
    }
    const [from, to] = width === 1280 ? ['Pause', 'Play'] : ['Play', 'Pause'];
    await frame.getByRole('button', { name: from }).click();
    await frame.getByRole('button', { name: to }).waitFor();
    assert.match(page.url(), /\/library\/top/);
  }
});
