import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import type { Playing } from '../../simulator/types.ts';
import { becomesTrue, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { axeViolations, elementsBeyondWindow, htmlErrors, smallTargets } from '../support/page-checks.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { scan } from '../support/qr.ts';
import { startTurntable } from '../support/turntable.ts';

const television = { width: 1920, height: 1080 };

/** The wall of someone who plays the third track. */
async function open(
  t: TestContext,
  options: BrowserContextOptions = {},
  playing: Playing = { kind: 'track', index: 2, progressMs: 20_000 },
) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: person, url } = turntable;
  simulator.plays('mara', playing);
  const mara = person();
  await mara.signIn('mara', allowAll);
  // Finding the color of a cover takes a moment.
  if (playing.kind === 'track')
    await until(async () => (await mara.get('/wall')).text.includes('class="hue-'));
  const browser = await openBrowser(t, { viewport: television, ...options });
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  const streams = new Set<string>();
  const closed = new Set<string>();
  const paths: string[] = [];
  browser.on('request', (request) => {
    paths.push(new URL(request.url()).pathname);
    if (request.url().includes('/now-playing/events')) streams.add(request.url());
  });
  browser.on('requestfailed', (request) => closed.add(request.url()));
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  simulator.forgetCalls();
  await page.goto(`${url}/wall`);
  return { ...turntable, mara, browser, page, streams, closed, paths, errors };
}

const heading = (page: Page) => page.getByRole('heading', { level: 1 });
const pixels = (page: Page, expression: string) => page.evaluate<number>(`Number.parseFloat(${expression})`);
const queueCalls = ({ simulator }: Pick<Awaited<ReturnType<typeof open>>, 'simulator'>) =>
  apiRequests(simulator).filter((one) => one === 'GET /me/player/queue').length;
const hide = (page: Page, hidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
     document.dispatchEvent(new Event('visibilitychange'));`,
  );

test('on a television, the cover takes 80 % of the height, and the title at least 4 %', {
  skip,
}, async (t) => {
  const { page } = await open(t);
  for (const { width, height } of [television, { width: 3840, height: 2160 }]) {
    await page.setViewportSize({ width, height });
    const cover = await page.locator('.cover').boundingBox();
    assert.ok(cover && Math.abs(cover.height / height - 0.8) < 0.005, `${cover?.height} of ${height}`);
    assert.ok(Math.abs(cover.width - cover.height) < 1);
    for (const size of [1, 2, 3, 4]) {
      await page.evaluate(`document.querySelector('h1').className = 'size-${size}'`);
      const title = await pixels(page, `getComputedStyle(document.querySelector('h1')).fontSize`);
      assert.ok(title >= 0.04 * height, `${title} px, size ${size}`);
    }
    const isScrolled = await page.evaluate('document.documentElement.scrollHeight > innerHeight');
    assert.ok(!isScrolled, 'all of it is on the screen');
  }
});

test('a phone in front of the television reads the code, and the next track’s', { skip }, async (t) => {
  const { page, mara, simulator } = await open(t);
  const picture = () => page.screenshot({ type: 'jpeg', quality: 90 });
  const link = async () => (await mara.getJson('/wall').expect(200)).body.item.link as string;
  const first = await link();
  assert.equal(scan(await picture()), first);

  simulator.plays('mara', { kind: 'track', index: 5, progressMs: 20_000 });
  await mara.post('/player/next').type('form');
  await until(async () => scan(await picture()) !== first);
  assert.equal(scan(await picture()), await link());
});

test('the next track changes cover, title, color and what’s up next, without loading the page again', {
  skip,
}, async (t) => {
  const { page, mara, simulator, errors, paths } = await open(t);
  const next = page.locator('#wall-next li bdi:first-child');
  await next.nth(1).waitFor();
  const state = async () => ({
    title: await heading(page).textContent(),
    cover: await page.locator('img.cover').getAttribute('src'),
    color: await page.evaluate<string>('document.documentElement.className'),
    upNext: await next.allTextContents(),
  });
  const before = await state();
  assert.match(before.color, /^hue-/);
  assert.equal(before.upNext.length, 2);
  await page.evaluate('globalThis.isSame = true');

  await mara.post('/player/next').type('form');
  await heading(page)
    .filter({ hasText: before.upNext[0] ?? '' })
    .waitFor();
  assert.equal((await state()).upNext[0], before.upNext[1], 'the track that plays is taken off');
  assert.match((await page.locator('#wall-announcement').textContent()) ?? '', /^Now playing: /);
  assert.match(await page.title(), new RegExp(`^${before.upNext[0]?.slice(0, 20)}`));

  simulator.plays('mara', { kind: 'track', index: 17, progressMs: 20_000 });
  await mara.post('/player/next').type('form');
  await heading(page)
    .filter({ hasNotText: before.upNext[0] ?? '' })
    .waitFor();
  await until(async () => {
    const { cover, color } = await state();
    return cover !== before.cover && color.startsWith('hue-') && color !== before.color;
  });
  assert.ok(await page.evaluate('globalThis.isSame'));
  assert.ok(paths.includes('/wall/card'));
  assert.deepEqual(errors, []);
});

test('what’s up next is asked for once for each list, and not again when the page is loaded again', {
  skip,
}, async (t) => {
  const turntable = await open(t);
  const { page, mara, simulator, browser, url } = turntable;
  const next = page.locator('#wall-next li');
  await next.first().waitFor();
  assert.equal(queueCalls(turntable), 1);
  await mara.post('/player/next').type('form');
  await becomesTrue(page, `document.getElementById('wall-announcement').textContent !== ''`);
  await page.reload();
  await next.first().waitFor();
  assert.equal(queueCalls(turntable), 1);

  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;
  const { context } = (await mara.getJson('/wall').expect(200)).body;
  const [one, two] = playlists
    .filter(({ count }: { count: number }) => count > 10)
    .map(({ id }: { id: string }) => `spotify:playlist:${id}`)
    .filter((uri: string) => uri !== context);
  await mara.post('/player/play').type('form').send({ context: one }).expect(303);
  await until(() => queueCalls(turntable) === 2);

  simulator.forgetCalls();
  await hide(page, true);
  await mara.post('/player/play').type('form').send({ context: two }).expect(303);
  await page.waitForTimeout(1_500);
  assert.equal(queueCalls(turntable), 0);

  const behind = await browser.newPage();
  await behind.addInitScript(
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })`,
  );
  await behind.goto(`${url}/wall`);
  await behind.waitForTimeout(1_500);
  assert.equal(queueCalls(turntable), 0, 'nor for a wall behind another tab');
});

test('shuffle changes what’s up next, so it isn’t shown anymore', { skip }, async (t) => {
  const turntable = await open(t);
  const { page, mara } = turntable;
  await page.locator('#wall-next li').first().waitFor();
  await mara.post('/player/shuffle').type('form').send({ on: 'true' });
  await page.locator('#wall-next').waitFor({ state: 'hidden' });
  assert.equal(queueCalls(turntable), 1);
});

test('while calls are scarce, up next isn’t requested', { skip }, async (t) => {
  const turntable = await startTurntable(t, { ticking: true, env: { SPOTIFY_DAILY_CALLS: '2' } });
  turntable.simulator.plays('mara', { kind: 'track', index: 2, progressMs: 20_000 });
  const mara = turntable.browser();
  await mara.signIn('mara', allowAll);
  await mara.get('/playlists').expect(200);
  const browser = await openBrowser(t);
  await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url: turntable.url })));
  const page = await browser.newPage();
  const answer = page.waitForResponse(/\/player\/queue/);
  await page.goto(`${turntable.url}/wall`);
  assert.equal((await answer).status(), 204);
  await page.reload();
  await page.waitForTimeout(500);
  assert.equal(queueCalls(turntable), 0);
  assert.ok(await page.locator('#wall-next').isHidden());
});

test('a hidden wall closes its stream, and shows what is playing when it is seen again', {
  skip,
}, async (t) => {
  const { page, simulator, streams, closed } = await open(t);
  await until(() => streams.size === 1);
  const first = (await heading(page).textContent()) ?? '';
  await hide(page, true);
  await until(() => closed.size === 1);
  simulator.plays('mara', { kind: 'track', index: 8, progressMs: 20_000 });
  simulator.forgetCalls();
  await page.waitForTimeout(2_500);
  assert.deepEqual(apiRequests(simulator), []);

  await hide(page, false);
  await heading(page).filter({ hasNotText: first }).waitFor();
  assert.equal([...streams].filter((url) => url.includes('poll=now')).length, 1);
});

test('the wall and now playing share one stream, and both change', { skip }, async (t) => {
  const { page, browser, url, mara, streams } = await open(t);
  await until(() => streams.size === 1);
  const other = await browser.newPage();
  await other.goto(`${url}/now-playing`);
  const title = (await heading(page).textContent()) ?? '';
  await mara.post('/player/next').type('form');
  for (const one of [page, other]) await heading(one).filter({ hasNotText: title }).waitFor();
  assert.equal(streams.size, 1);
});

const older = (askedAt: number) => ({ json: { html: '<p id="wall-clock"></p><h1>Older</h1>', askedAt } });

test('an older state from another process isn’t shown', { skip }, async (t) => {
  const { page, mara } = await open(t);
  const title = (await heading(page).textContent()) ?? '';
  let requests = 0;
  let isOlder = true;
  await page.route(/\/wall\/card/, (route) => {
    requests += 1;
    return isOlder ? route.fulfill(older(1)) : route.continue();
  });
  await mara.post('/player/next').type('form');
  await until(() => requests > 0);
  await page.waitForTimeout(500);
  assert.equal(await heading(page).textContent(), title);

  isOlder = false;
  await heading(page)
    .filter({ hasNotText: new RegExp(`^(${title}|Older)$`) })
    .waitFor();
});

test('a state that arrives after a newer one isn’t shown', { skip }, async (t) => {
  const { page, mara } = await open(t);
  const title = (await heading(page).textContent()) ?? '';
  const newer = Promise.withResolvers<void>();
  let requests = 0;
  await page.route(/\/wall\/card/, async (route) => {
    requests += 1;
    if (requests > 1) return route.continue();
    await newer.promise;
    return route.fulfill(older(Number.MAX_SAFE_INTEGER));
  });
  await mara.post('/player/next').type('form');
  await until(() => requests > 0);
  await mara.post('/player/next').type('form');
  await heading(page).filter({ hasNotText: title }).waitFor();
  // No other update is on its way.
  await page.waitForTimeout(3_000);
  const shown = await heading(page).textContent();
  newer.resolve();
  await page.waitForTimeout(500);
  assert.equal(await heading(page).textContent(), shown);
});

test('what’s up next of another sign-in in the same tab isn’t shown', { skip }, async (t) => {
  const { browser, url, mara } = await open(t);
  const { context, shuffle, item } = (await mara.getJson('/wall').expect(200)).body;
  const entries = [{ uri: 'spotify:track:a', name: 'A secret', by: '' }];
  const stored = { signIn: 'another', context, shuffle, uri: item.uri, entries };
  const page = await browser.newPage();
  await page.addInitScript(
    `sessionStorage.setItem('wall up next', ${JSON.stringify(JSON.stringify(stored))})`,
  );
  await page.goto(`${url}/wall`);
  await page.locator('#wall-next li').first().waitFor();
  assert.ok(await page.getByText('A secret').isHidden());
});

test('the clock shows the browser’s time, even while nothing plays', { skip }, async (t) => {
  const { page } = await open(t, { timezoneId: 'Asia/Tokyo', locale: 'de-DE' }, { kind: 'nothing' });
  assert.equal(await heading(page).textContent(), 'Nothing is playing');
  const format = new Intl.DateTimeFormat('de-DE', { timeStyle: 'short', timeZone: 'Asia/Tokyo' });
  const clock = page.locator('#wall-clock');
  await until(async () => (await clock.textContent()) === format.format(Date.now()));
  assert.ok((await clock.boundingBox())?.height ?? 0 > 100);
});

test('everything moves against burn-in, in steps, and with reduced motion once a minute', {
  skip,
}, async (t) => {
  for (const [reducedMotion, preference, stepMs] of [
    ['no-preference', '', 6_000],
    ['reduce', '', 60_000],
    ['no-preference', 'reduced', 60_000],
  ] as const) {
    const { page } = await open(t, { reducedMotion });
    if (preference) await page.evaluate(`document.documentElement.dataset.motion = '${preference}'`);
    const places = async (atMs: readonly number[]) =>
      page.evaluate<number[]>(`(() => {
        const [drift] = document.querySelector('#wall').getAnimations();
        drift.pause();
        return ${JSON.stringify(atMs)}.map((ms) => {
          drift.currentTime = ms;
          const { x, y } = document.querySelector('.cover').getBoundingClientRect();
          return 1000 * Math.round(x * 10) + Math.round(y * 10);
        });
      })()`);
    const within = await places([100, stepMs / 2, stepMs - 100]);
    assert.equal(new Set(within).size, 1, `${reducedMotion} ${preference}: still within a step`);
    const later = await places([0, 2, 4, 6].map((steps) => steps * stepMs + 100));
    assert.equal(new Set(later).size, 4, `${reducedMotion} ${preference}: elsewhere later`);
    assert.deepEqual(await elementsBeyondWindow(page), []);
  }
});

test('the wall keeps the screen on, and mentions it only if the browser can’t', { skip }, async (t) => {
  const { browser, url } = await open(t);
  const page = await browser.newPage();
  await page.addInitScript(`globalThis.asked = 0;
    Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind) => { asked += kind === 'screen'; return {}; } } });`);
  await page.goto(`${url}/wall`);
  await becomesTrue(page, 'asked === 1');
  const note = page.getByText('This browser can’t keep the screen on.');
  assert.ok(await note.isHidden());
  await hide(page, true);
  await hide(page, false);
  await becomesTrue(page, 'asked === 2');

  const without = await browser.newPage();
  await without.addInitScript(
    `Object.defineProperty(Navigator.prototype, 'wakeLock', { value: undefined });`,
  );
  await without.goto(`${url}/wall`);
  await without.getByText('This browser can’t keep the screen on.').waitFor();
});

test('the way back is there when the pointer moves and when it has the focus', { skip }, async (t) => {
  const { page } = await open(t);
  const opacity = () => pixels(page, `getComputedStyle(document.querySelector('.wall-bar')).opacity`);
  await until(async () => (await opacity()) === 0);
  await page.mouse.move(300, 300);
  await until(async () => (await opacity()) === 1);
  await until(async () => (await opacity()) === 0);
  await page.keyboard.press('Tab');
  await until(async () => (await opacity()) === 1);
  await page.waitForTimeout(4_500);
  assert.equal(await opacity(), 1);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/now-playing');
  await becomesTrue(page, "!document.getElementById('open-shortcuts').classList.contains('invisible')");
  await page.keyboard.press('w');
  await page.waitForURL('**/wall');
  await page.goto(page.url().replace('/wall', '/now-playing'));
  await page.getByRole('link', { name: 'Wall', exact: true }).click();
  await page.waitForURL('**/wall');
});

test('signing out in another tab leads the wall to the sign-in', { skip }, async (t) => {
  const { page, mara } = await open(t);
  await becomesTrue(page, `navigator.locks.query().then(({ held }) => held.length > 0)`);
  await mara.post('/logout').type('form');
  await page.waitForURL(/\/login|\/authorize/);
});

for (const [name, playing] of Object.entries<Playing>({
  'a track': { kind: 'track', index: 2, progressMs: 20_000 },
  'an episode': { kind: 'episode' },
  nothing: { kind: 'nothing' },
  'a local file': { kind: 'local' },
  'an ad': { kind: 'ad' },
}))
  test(`the wall with ${name}: axe and html-validate find nothing, and nothing is wider than the window`, {
    skip,
  }, async (t) => {
    const { page } = await open(t, {}, playing);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const [width, height] of [
        [320, 512],
        [390, 844],
        [768, 1024],
        [844, 390],
        [1024, 768],
        [1280, 800],
        [1920, 1080],
        [3840, 2160],
      ] as const) {
        await page.setViewportSize({ width, height });
        assert.deepEqual(await elementsBeyondWindow(page), [], `${width} px`);
        assert.deepEqual(await smallTargets(page), [], `${width} px`);
      }
      assert.deepEqual(await axeViolations(page), [], colorScheme);
    }
    assert.deepEqual(await htmlErrors(page), []);
  });

test('the printed wall shows the cover, the names and the code', { skip }, async (t) => {
  const { page } = await open(t);
  await page.emulateMedia({ media: 'print' });
  for (const shown of ['.cover', 'h1', '.byline', '.wall-code svg'])
    assert.ok(await page.locator(shown).first().isVisible(), shown);
  for (const gone of ['.wall-bar', '.wall-clock']) assert.ok(await page.locator(gone).isHidden(), gone);
});
