import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import type { Page, Request } from 'playwright-core';
import { openBrowser, openProfile, signOut, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { countTokenRequests, startTurntable } from '../support/turntable.ts';

async function signIn(page: Page, start: string, listener = 'Mara Lindqvist'): Promise<void> {
  await page.goto(start);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).click();
  await page.getByRole('radio', { name: listener }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
}

/** Not waitForURL, which fails if a navigation is canceled by the next one. */
async function arrived(page: Page): Promise<void> {
  await page.getByText('Playing on Kitchen speaker').waitFor();
  assert.equal(new URL(page.url()).pathname, '/now-playing');
}

for (const javaScriptEnabled of [true, false]) {
  test(`a person who opens the site as localhost signs in, sees the track and the playlists, and signs out (scripts ${javaScriptEnabled ? 'on' : 'off'})`, {
    skip,
  }, async (t) => {
    const { url, baseUrl, simulator } = await startTurntable(t);
    const browser = await openBrowser(t, { serviceWorkers: 'allow', javaScriptEnabled });
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('requestfailed', (request) => {
      // Covers that are still loading when the page is left are canceled, which is fine.
      const why = request.failure()?.errorText;
      if (why !== 'net::ERR_ABORTED') complaints.push(`${why}: ${request.url()}`);
    });

    await signIn(page, url.replace('127.0.0.1', 'localhost'));
    assert.equal(page.url(), `${baseUrl}/now-playing`);
    assert.ok(await page.getByText('Playing on Kitchen speaker').isVisible());
    const track = await page.getByRole('heading', { level: 1 }).textContent();
    assert.ok(track);
    assert.match(await page.title(), new RegExp(`^${track} · Turntable$`));
    assert.ok((await widthOf(page, '.artwork img')) > 0, 'the cover is loaded');

    await page.getByRole('link', { name: 'Playlists' }).click();
    await page.getByRole('heading', { name: 'Playlists', level: 1 }).waitFor();
    assert.equal(await page.getByRole('main').getByRole('listitem').count(), 48, 'fifty, two of them null');
    assert.ok((await widthOf(page, '.cards img')) > 0, 'covers are loaded');
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.getByText('137 playlists, page 2 of 3').waitFor();

    await signOut(page);
    assert.deepEqual(complaints, []);

    await page.goBack();
    assert.ok(
      page.url().startsWith(simulator.origin),
      'back leads to the consent page, not to what was shown',
    );
    assert.equal(await page.getByText('137 playlists, page').count(), 0);
  });
}

test('canceling at the consent page leads to an explanation and a way on', { skip }, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).click();

  await page.getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('heading', { name: 'You canceled the sign-in on Spotify' }).waitFor();
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 0);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).click();
  await page.getByRole('button', { name: 'Agree' }).waitFor();
});

test('loading the callback again, or going back to it, does no harm', { skip }, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  let wayBack = '';
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/callback') wayBack = request.url();
  });
  await signIn(page, url);
  assert.ok(wayBack);

  await page.goto(wayBack);
  await page.waitForURL('**/now-playing');
  await page.getByText('Playing on Kitchen speaker').waitFor();

  await signOut(page);
  await page.goto(wayBack);
  await page.getByRole('heading', { name: 'This sign-in was already used' }).waitFor();
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 1);
});

test('a double click on each button of the sign-in ends signed in, once', { skip }, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();

  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).dblclick();
  // The second click may lead to a new consent page, which replaces the first one.
  await page.waitForLoadState('networkidle');
  await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
  await page.getByRole('button', { name: 'Agree' }).dblclick();

  await arrived(page);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 1);
});

// fault: callback-loaded-twice
test('a callback that the browser loads twice, dropping the first response, ends signed in', {
  skip,
}, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const dropped: string[] = [];
  page.on('requestfailed', (request) => dropped.push(request.url()));
  await page.goto(`${url}/login`);
  const wayBack = await simulator.agree(page.url(), 'mara');

  simulator.fault({ on: 'token', delayMs: 600 });
  await page.evaluate(`{
    location.assign('${wayBack}');
    setTimeout(() => location.assign('${wayBack}'), 200);
  }`);
  await arrived(page);

  assert.deepEqual(dropped, [wayBack]);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 1);
});

// fault: no-code-in-address-bar
test('after a failed sign-in, no code or state is in the address bar, the history or a Referer', {
  skip,
}, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  const requests: Request[] = [];
  page.on('request', (request) => requests.push(request));
  const secret = /code=|state=|callback/;
  await page.goto(`${url}/login?returnTo=/playlists`);
  simulator.fault({ on: 'token', answer: { status: 500, body: '' } });

  await page.getByRole('button', { name: 'Agree' }).click();
  await page.getByRole('heading', { name: 'Spotify isn’t responding' }).waitFor();

  assert.equal(page.url(), `${url}/sign-in/problem`);
  await page.reload();
  await page.getByRole('heading', { name: 'Spotify isn’t responding' }).waitFor();
  assert.doesNotMatch(String(await page.evaluate('document.referrer')), secret);
  const session = await browser.newCDPSession(page);
  const { entries } = await session.send('Page.getNavigationHistory');
  assert.ok(entries.length >= 2);
  for (const entry of entries) assert.doesNotMatch(new URL(entry.url).pathname, /callback/, entry.url);

  // Spotify sends people who have agreed before straight back.
  await page.getByRole('link', { name: 'Try again' }).click();
  await page.waitForURL('**/playlists');
  await page.waitForLoadState('networkidle');
  const referers = await Promise.all(requests.map((request) => request.headerValue('Referer')));
  const ours = referers.filter((referer) => referer?.startsWith(url));
  assert.ok(ours.length > 0);
  for (const referer of ours) assert.doesNotMatch(referer ?? '', secret);
});

// fault: browser-prerenders-sign-in
test('a sign-in that the browser prefetches is not started', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const browser = await openProfile(t);
  const page = await browser.newPage();
  await page.goto(url);
  const ahead = page.waitForResponse(`${url}/login`);
  await page.evaluate(`{
    const link = document.createElement('link');
    Object.assign(link, { rel: 'prefetch', href: '/login' });
    document.head.append(link);
  }`);

  assert.equal((await ahead).status(), 503);
  assert.deepEqual(await browser.cookies(), []);
  await signIn(page, url);
});

// fault: image-on-another-port
test('an image on another port of this machine starts no export, and a link there asks first', {
  skip,
}, async (t) => {
  const { url, simulator, logged } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await signIn(page, url);
  const file = `${url}/playlists/export.csv?page=3`;
  const neighbor = createServer((_req, res) => {
    res.setHeader('Content-Type', 'text/html');
    res.end(`<!DOCTYPE html><title>Neighbor</title><img src="${file}" alt=""><a href="${file}">Songs</a>`);
  });
  await new Promise<void>((resolve) => neighbor.listen(0, '127.0.0.1', resolve));
  t.after(() => neighbor.close());
  const { port } = neighbor.address() as { port: number };
  simulator.forgetCalls();
  const isPicture = (line: string) => line.includes('"path":"/playlists/export.csv"');
  await page.goto(`http://127.0.0.1:${port}/`);
  await until(() => logged.some(isPicture));
  assert.match(logged.find(isPicture) ?? '', /"status":403/);

  await page.getByRole('link', { name: 'Songs' }).click();
  await page.getByRole('heading', { name: 'Download all playlists as CSV?' }).waitFor();
  assert.equal(simulator.calls.filter(({ path }) => path.includes('playlists')).length, 0);

  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  assert.match((await download).suggestedFilename(), /^playlists \(from playlist 101.*\)\.csv$/);
  await page.getByRole('heading', { name: 'Your download has started' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Download' }).count(), 0, 'it no longer asks');
});

test('two tabs of one browser sign in, one after the other', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const browser = await openBrowser(t);
  const [one, other] = [await browser.newPage(), await browser.newPage()];
  for (const page of [one, other]) await page.goto(`${url}/login`);

  for (const page of [one, other]) {
    await page.getByRole('button', { name: 'Agree' }).click();
    await page.waitForURL('**/now-playing');
  }
  // The first tab reloads itself because the second sign-in replaced its session; both show what is playing.
  for (const page of [one, other, await browser.newPage()]) {
    if (page.url() === 'about:blank') await page.goto(`${url}/now-playing`);
    await page.getByText('Playing on').waitFor();
  }
});

test('after signing out, another person can sign in', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await signIn(page, url);
  await signOut(page);

  await signIn(page, url, 'Noor Haddad');

  await page.getByText('Podcast episode').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Account: Noor Haddad' }).isVisible());
});

test('no other site can show these pages in a frame', { skip }, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.route(`${simulator.origin}/framing`, (route) =>
    route.fulfill({ contentType: 'text/html', body: `<iframe src="${url}/"></iframe>` }),
  );
  await page.goto(`${simulator.origin}/framing`);
  const frame = page.frames()[1];

  assert.equal(await frame?.getByRole('link', { name: 'Sign in with Spotify' }).count(), 0);
});

/** The width in pixels of the first image found, 0 if it did not load. */
async function widthOf(page: Page, picture: string): Promise<number> {
  const box = page.locator(picture).first();
  await box.waitFor();
  await page.waitForLoadState('networkidle');
  return box.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
}
