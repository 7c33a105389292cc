import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { HtmlValidate } from 'html-validate';
import type { Page } from 'playwright-core';
import { freePort } from '../../src/ops/redis-server.ts';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { run } from '../support/process.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

type Finding = { id: string; help: string; nodes: { html: string }[] };

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const validator = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: { 'no-inline-style': 'error' },
});

const looks = [390, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ viewport: { width, height: 900 }, colorScheme })),
);

/** Every page there is, in every state it has: how to get there. */
const states: Record<string, (turntable: Turntable, page: Page) => Promise<unknown>> = {
  'the landing page': ({ url }, page) => page.goto(url),
  'the landing page after signing out': ({ url }, page) => page.goto(`${url}/?signed-out`),
  'a sign-in that did not start here': ({ url }, page) => page.goto(`${url}/callback?state=a&code=b`),
  'a page that is not there': ({ url }, page) => page.goto(`${url}/nowhere`),
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
  playlists: async (turntable, page) => signedIn(turntable, page, '/playlists'),
  'playlists, the second page': async (turntable, page) => signedIn(turntable, page, '/playlists?page=2'),
  'playlists: none': async (turntable, page) => signedIn(turntable, page, '/playlists', 'jonas'),
  'a playlist': async (turntable, page) => openPlaylist(turntable, page, '/playlists', 'Dinner for six'),
  'a playlist of 1,200 items': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists', 'Everything I ever liked'),
  'a playlist with a long name': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists', 'Songs for the long way round'),
  'a playlist with a name from right to left': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists?page=2', 'أغاني آخر الليل'),
  'a playlist of somebody else': async (turntable, page) =>
    openPlaylist(turntable, page, '/playlists', 'Lighthouse keepers'),
  'an empty playlist': async (turntable, page) => openPlaylist(turntable, page, '/playlists', 'Someday'),
  'the account': async (turntable, page) => signedIn(turntable, page, '/account'),
  'the account of somebody without name and picture, with many browsers': async (turntable, page) => {
    for (let index = 0; index < 5; index += 1) await turntable.browser().signIn('jonas');
    await signedIn(turntable, page, '/account', 'jonas');
  },
  'the account while Spotify is away': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.fault({ on: 'api', times: 100, answer: { status: 502, body: '' } });
    await page.goto(`${turntable.url}/account`);
  },
  disconnected: async (turntable, page) => {
    await signedIn(turntable, page, '/account');
    await page.getByRole('button', { name: 'Disconnect and delete everything' }).click();
    await page.waitForURL('**/account/disconnected');
  },
  'the landing page after signing out everywhere': async (turntable, page) => {
    await signedIn(turntable, page, '/account');
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.waitForURL('**/?signed-out=everywhere');
  },
  'a sign-in that ends within thirty days': async (turntable, page) => {
    await signedIn(turntable, page, '/now-playing', 'mara', { days: 151 });
    await page.getByRole('link', { name: 'Agree again now' }).waitFor();
  },
  'a cool-down': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.fault({
      on: 'api',
      answer: { status: 429, body: '', headers: { 'Retry-After': '7200' } },
    });
    await page.goto(`${turntable.url}/now-playing`);
  },
  'Spotify away': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.fault({ on: 'api', answer: { status: 502, body: '' } });
    await page.goto(`${turntable.url}/now-playing`);
  },
  'not invited': async (turntable, page) => {
    await signedIn(turntable, page, '/playlists', 'jonas');
    turntable.simulator.settings.notInvited.add('jonas');
    await page.goto(`${turntable.url}/now-playing`);
  },
};

for (const [state, go] of Object.entries(states)) {
  test(`${state}: nothing for axe or html-validate to find, nothing wider than the window`, {
    skip,
  }, async (t) => {
    const turntable = await startTurntable(t);
    const browser = await openBrowser(t);
    const page = await browser.newPage();
    await go(turntable, page);

    for (const { viewport, colorScheme } of looks) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      const look = `${viewport.width} px, ${colorScheme}`;
      assert.deepEqual(await findingsOf(page), [], look);
      const wider = await page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      );
      assert.equal(wider, false, `${look}: wider than the window`);
    }
    assert.deepEqual(await invalidIn(page), []);
  });
}

test('the setup page: nothing for axe or html-validate to find', { skip }, async (t) => {
  const port = await freePort();
  const server = run(t, 'src/main.ts', { PORT: String(port) });
  await server.says(/Turntable is at/);
  const browser = await openBrowser(t);
  const page = await browser.newPage();

  for (const { viewport, colorScheme } of looks) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.goto(`http://127.0.0.1:${port}/`);
    assert.deepEqual(await findingsOf(page), []);
  }
  assert.deepEqual(await invalidIn(page), []);
});

async function signedIn(
  { url, simulator, browser, clock }: Turntable,
  page: Page,
  path: string,
  listener = 'mara',
  later: Parameters<typeof clock.advance>[0] = {},
): Promise<void> {
  const person = browser();
  await person.signIn(listener);
  clock.advance(later);
  await page.context().addCookies(person.cookies().map((cookie) => ({ ...cookie, url })));
  simulator.clearFaults();
  await page.goto(url + path);
}

/** Opens a playlist from the shelf, by the link that tells how much is in it. */
async function openPlaylist(turntable: Turntable, page: Page, shelf: string, name: string): Promise<void> {
  await signedIn(turntable, page, shelf);
  await page
    .getByRole('listitem')
    .filter({ hasText: name })
    .getByRole('link', { name: `in ${name}` })
    .click();
  await page.waitForURL('**/playlists/*');
}

async function findingsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as Finding[];
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`,
  );
}

/** What html-validate finds in the page as it comes from the server. */
async function invalidIn(page: Page): Promise<string[]> {
  const html = await (await page.request.get(page.url())).text();
  const { results } = await validator.validateString(html);
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => `${ruleId}: ${message} (${line})`),
  );
}
