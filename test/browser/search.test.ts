import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { becomesTrue, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { axeViolations, elementsBeyondWindow } from '../support/page-checks.ts';
import { allowAll } from '../support/pages.ts';
import { countApiCalls, noLimits, startTurntable } from '../support/turntable.ts';

type Options = Parameters<typeof startTurntable>[1] & {
  isSignedIn?: boolean;
  path?: string;
  window?: BrowserContextOptions;
};

/** The search page in a browser. `sent`: the searches that the browser sends to the server from then on. */
async function open(
  t: TestContext,
  { isSignedIn = false, path = '/search', window, ...options }: Options = {},
) {
  const turntable = await startTurntable(t, { ticking: true, ...options });
  const { browser: person, simulator, url } = turntable;
  const browser = await openBrowser(t, window);
  if (isSignedIn) {
    const mara = person();
    await mara.signIn('mara', allowAll);
    await browser.addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
  }
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url + path);
  const sent: string[] = [];
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === '/search' && request.method() === 'GET') sent.push(searchParams.get('q') ?? '');
  });
  const calls = () => countApiCalls(simulator, '/v1/search');
  return { ...turntable, page, errors, sent, calls };
}

const field = (page: Page) => page.getByRole('main').getByRole('searchbox');
const shows = (page: Page, query: string) =>
  page.getByRole('heading', { level: 1, name: `Results for “${query}”` }).waitFor();
const focused = 'document.activeElement.id';

test('typing searches once the keys pause, and keeps the focus, the caret and the address', {
  skip,
}, async (t) => {
  for (const isSignedIn of [false, true]) {
    const { page, errors, sent, calls, url } = await open(t, { isSignedIn });
    await field(page).pressSequentially('night', { delay: 60 });
    await shows(page, 'night');

    assert.deepEqual(sent, ['night']);
    assert.equal(calls(), 1);
    assert.equal(page.url(), `${url}/search?q=night`);
    assert.equal(await page.title(), 'Search: night · Turntable');
    assert.equal(await page.evaluate(focused), 'query');
    const status = page.getByRole('status').filter({ hasText: /^\d+ tracks?, / });
    await status.waitFor({ state: 'attached' });
    assert.match((await status.textContent()) ?? '', /\d artists?/);

    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('h');
    await page.waitForTimeout(1_000);
    assert.equal(await page.evaluate('document.activeElement.selectionStart'), 4, 'the caret stays');
    assert.deepEqual(sent, ['night'], 'what is shown isn’t asked for again');
    assert.equal(
      await page
        .getByRole('navigation', { name: 'Kinds' })
        .getByRole('link', { name: 'Albums' })
        .getAttribute('href'),
      '/search?q=night&type=album',
    );

    await page.getByRole('link', { name: 'Night Bus Atlas' }).first().click();
    await page.waitForURL('**/artists/*');
    await page.goBack();
    await shows(page, 'night');
    assert.equal(await field(page).inputValue(), 'night');
    await page.reload();
    await shows(page, 'night');
    assert.equal(calls(), 1);
    assert.deepEqual(errors, []);
  }
});

test('spaces, case, single letters and what was searched before take no search', { skip }, async (t) => {
  const { page, sent, calls } = await open(t, { path: '/search?q=moon' });
  for (const text of ['moon ', '  Moon', 'MOON', 'm']) {
    await field(page).fill(text);
    await page.waitForTimeout(900);
  }
  assert.deepEqual(sent, []);
  await field(page).fill('night');
  await shows(page, 'night');
  await field(page).fill('lighthouse');
  await shows(page, 'lighthouse');
  await field(page).fill('night');
  await shows(page, 'night');
  assert.deepEqual(sent, ['night', 'lighthouse']);
  await field(page).fill('');
  await page.getByRole('heading', { level: 1, name: 'Search', exact: true }).waitFor();
  assert.equal(calls(), 3);
  assert.equal(new URL(page.url()).search, '');
});

test('a search that is outdated is aborted, and its late answer never shown', { skip }, async (t) => {
  const { page, simulator, sent } = await open(t);
  const aborted: string[] = [];
  page.on('requestfailed', (request) => aborted.push(new URL(request.url()).searchParams.get('q') ?? ''));
  simulator.fault({ on: /search/, delayMs: 2_500 });
  await field(page).fill('moon');
  await until(() => sent.includes('moon'));
  await page.getByText('Searching…').first().waitFor({ state: 'attached' });
  await field(page).press('x');
  await until(() => aborted.includes('moon'));
  assert.deepEqual(sent, ['moon'], 'before the next one is made');
  await field(page).fill('night');
  await shows(page, 'night');
  await page.waitForTimeout(2_500);
  await shows(page, 'night');
  assert.match(page.url(), /q=night$/);
});

test('the results that someone is using stay', { skip }, async (t) => {
  const { page, simulator, sent, url } = await open(t, { path: '/search?q=night' });
  simulator.fault({ on: /search/, delayMs: 1_000 });
  await field(page).fill('moon');
  await until(() => sent.includes('moon'));
  await page.getByRole('link', { name: 'Night Bus Atlas' }).first().focus();
  await page.waitForTimeout(2_000);
  assert.match(String(await page.evaluate('document.activeElement.textContent')), /Night Bus Atlas/);
  assert.equal(page.url(), `${url}/search?q=night`);
  await field(page).press('Enter');
  await shows(page, 'moon');
});

test('near a limit, typing waits without a word, and Enter still searches', { skip }, async (t) => {
  const limits = { ...noLimits, visitorSearch: { requests: 7, windowSeconds: 600 } };
  const { page, sent, url } = await open(t, { limits });
  await field(page).fill('night');
  await shows(page, 'night');
  await field(page).fill('moon');
  await shows(page, 'moon');
  await field(page).fill('lighthouse');
  await page.waitForTimeout(1_500);
  assert.deepEqual(sent, ['night', 'moon'], 'five are left for Enter');
  await shows(page, 'moon');
  await field(page).press('Enter');
  await shows(page, 'lighthouse');
  assert.equal(page.url(), `${url}/search?q=lighthouse`);
  assert.equal(await page.evaluate(focused), 'query');
});

test('a refusal is never shown while typing: the search waits as long as it is asked to', {
  skip,
}, async (t) => {
  const limits = { ...noLimits, visitorSearch: { requests: 1, windowSeconds: 8 } };
  const { page, sent, browser: person } = await open(t, { limits });
  await person().get('/search?q=other').expect(200);
  await field(page).fill('night');
  await until(() => sent.length === 1);
  await page.waitForTimeout(1_000);
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Search');
  assert.equal(await page.getByRole('status').textContent(), '');
  await shows(page, 'night');
  assert.deepEqual(sent, ['night', 'night']);
});

test('a limit that is reached for long says that Enter searches, until something is found', {
  skip,
}, async (t) => {
  const { page, sent } = await open(t, { isSignedIn: true, path: '/search?q=moon' });
  const before = await page.locator('#search-status').textContent();
  await page.route(/automatic=yes/, (route) =>
    route.fulfill({ status: 429, headers: { 'Retry-After': '600' }, body: '' }),
  );
  await field(page).fill('night');
  await page.locator('#search-status').getByText('Press Enter to search.').waitFor();
  await field(page).fill('nights');
  await page.waitForTimeout(1_000);
  assert.deepEqual(sent, ['night'], 'nothing is asked until then');
  await field(page).fill('moon');
  assert.equal(await page.locator('#search-status').textContent(), before);
  await field(page).fill('lighthouse');
  await page.locator('#search-status').getByText('Press Enter to search.').waitFor();
  await field(page).press('Enter');
  await shows(page, 'lighthouse');
  assert.notEqual(await page.locator('#search-status').textContent(), 'Press Enter to search.');
});

test('errors while typing are not shown, but with Enter they are', { skip }, async (t) => {
  const { page, simulator, sent } = await open(t, { isSignedIn: true, path: '/search?q=moon' });
  simulator.fault({ on: /search/, times: 9, answer: { status: 502, body: '' } });
  await field(page).fill('night');
  await until(() => sent.length === 1);
  await page.waitForTimeout(1_500);
  await shows(page, 'moon');
  assert.deepEqual(sent, ['night'], 'nor is it tried again');
  await field(page).press('Enter');
  await page.getByRole('heading', { name: 'Spotify isn’t responding' }).waitFor();
  assert.match(page.url(), /\/search\?q=night$/);
});

test('replaced results work as loaded ones do: selecting, adding and menus', { skip }, async (t) => {
  const { page, errors } = await open(t, { isSignedIn: true });
  await field(page).fill('night');
  await shows(page, 'night');
  await field(page).fill('transmitter');
  await shows(page, 'transmitter');
  await page.getByText('Select', { exact: true }).click();
  await page
    .getByRole('checkbox', { name: /^Select Goodnight/ })
    .first()
    .check();
  await page.getByText('1 selected').waitFor();
  assert.equal(await page.getByRole('button', { name: /^Select (all|none)/ }).count(), 1);
  await page.getByText('Select', { exact: true }).click();
  await page
    .getByRole('button', { name: /^More: Goodnight/ })
    .first()
    .click();
  await page
    .getByRole('button', { name: /^Add to queue ?: Goodnight/ })
    .first()
    .click();
  await page.getByText('Added to the queue').waitFor();
  await shows(page, 'transmitter');
  assert.deepEqual(errors, []);
});

test('typed results are accessible and fit into any window, in both themes', { skip }, async (t) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await open(t, { window: { viewport: { width: 320, height: 700 }, colorScheme } });
    await field(page).fill('the');
    await shows(page, 'the');
    assert.deepEqual(await axeViolations(page), []);
    assert.deepEqual(await elementsBeyondWindow(page), []);
    await becomesTrue(page, "document.querySelector('.search-form').getBoundingClientRect().top < 200");
  }
});

test('without scripts, the form and the chips still work', { skip }, async (t) => {
  const { page, url } = await open(t, { window: { javaScriptEnabled: false } });
  await field(page).fill('night');
  await page.getByRole('main').getByRole('button', { name: 'Search', exact: true }).click();
  await shows(page, 'night');
  await page.getByRole('navigation', { name: 'Kinds' }).getByRole('link', { name: 'Tracks' }).click();
  await page.waitForURL(`${url}/search?q=night&type=track`);
  await field(page).fill('moon');
  await field(page).press('Enter');
  await page.waitForURL(`${url}/search?q=moon&type=track`);
});
