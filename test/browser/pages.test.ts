import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { freePort } from '../../src/redis/local-server.ts';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import {
  axeViolations,
  elementsBeyondWindow,
  headingLevels,
  htmlErrors,
  smallTargets,
} from '../support/page-checks.ts';
import { allowAll } from '../support/pages.ts';
import { run } from '../support/process.ts';
import { sweep } from '../support/sweep.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

const looks = [390, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ viewport: { width, height: 900 }, colorScheme })),
);

/** Every page in every state, with the way to get there. */
const states: Record<string, (turntable: Turntable, page: Page) => Promise<unknown>> = {
  'the landing page': ({ url }, page) => page.goto(url),
  'the landing page after signing out': ({ url }, page) => page.goto(`${url}/?notice=signed-out`),
  'a sign-in that did not start here': ({ url }, page) => page.goto(`${url}/callback?state=a&code=b`),
  'an address where sign-in does not work': async ({ url }, page) =>
    openWith(page, `${url}/`, { Host: '192.168.1.5:3000' }),
  'a page that asks first': async ({ url }, page) => {
    const visit = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
    await openWith(page, `${url}/setup/check?cookie=set`, { 'Sec-Fetch-Site': 'cross-site', ...visit });
    await page.getByRole('link', { name: 'Check now' }).waitFor();
  },
  'a page that does not exist': ({ url }, page) => page.goto(`${url}/nowhere`),
  'the privacy page': ({ url }, page) => page.goto(`${url}/privacy`),
  'the page of preferences': ({ url }, page) => page.goto(`${url}/preferences`),
  'the page for no connection': ({ url }, page) => page.goto(`${url}/offline`),
  'the setup page, once it is set up': ({ url }, page) => page.goto(`${url}/setup`),
  'the check of the set-up': ({ url }, page) => page.goto(`${url}/setup/check`),
  'now playing: a track': async (turntable, page) => signedIn(turntable, page, '/now-playing'),
  'now playing: an episode': async (turntable, page) => signedIn(turntable, page, '/now-playing', 'noor'),
  'now playing: an advertisement': async (turntable, page) => {
    turntable.simulator.plays('mara', { kind: 'ad' });
    await signedIn(turntable, page, '/now-playing');
  },
  'now playing: a local file, paused': async (turntable, page) => {
    turntable.simulator.plays('mara', { kind: 'local', paused: true });
    await signedIn(turntable, page, '/now-playing');
  },
  'now playing: a private session': async (turntable, page) => {
    turntable.simulator.plays('mara', { kind: 'private' });
    await signedIn(turntable, page, '/now-playing');
  },
  'now playing: nothing': async (turntable, page) => signedIn(turntable, page, '/now-playing', 'jonas'),
  'now playing: nothing, after music': async (turntable, page) => {
    turntable.simulator.plays('mara', { kind: 'nothing' });
    await signedIn(turntable, page, '/now-playing');
    await page.getByRole('heading', { name: 'Recently played' }).waitFor();
  },
  playlists: async (turntable, page) => signedIn(turntable, page, '/playlists'),
  'playlists, the second page': async (turntable, page) => signedIn(turntable, page, '/playlists?page=2'),
  'playlists, filtered': async (turntable, page) =>
    signedIn(turntable, page, '/playlists?q=night&sort=name&yours=yes'),
  'playlists: none': async (turntable, page) => signedIn(turntable, page, '/playlists', 'jonas'),
  'a playlist': async (turntable, page) => openPlaylist(turntable, page, '/playlists', 'Dinner for six'),
  'a playlist of 1,200 items': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists', 'Everything I ever liked'),
  'a playlist with a long name': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists', 'Songs for the long way round'),
  'a playlist with a name from right to left': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists?page=2', 'أغاني آخر الليل'),
  'another person’s playlist': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists', 'Lighthouse keepers'),
  'an empty playlist': async (turntable, page) => openPlaylist(turntable, page, '/playlists', 'Someday'),
  'the export of a playlist': async (turntable, page) => {
    await openPlaylist(turntable, page, '/playlists', 'Sunday, slowly');
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('link', { name: 'Export', exact: true }).click();
    await page.waitForURL('**/export');
  },
  'the export of all playlists': async (turntable, page) => signedIn(turntable, page, '/playlists/export'),
  'an export that waits before its first row': async (turntable, page) => {
    await openPlaylist(turntable, page, '/playlists', 'Sunday, slowly');
    const answer = { status: 429, headers: { 'Retry-After': '50' }, body: '' };
    turntable.simulator.fault({ on: /\/playlists\/\w+$/, answer });
    await page.goto(`${page.url().replace(/\?.*/, '')}/export.csv`);
    await page.getByRole('heading', { name: /^Paused until/ }).waitFor();
  },
  'the account': async (turntable, page) => signedIn(turntable, page, '/account'),
  'the account without name and picture, with many browsers': async (turntable, page) => {
    for (let index = 0; index < 5; index += 1) await turntable.browser().signIn('jonas');
    await signedIn(turntable, page, '/account', 'jonas');
  },
  'the account while Spotify is away': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.fault({ on: 'api', times: 100, answer: { status: 502, body: '' } });
    await page.goto(`${turntable.url}/account`);
  },
  'the people who are signed in': async (turntable, page) => {
    await turntable.browser().signIn('noor');
    await turntable.browser().signIn('jonas');
    await signedIn(turntable, page, '/account/people');
    await page.getByRole('button', { name: 'End access of Noor Haddad' }).click();
    await page.getByRole('button', { name: 'Allow again: Noor Haddad' }).waitFor();
  },
  disconnected: async (turntable, page) => {
    await signedIn(turntable, page, '/account');
    await page.getByRole('button', { name: 'Disconnect and delete everything' }).click();
    await page.waitForURL('**/account/disconnected');
  },
  'the landing page after signing out everywhere': async (turntable, page) => {
    await signedIn(turntable, page, '/account');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByText('You’re signed out everywhere.').waitFor();
  },
  'a sign-in that ends within thirty days': async (turntable, page) => {
    await signedIn(turntable, page, '/now-playing', 'mara', { days: 151 });
    await page.getByRole('link', { name: 'Renew it now' }).waitFor();
  },
  'search: empty': ({ url }, page) => page.goto(`${url}/search`),
  'search: all kinds, signed out': ({ url }, page) =>
    page.goto(`${url}/search?q=the&type=artist,track,album,playlist`),
  'search: nothing found': ({ url }, page) => page.goto(`${url}/search?q=zzzz`),
  'search: beyond the last page': ({ url }, page) => page.goto(`${url}/search?q=the&page=90`),
  'search: an invalid type': ({ url }, page) => page.goto(`${url}/search?q=the&type=user`),
  'search: the limit for visitors reached': async ({ url, browser, clock }, page) => {
    for (let nth = 1; nth <= 100; nth += 1) {
      await browser().get(`/search?q=${nth}`).expect(200);
      if (nth % 25 === 0) clock.advance({ minutes: 2 });
    }
    await page.goto(`${url}/search?q=night`);
    await page.getByRole('heading', { name: 'Today’s searches for visitors are used up' }).waitFor();
  },
  'search: signed in': async (turntable, page) => signedIn(turntable, page, '/search?q=the&page=2'),
  library: async (turntable, page) => signedIn(turntable, page, '/library'),
  'library, with the menu of a row': async (turntable, page) => {
    await allowed(turntable, page, '/library');
    await page
      .getByRole('button', { name: /^More: / })
      .first()
      .click();
    await page.getByRole('button', { name: /^Add to queue ?: / }).waitFor();
  },
  'library: with buttons and a notice': async (turntable, page) =>
    allowed(turntable, page, '/library?page=2&notice=track-removed'),
  'library: nothing saved': async (turntable, page) => signedIn(turntable, page, '/library', 'jonas'),
  'saved albums, with buttons': async (turntable, page) => allowed(turntable, page, '/library/albums'),
  'saved podcasts': async (turntable, page) => signedIn(turntable, page, '/library/shows'),
  'saved episodes': async (turntable, page) => allowed(turntable, page, '/library/episodes'),
  'followed artists': async (turntable, page) => allowed(turntable, page, '/library/artists'),
  'an album': async (turntable, page) => openFirst(turntable, page, '/library/albums'),
  'a podcast': async (turntable, page) => openFirst(turntable, page, '/library/shows'),
  'an artist with albums': async (turntable, page) => {
    await openFirst(turntable, page, '/library/top?of=artists');
    await page.getByRole('link', { name: 'Show albums' }).click();
    await page.getByRole('heading', { name: 'Albums and singles' }).waitFor();
  },
  'deleting a playlist': async (turntable, page) => {
    await openPlaylist(turntable, page, '/playlists', 'Dinner for six');
    await page.goto(`${page.url().replace(/\?.*/, '')}/unfollow`);
  },
  'recently played': async (turntable, page) => signedIn(turntable, page, '/library/recent'),
  'recently played: nothing': async (turntable, page) =>
    signedIn(turntable, page, '/library/recent', 'jonas'),
  'top artists': async (turntable, page) => signedIn(turntable, page, '/library/top?of=artists'),
  'top tracks': async (turntable, page) => signedIn(turntable, page, '/library/top?range=short_term'),
  'top tracks: none': async (turntable, page) => signedIn(turntable, page, '/library/top', 'jonas'),
  'devices: without buttons': async (turntable, page) => signedIn(turntable, page, '/devices', 'noor'),
  'devices: with buttons and an error': async (turntable, page) =>
    allowed(turntable, page, '/devices?notice=no-active-device'),
  'devices: none': async (turntable, page) => {
    turntable.simulator.fault({
      on: /\/devices$/,
      times: 5,
      answer: { status: 200, body: '{"devices":[]}' },
    });
    const person = turntable.browser();
    await person.signIn();
    await page.context().addCookies(person.cookies().map((cookie) => ({ ...cookie, url: turntable.url })));
    await page.goto(`${turntable.url}/devices`);
  },
  'now playing: with buttons': async (turntable, page) => allowed(turntable, page, '/now-playing'),
  'now playing: an episode, with buttons': async (turntable, page) =>
    allowed(turntable, page, '/now-playing', 'noor'),
  'a new playlist': async (turntable, page) => allowed(turntable, page, '/playlists/new'),
  'a new playlist: not allowed yet': async (turntable, page) => signedIn(turntable, page, '/playlists/new'),
  'a new playlist: without a name': async (turntable, page) => {
    await allowed(turntable, page, '/playlists/new');
    await page.getByLabel('Name').fill(' ');
    await page.getByLabel('Description').fill('Weekend');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('alert').waitFor();
  },
  'a new playlist: just created': async (turntable, page) => {
    await allowed(turntable, page, '/playlists/new');
    await page.getByLabel('Name').fill('By hand');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('Playlist created.').waitFor();
  },
  'add to a playlist': async (turntable, page) => addPlaying(turntable, page, allowAll),
  'add to a playlist: not allowed yet': async (turntable, page) => addPlaying(turntable, page, ''),
  'the listener’s own playlist, with the form open': async (turntable, page) => {
    await openOwnPlaylist(turntable, page, 'Sunday, slowly');
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('button', { name: 'Edit details' }).click();
  },
  'the listener’s own playlist, after a change that failed': async (turntable, page) => {
    await openOwnPlaylist(turntable, page, 'Dinner for six');
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('button', { name: 'Edit details' }).click();
    await page.getByLabel('Yes').check();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('alert').waitFor();
  },
  'the listener’s own playlist, after an item was removed': async (turntable, page) => {
    await openOwnPlaylist(turntable, page, 'Kitchen, loud');
    await page
      .getByRole('button', { name: /^More: / })
      .first()
      .click();
    await page.getByRole('button', { name: /^Remove ?: / }).click();
    await page.getByText('Removed from this playlist.').waitFor();
  },
  'a long playlist, before copies are removed': async (turntable, page) => {
    await openOwnPlaylist(turntable, page, 'Everything I ever liked');
    await page
      .getByRole('button', { name: /^More: / })
      .first()
      .click();
    await page.getByRole('button', { name: /^Remove ?: / }).click();
    await page.getByRole('heading', { name: /^Remove every copy of/ }).waitFor();
  },
  'the order of a playlist': async (turntable, page) => {
    await openOwnPlaylist(turntable, page, 'Everything I ever liked');
    await page.getByRole('link', { name: 'Reorder' }).click();
    await page.getByRole('heading', { name: /^Reorder/ }).waitFor();
  },
  'a shared playlist': async (turntable, page) =>
    openOwnPlaylist(turntable, page, 'Band practice', '/playlists?page=2'),
  'a missing permission': async (turntable, page) => {
    turntable.simulator.settings.grantedScope = 'user-read-playback-state';
    await signedIn(turntable, page, '/library');
  },
  'a cooldown': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.fault({
      on: 'api',
      answer: { status: 429, body: '', headers: { 'Retry-After': '7200' } },
    });
    await page.goto(`${turntable.url}/now-playing`);
  },
  'Spotify is away': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.fault({ on: 'api', answer: { status: 502, body: '' } });
    await page.goto(`${turntable.url}/now-playing`);
  },
  'the owner without Premium': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.settings.ownerHasPremium = false;
    await page.goto(`${turntable.url}/now-playing`);
  },
  'not invited': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.settings.notInvited.add('jonas');
    await page.goto(`${turntable.url}/now-playing`);
  },
};

for (const [state, go] of sweep(Object.entries(states))) {
  test(`${state}: axe and html-validate find nothing, and nothing is wider than the window`, {
    skip,
  }, async (t) => {
    const turntable = await startTurntable(t, { env: { OWNER_LISTENERS: 'mara' } });
    const browser = await openBrowser(t);
    const page = await browser.newPage();
    await go(turntable, page);

    for (const { viewport, colorScheme } of looks) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      const look = `${viewport.width} px, ${colorScheme}`;
      // The other color scheme differs in colors alone.
      const rules = colorScheme === 'light' ? 'all' : 'colors';
      assert.deepEqual(await axeViolations(page, rules), [], look);
      assert.deepEqual(await elementsBeyondWindow(page), [], `${look}: wider than the window`);
      assert.deepEqual(await smallTargets(page), [], `${look}: smaller than 24 pixels`);
    }
    // 200 % and 400 % of a window of 1280 pixels: WCAG 1.4.4 and 1.4.10.
    for (const width of [640, 320]) {
      await page.setViewportSize({ width, height: 512 });
      assert.deepEqual(await elementsBeyondWindow(page), [], `${width} px: wider than the window`);
    }
    assertInOrder(await headingLevels(page));
    assert.deepEqual(await htmlErrors(page), []);
  });
}

/** One heading of the first level, at the start, and no skipped levels. */
function assertInOrder(levels: number[]): void {
  assert.equal(levels[0], 1, `headings: ${levels}`);
  assert.equal(levels.filter((level) => level === 1).length, 1, `headings: ${levels}`);
  levels.forEach((level, index) => {
    assert.ok(level <= (levels[index - 1] ?? 0) + 1, `headings: ${levels}`);
  });
}

test('in a list of tracks the names have most of the room, whatever else is in the row', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await allowed(turntable, page, '/');

  for (const { viewport } of looks) {
    await page.setViewportSize(viewport);
    for (const path of ['/library', '/library/recent', '/library/top', '/search?q=the&type=track']) {
      await page.goto(turntable.url + path);
      const [row, name] = await Promise.all(
        ['.track-list li', '.track-list li > div'].map((one) => page.locator(one).first().boundingBox()),
      );
      assert.ok(row && name && name.width > row.width / 3, `${path} at ${viewport.width} px`);
    }
  }
});

test('the setup page: axe and html-validate find nothing', { skip }, async (t) => {
  const port = await freePort();
  const server = run(t, 'src/main.ts', { PORT: String(port) });
  await server.waitForOutput(/Turntable is at/);
  const browser = await openBrowser(t);
  const page = await browser.newPage();

  for (const { viewport, colorScheme } of looks) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    for (const path of ['/', '/setup/check']) {
      await page.goto(`http://127.0.0.1:${port}${path}`);
      assert.deepEqual(await axeViolations(page), []);
      assert.deepEqual(await smallTargets(page), []);
      assert.deepEqual(await elementsBeyondWindow(page), []);
    }
  }
  assert.deepEqual(await htmlErrors(page), []);
});

async function signedIn(
  { url, simulator, browser, clock }: Turntable,
  page: Page,
  path: string,
  listener = 'mara',
  later: Parameters<typeof clock.advance>[0] = {},
  query = '',
): Promise<void> {
  const person = browser();
  await person.signIn(listener, query);
  clock.advance(later);
  await page.context().addCookies(person.cookies().map((cookie) => ({ ...cookie, url })));
  simulator.clearFaults();
  await page.goto(url + path);
}

/** Opens an address with headers that browsers set themselves. */
async function openWith(page: Page, address: string, headers: Record<string, string>): Promise<void> {
  await page.route(address, async (route) =>
    route.fulfill({ response: await route.fetch({ headers: { ...route.request().headers(), ...headers } }) }),
  );
  await page.goto(address);
}

/** Signs in with the permissions to make changes. */
function allowed(turntable: Turntable, page: Page, path: string, listener = 'mara'): Promise<void> {
  return signedIn(turntable, page, path, listener, {}, allowAll);
}

/** Opens a playlist from the list of playlists, by the link with its number of items. */
/** Opens the page of the first card in a list. */
async function openFirst(turntable: Turntable, page: Page, path: string): Promise<void> {
  await allowed(turntable, page, path);
  await page.locator('a.card').first().click();
  await page.getByRole('link', { name: 'Open on Spotify', exact: true }).waitFor();
}

async function openPlaylist(turntable: Turntable, page: Page, listPath: string, name: string): Promise<void> {
  await signedIn(turntable, page, listPath);
  await follow(page, name);
}

async function openOwnPlaylist(
  turntable: Turntable,
  page: Page,
  name: string,
  listPath = '/playlists',
): Promise<void> {
  await allowed(turntable, page, listPath);
  await follow(page, name);
}

async function follow(page: Page, name: string): Promise<void> {
  await page.getByRole('listitem').filter({ hasText: name }).locator('a.card').click();
  await page.waitForURL('**/playlists/*');
}

/** Goes from what is playing to the page that adds it to a playlist. */
async function addPlaying(turntable: Turntable, page: Page, query: string): Promise<void> {
  await signedIn(turntable, page, '/now-playing', 'mara', {}, query);
  const link = page.getByRole('link', { name: 'Add to playlist' });
  await page.goto(new URL((await link.getAttribute('href')) ?? '', page.url()).href);
}
