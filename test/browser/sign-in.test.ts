import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { startTurntable, tokenRequests } from '../support/turntable.ts';

async function signIn(page: Page, start: string, listener = 'Mara Lindqvist'): Promise<void> {
  await page.goto(start);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).click();
  await page.getByRole('radio', { name: listener }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
}

for (const javaScriptEnabled of [true, false]) {
  test(`a person who comes as localhost signs in, sees the track and the playlists, and signs out (scripts ${javaScriptEnabled ? 'on' : 'off'})`, {
    skip,
  }, async (t) => {
    const { url, baseUrl, simulator } = await startTurntable(t);
    const browser = await openBrowser(t, { javaScriptEnabled });
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('requestfailed', (request) => {
      // Covers that are still on their way when the page is left are given up, and nobody misses them.
      const why = request.failure()?.errorText;
      if (why !== 'net::ERR_ABORTED') complaints.push(`${why}: ${request.url()}`);
    });

    await signIn(page, url.replace('127.0.0.1', 'localhost'));
    assert.equal(page.url(), `${baseUrl}/now-playing`);
    assert.ok(await page.getByText('Playing on Kitchen speaker').isVisible());
    const track = await page.getByRole('heading', { level: 1 }).textContent();
    assert.ok(track);
    assert.match(await page.title(), new RegExp(`^${track} · Turntable$`));
    assert.ok((await widthOf(page, '.art img')) > 0, 'the cover is loaded');

    await page.getByRole('link', { name: 'Playlists' }).click();
    await page.getByRole('heading', { name: 'Playlists', level: 1 }).waitFor();
    assert.equal(await page.getByRole('main').getByRole('listitem').count(), 48, 'fifty, two of them null');
    assert.ok((await widthOf(page, '.cards img')) > 0, 'covers are loaded');
    await page.getByRole('link', { name: 'Next page' }).click();
    assert.ok(await page.getByText('137 playlists, page 2 of 3').isVisible());

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    assert.deepEqual(complaints, []);

    await page.goBack();
    assert.ok(
      page.url().startsWith(simulator.origin),
      'back leads to the consent page, not to what was shown',
    );
    assert.equal(await page.getByText('137 playlists, page').count(), 0);
  });
}

test('cancelling at the consent page leads to words and a way on', { skip }, async (t) => {
  const { url, simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).click();

  await page.getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('heading', { name: 'You cancelled at Spotify' }).waitFor();
  assert.equal(tokenRequests(simulator, 'authorization_code'), 0);
  await page.getByRole('link', { name: 'Sign in with Spotify' }).click();
  await page.getByRole('button', { name: 'Agree' }).waitFor();
});

test('loading the way back again, or going back to it, does no harm', { skip }, async (t) => {
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
  await page.getByRole('heading', { name: 'This sign-in has been used already' }).waitFor();
  await page.getByRole('link', { name: 'Go on as you are' }).click();

  await page.getByText('Playing on Kitchen speaker').waitFor();
  assert.equal(tokenRequests(simulator, 'authorization_code'), 1);
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
  // The first tab loads itself anew, because its sign-in gave way to the second; both show what plays.
  for (const page of [one, other, await browser.newPage()]) {
    if (page.url() === 'about:blank') await page.goto(`${url}/now-playing`);
    await page.getByText('Playing on').waitFor();
  }
});

test('who signs out can sign in as somebody else', { skip }, async (t) => {
  const { url } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await signIn(page, url);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out.').waitFor();

  await signIn(page, url, 'Noor Haddad');

  await page.getByText('Podcast episode').waitFor();
  assert.ok(await page.getByText('Noor Haddad').isVisible());
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

/** The width in pixels of the first picture found, 0 where it did not load. */
async function widthOf(page: Page, picture: string): Promise<number> {
  const box = page.locator(picture).first();
  await box.waitFor();
  await page.waitForLoadState('networkidle');
  return box.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
}
