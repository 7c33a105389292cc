import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { becomesTrue, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

async function signedIn(t: TestContext, turntable: Turntable, options = {}): Promise<Page> {
  const person = turntable.browser();
  await person.signIn('mara');
  const browser = await openBrowser(t, options);
  const { url } = turntable;
  await browser.addCookies(person.cookies().map((cookie) => ({ ...cookie, url })));
  return browser.newPage();
}

test('the back button leads to the previous page, at the previous scroll position', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable, { viewport: { width: 1280, height: 700 } });
  const way = [
    '/now-playing',
    '/playlists',
    '/playlists?page=2',
    '/search?q=moon&type=track',
    '/library/top',
    '/account',
  ];
  for (const path of way) await page.goto(turntable.url + path);
  for (const path of way.toReversed().slice(1)) {
    await page.goBack();
    assert.equal(page.url(), turntable.url + path);
    assert.ok(await page.locator('h1').isVisible());
  }

  await page.goto(`${turntable.url}/playlists`);
  const far = page.locator('a.card').nth(30);
  await far.scrollIntoViewIfNeeded();
  const before = Number(await page.evaluate('scrollY'));
  assert.ok(before > 300);
  await far.click();
  await page.goBack();
  await becomesTrue(page, `Math.abs(scrollY - ${before}) < 50`);
});

test('a search has its own address, which can be bookmarked, shared and returned to', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.goto(`${turntable.url}/playlists`);
  await page.getByRole('banner').getByRole('searchbox').fill('moon');
  await page.getByRole('banner').getByRole('searchbox').press('Enter');
  await page.waitForURL('**/search?*');
  const bookmark = page.url();

  await page.getByRole('main').getByRole('link', { name: 'Albums', exact: true }).click();
  await page.waitForURL((url) => url.href !== bookmark);
  await page.goBack();
  assert.equal(page.url(), bookmark);
  assert.equal(await page.getByRole('main').getByRole('searchbox').inputValue(), 'moon');
});

test('every page has a title that describes it, and no two are the same', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  const titles = new Map<string, string>();
  for (const path of [
    '/now-playing',
    '/playlists',
    '/playlists?page=2',
    '/playlists/new',
    '/library',
    '/library/albums',
    '/library/shows',
    '/library/episodes',
    '/library/artists',
    '/library/recent',
    '/library/top',
    '/library/top?of=artists&range=medium_term',
    '/search',
    '/search?q=moon',
    '/devices',
    '/account',
    '/preferences',
    '/offline',
    '/privacy',
    '/setup',
    '/setup/check',
    '/nowhere',
  ]) {
    await page.goto(turntable.url + path);
    const title = await page.title();
    assert.match(title, /^.{3,60} · Turntable$/, path);
    assert.equal(titles.get(title), undefined, `${path} and ${titles.get(title)} are both “${title}”`);
    titles.set(title, path);
  }
});

test('a form that Spotify may not have accepted is shown again as it was sent', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await allowedToEdit(t, turntable);
  await page.getByLabel('Name').fill('Long way round');
  await page.getByLabel('Description').fill('For the bus');
  await page.getByLabel('Yes').check();
  turntable.simulator.fault({ on: /playlists$/, answer: { status: 502, body: '' }, times: 4 });

  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('alert').getByText('may or may not have been created').waitFor();
  assert.ok(await page.getByLabel('Yes').isChecked());
  turntable.simulator.clearFaults();
  await page.getByRole('button', { name: 'Create' }).click();

  await page.getByRole('heading', { name: 'Long way round' }).waitFor();
  assert.ok(await page.getByText('For the bus').isVisible());
  const made = turntable.simulator.calls.filter(({ method, status }) => method === 'POST' && status === 201);
  assert.equal(made.length, 1, 'made once');
});

test('a form that could not be understood is shown again as it was sent', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await allowedToEdit(t, turntable);
  await page.getByLabel('Name').fill('   ');
  await page.getByLabel('Description').fill('For the bus');
  await page.getByLabel('Yes').check();

  await page.getByRole('button', { name: 'Create' }).click();

  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByLabel('Description').inputValue(), 'For the bus');
  assert.ok(await page.getByLabel('Yes').isChecked());
});

async function allowedToEdit(t: TestContext, turntable: Turntable): Promise<Page> {
  const page = await signedIn(t, turntable);
  await page.goto(`${turntable.url}/playlists/new`);
  await page.getByRole('link', { name: 'Turn on full control' }).click();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/playlists/new');
  return page;
}

/** Records the content of the page while the next one is loading: the browser driver cannot read it then. */
const noting = `addEventListener('DOMContentLoaded', () => {
  const note = () => {
    const { innerText, offsetHeight } = document.querySelector('main [role=status]');
    if (offsetHeight > 0) sessionStorage.setItem('waited', innerText);
  };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
});`;

test('if Spotify is slow, the page shows that it is waiting until the next one arrives', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.addInitScript(noting);
  await page.goto(`${turntable.url}/library`);
  const said = () => page.evaluate("sessionStorage.getItem('waited')");
  const shown = page.getByText('Still waiting for Spotify.');

  await page.getByRole('link', { name: 'Top', exact: true }).click();
  await page.waitForURL('**/library/top');
  assert.equal(await said(), null, 'not where it is there at once');

  turntable.simulator.fault({ on: 'api', delayMs: 3_000 });
  await page.getByRole('link', { name: 'Playlists', exact: true }).click();
  await page.waitForURL('**/playlists');
  assert.equal(await said(), 'Still waiting for Spotify.');
  await page.evaluate('sessionStorage.clear()');

  turntable.simulator.fault({ on: 'api', delayMs: 3_000 });
  await page.getByRole('banner').getByRole('searchbox').fill('moon');
  await page.getByRole('banner').getByRole('searchbox').press('Enter');
  await page.waitForURL('**/search?*');
  assert.equal(await said(), 'Still waiting for Spotify.');
  await page.goBack();
  await page.waitForURL('**/playlists');
  assert.equal(await shown.count(), 0, 'nor is anything left of it on the way back');
});

test('a download does not show the page as waiting', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.goto(`${turntable.url}/playlists`);
  await page.locator('a.card').filter({ hasText: 'Sunday, slowly' }).first().click();
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('link', { name: 'Export', exact: true }).click();
  const file = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download JSON' }).click();
  await file;
  await page.waitForTimeout(1_500);
  assert.equal(await page.getByText('Still waiting').count(), 0);
});

test('covers that are slow or missing shift nothing', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  let late: (() => void) | undefined;
  const wait = new Promise<void>((resolve) => {
    late = resolve;
  });
  await page.route(/\/covers\//, async (route) => {
    await wait;
    await (route.request().url().length % 2 ? route.abort() : route.continue());
  });
  for (const path of ['/now-playing', '/playlists', '/search?q=moon', '/library']) {
    await page.goto(turntable.url + path, { waitUntil: 'commit' });
    await page.locator('.site-footer').waitFor();
    await becomesTrue(page, 'getComputedStyle(document.body).display === "grid"');
    const shape =
      'JSON.stringify([...document.querySelectorAll("h1, h2, main li, .site-footer")].map((one) => { const { x, y, width, height } = one.getBoundingClientRect(); return [x, y, width, height].map(Math.round); }))';
    const before = await page.evaluate(shape);
    late?.();
    await page.waitForLoadState('networkidle');
    assert.equal(await page.evaluate(shape), before, path);
  }
});

test('times are shown by the reader’s own clock, and stay in UTC without scripts', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const told = async (options: object) => {
    const page = await signedIn(t, turntable, options);
    await page.goto(`${turntable.url}/account`);
    const time = page.locator('dd time').first();
    return { text: await time.textContent(), at: Date.parse((await time.getAttribute('datetime')) ?? '') };
  };
  const written = (at: number, locale: string, timeZone: string) =>
    new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone }).format(at);
  // Otherwise the time of a sign-in is one of today, or of yesterday soon.
  turntable.clock.advance({ days: -3 });

  const tokyo = await told({ locale: 'en-GB', timezoneId: 'Asia/Tokyo' });
  assert.equal(tokyo.text, written(tokyo.at, 'en-GB', 'Asia/Tokyo'));
  const berlin = await told({ locale: 'de-DE', timezoneId: 'Europe/Berlin' });
  assert.equal(berlin.text, written(berlin.at, 'de-DE', 'Europe/Berlin'));
  const plain = await told({ locale: 'en-GB', timezoneId: 'Asia/Tokyo', javaScriptEnabled: false });
  assert.equal(plain.text, `${written(plain.at, 'en-GB', 'UTC')} UTC`);

  turntable.clock.advance({ days: 3 });
  const recent = await told({ locale: 'en-GB', timezoneId: 'Asia/Tokyo' });
  assert.equal(recent.text, aroundNow(recent.at, 'today, '));
});

/** A time within a day of now, as a reader in Tokyo sees it: without a date, or with `todayName`, if it is today. */
function aroundNow(at: number, todayName = ''): string {
  const write = (options: Intl.DateTimeFormatOptions, time = at) =>
    new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'Asia/Tokyo' }).format(time);
  const [day, today] = [at, Date.now()].map((time) => write({ dateStyle: 'short' }, time));
  const named = day === today ? todayName : at > Date.now() ? 'tomorrow, ' : 'yesterday, ';
  return `${named}${write({ timeStyle: 'short' })}`;
}

test('times on the now-playing page are in the visitor’s time zone, including those that arrive by its stream', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable, { locale: 'en-GB', timezoneId: 'Asia/Tokyo' });
  await page.goto(`${turntable.url}/now-playing`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  turntable.simulator.rateLimit(3600);
  // The last known state stays, and the stream reports the cooldown.
  turntable.clock.advance({ minutes: 6 });
  const notice = page.locator('.notice', { hasText: 'Updates are paused' });
  const inTokyo = async () => {
    await notice.waitFor();
    for (const time of await notice.locator('time').all()) {
      const at = Date.parse((await time.getAttribute('datetime')) ?? '');
      assert.equal(await time.textContent(), aroundNow(at));
    }
  };
  await inTokyo();
  await page.reload();
  await inTokyo();
});

test('text to paste is copied by a button, or can be selected if there are no scripts', {
  skip,
}, async (t) => {
  const { url, baseUrl } = await startTurntable(t);
  const browser = await openBrowser(t, { permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await browser.newPage();
  await page.goto(`${url}/setup`);
  await page.getByRole('button', { name: 'Copy: Redirect URI' }).click();
  await page.getByRole('button', { name: 'Copied: Redirect URI' }).waitFor();
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), `${baseUrl}/callback`);

  const plain = await (await openBrowser(t, { javaScriptEnabled: false })).newPage();
  await plain.goto(`${url}/setup`);
  assert.equal(await plain.getByRole('button', { name: /Copy/ }).count(), 0, 'no button that does nothing');
  assert.ok(await plain.getByLabel('Redirect URI').isVisible());
});

test('a page that shows a cooldown comes back by itself', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const page = await signedIn(t, turntable);
  await page.clock.install({ time: turntable.clock.now() });
  turntable.simulator.rateLimit(600);
  await page.goto(`${turntable.url}/playlists?page=2`);
  await page.getByRole('heading', { name: /^Taking a break until/ }).waitFor();
  await page.getByText('That’s in 10 minutes.').waitFor();
  await page.clock.fastForward('09:00');
  await page.getByText(/^That’s in \d\d seconds\.$/).waitFor();
  await page.clock.fastForward('01:00');
  assert.ok(
    await page.getByText('this page comes back by itself').isVisible(),
    'not before the pause is over',
  );

  turntable.clock.advance({ minutes: 11 });
  await page.clock.fastForward('01:00');
  await page.getByRole('heading', { name: 'Playlists', level: 1 }).waitFor();
  assert.equal(page.url(), `${turntable.url}/playlists?page=2`);
});

test('a notice is shown once: it leaves the address, and going back does not show it again', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const { url } = turntable;
  const page = await signedIn(t, turntable);
  await page.goto(`${url}/account`);
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();

  const notice = page.getByText('You’re signed out everywhere.');
  await notice.waitFor();
  await page.waitForURL(`${url}/`);
  await page.reload();
  assert.ok(await page.getByRole('heading', { level: 1 }).isVisible());
  assert.equal(await notice.count(), 0);

  await page.goto(`${url}/privacy`);
  await page.goBack();
  assert.equal(page.url(), `${url}/`);
  assert.equal(await notice.count(), 0);
});
