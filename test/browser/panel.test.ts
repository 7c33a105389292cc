import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { freePort } from '../../src/redis/local-server.ts';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import {
  findingsOf,
  headingsIn,
  invalidIn,
  isWiderThanTheWindow,
  smallTargetsIn,
} from '../support/inspect.ts';
import { run } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

/** What a visitor presses, in whose box, and what the page shows then. */
const presses: readonly [box: string, button: string, shows: RegExp][] = [
  ['mara', 'An advertisement', /An advertisement on Kitchen speaker/],
  ['mara', 'A podcast', /on Kitchen speaker/],
  ['mara', 'A local file', /on Kitchen speaker/],
  ['mara', 'A private session', /in private/],
  ['mara', 'Nothing', /Nothing is playing/],
  ['mara', 'Music', /on Kitchen speaker/],
  ['mara', 'Pause', /paused on Kitchen speaker/],
  ['mara', 'Go on', /Pause/],
  ['mara', 'Skip', /on Kitchen speaker/],
  ['mara', 'Go Free', /Free account, on the app’s list/],
  ['mara', 'Go Premium', /Premium account, on the app’s list/],
  ['mara', 'Take off the list', /not on the app’s list/],
  ['mara', 'Put on the list', /Premium account, on the app’s list/],
  ['trouble', 'Expire all access tokens', /All access tokens have expired/],
  ['trouble', 'Remove the app from all accounts', /removed from all accounts/],
  ['trouble', 'Let six months go by', /six months of every consent are over/],
  ['trouble', 'Rate limit for 10 s', /rate limit is reached/],
  ['trouble', 'Rate limit for 6 h', /another 6 h/],
  ['trouble', 'Use the quota up', /quota is used up/],
  ['trouble', 'Answer 5 calls after 2 s', /The next 5 calls: answered after 2 s/],
  ['trouble', 'Fail 3 calls with 502', /The next 3 calls: answered with 502/],
  ['trouble', 'Take the owner’s Premium away', /owner of the app has no Premium/],
  ['trouble', 'Give the owner Premium back', /^((?!owner of the app).)*$/s],
  ['trouble', 'Clear all faults', /Everything works/],
];

for (const [javaScriptEnabled, width] of [
  [true, 1280],
  [false, 390],
] as const) {
  test(`the demo's footer leads to the simulator's control panel, where every control works by clicking (scripts ${javaScriptEnabled ? 'on' : 'off'}, ${width} px)`, {
    skip,
  }, async (t) => {
    const { url, simulator } = await startTurntable(t);
    const browser = await openBrowser(t, { javaScriptEnabled, viewport: { width, height: 800 } });
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByRole('link', { name: 'The simulator’s control panel' }).click();
    await page.waitForURL(`${simulator.origin}/`);

    const buttons = new Set(presses.map(([, button]) => button));
    for (const [box, button, shows] of presses) {
      await boxOf(page, box).getByRole('button', { name: button, exact: true }).click();
      await page.locator(`#${box}`).filter({ hasText: shows }).waitFor();
    }
    const labels = await page.locator('#mara button, #spotify button').allTextContents();
    assert.deepEqual(
      labels.filter((label) => !buttons.has(label) && label !== 'Speak it'),
      [],
      'no button was left out',
    );

    await page.getByRole('radio', { name: /^Old:/ }).check();
    await page.getByRole('button', { name: 'Speak it' }).click();
    await page.locator('input[value="old"][checked]').waitFor({ state: 'attached' });
    assert.equal(simulator.settings.apiVersion, 'legacy');
  });
}

test('the list of calls keeps itself up to date, and where there is no script it is as of loading', {
  skip,
}, async (t) => {
  const { simulator, browser: person } = await startTurntable(t);
  const mara = person();
  const [live, still] = [await openBrowser(t), await openBrowser(t, { javaScriptEnabled: false })];
  const [watching, waiting] = [await live.newPage(), await still.newPage()];
  for (const page of [watching, waiting]) await page.goto(simulator.origin);
  assert.ok(await watching.getByText('Nothing yet.').isVisible());

  await mara.signIn();
  await mara.get('/playlists').expect(200);

  await watching
    .getByRole('row', { name: /\/v1\/me\/playlists.*200 Mara Lindqvist/ })
    .first()
    .waitFor();
  assert.ok(await waiting.getByText('Nothing yet.').isVisible());
  await waiting.reload();
  assert.ok(
    await waiting
      .getByRole('row', { name: /\/v1\/me\/playlists/ })
      .first()
      .isVisible(),
  );
});

test('what is picked but not sent, and where the focus is, outlast what changes on the panel', {
  skip,
}, async (t) => {
  const { simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(simulator.origin);
  await page.getByRole('radio', { name: /^Extended:/ }).check();
  await page.locator('#mara').getByRole('button', { name: 'Pause' }).press('Enter');
  await page.locator('#mara').getByRole('button', { name: 'Go on' }).waitFor();

  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Go on');
  assert.ok(await page.getByRole('radio', { name: /^Extended:/ }).isChecked());
});

for (const state of ['at first', 'with everything wrong'] as const) {
  test(`the panel ${state}: nothing for axe or html-validate to find, nothing too small or too wide`, {
    skip,
  }, async (t) => {
    const { simulator, browser: person } = await startTurntable(t);
    if (state !== 'at first') {
      const mara = person();
      await mara.signIn();
      await mara.get('/playlists');
      simulator.settings.ownerHasPremium = false;
      simulator.settings.notInvited.add('jonas');
      simulator.rateLimit(3600);
      simulator.fault({ on: 'api', how: 'reset' });
      simulator.plays('noor', { kind: 'private' });
      await mara.get('/now-playing');
    }
    const browser = await openBrowser(t);
    const page = await browser.newPage();
    await page.goto(simulator.origin);
    for (const width of [1280, 390]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await findingsOf(page), [], `${width} px, ${colorScheme}`);
      }
      assert.deepEqual(await smallTargetsIn(page), [], `${width} px`);
      assert.equal(await isWiderThanTheWindow(page), false, `${width} px`);
    }
    assert.deepEqual(await invalidIn(page), []);
    assert.equal((await headingsIn(page))[0], 1);
  });
}

test('in the demo, who has Spotify turn everybody away for hours can take it back at once', {
  skip,
}, async (t) => {
  const port = await freePort();
  const demo = run(t, 'dev/demo.ts', { PORT: String(port) });
  await demo.says(/stands in for Spotify/);
  const app = `http://127.0.0.1:${port}`;
  const page = await (await openBrowser(t)).newPage();
  await page.goto(`${app}/login?returnTo=/playlists`);
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/playlists');
  const press = async (name: string, shows: string) => {
    await page.goto(app);
    await page.getByRole('link', { name: 'The simulator’s control panel' }).click();
    await page.getByRole('button', { name }).click();
    await page.locator('#trouble').getByText(shows).waitFor();
  };

  // Two pages: what Spotify has just answered is kept for a second.
  for (const [limit, path] of [
    ['Rate limit for 6 h', '/playlists?page=2'],
    ['Use the quota up', '/library'],
  ] as const) {
    await press(limit, 'every call is turned away');
    assert.equal((await page.goto(app + path))?.status(), 503);
    await press('Clear all faults', 'Everything works.');
    assert.equal((await page.goto(app + path))?.status(), 200, limit);
  }
});

for (const button of ['Let six months go by', 'Remove the app from all accounts']) {
  test(`after “${button}” the app says at its next page that the sign-in has ended`, { skip }, async (t) => {
    const { url, simulator, browser: person } = await startTurntable(t);
    const mara = person();
    await mara.signIn();
    await mara.get('/playlists').expect(200);
    const page = await (await openBrowser(t)).newPage();
    await page.context().addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
    await page.goto(simulator.origin);
    await page.getByRole('button', { name: button }).click();
    await page.locator('#trouble .said').waitFor();

    await page.goto(`${url}/library`);

    assert.ok(await page.getByRole('heading', { name: 'Your Spotify sign-in has ended' }).isVisible());
  });
}

/** What is wrong is shown apart from the buttons that bring it about. */
function boxOf(page: Page, box: string) {
  return page.locator(box === 'trouble' ? '#spotify' : `#${box}`);
}
