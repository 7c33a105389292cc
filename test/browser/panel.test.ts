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
import { run } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

/** Buttons in the order they are pressed, and what their box or the status shows afterward. */
const presses: readonly [box: string, button: string, shows: RegExp][] = [
  ['mara', 'Ad break', /Ad break on Kitchen speaker/],
  ['mara', 'Podcast', /on Kitchen speaker/],
  ['mara', 'Local file', /on Kitchen speaker/],
  ['mara', 'Private session', /private session$/m],
  ['mara', 'Nothing', /Nothing is playing/],
  ['mara', 'Music', /on Kitchen speaker/],
  ['mara', 'Pause', /paused on Kitchen speaker/],
  ['mara', 'Resume', /Pause/],
  ['mara', 'Skip', /on Kitchen speaker/],
  ['mara', 'Switch to Free', /Free account, invited to the app/],
  ['mara', 'Switch to Premium', /Premium account, invited to the app/],
  ['mara', 'Remove invitation', /not invited to the app/],
  ['mara', 'Invite to the app', /Premium account, invited to the app/],
  ['status', 'Expire access tokens', /All access tokens have expired/],
  ['status', 'Remove the app from all accounts', /have removed the app/],
  ['status', 'Expire sign-ins (six months)', /All sign-ins have expired/],
  ['status', 'Rate limit for 10 seconds', /Rate limit: every call is refused/],
  ['status', 'Rate limit for 6 hours', /another 6 h/],
  ['status', 'Exhaust the quota', /Quota exhausted/],
  ['status', 'Remove endpoint', /GET \/me is gone/],
  ['status', 'Reset limits', /All limits are reset/],
  ['status', 'Delay 5 calls by 2 seconds', /Next 5 calls will be delayed by 2 s/],
  ['status', 'Fail 3 calls with 502', /Next 3 calls will fail with 502/],
  ['status', 'Remove the owner’s Premium', /app’s owner doesn’t have Premium/],
  ['status', 'Restore the owner’s Premium', /^((?!app’s owner).)*$/s],
  ['status', 'Clear all faults', /Everything works/],
];

for (const [javaScriptEnabled, width] of [
  [true, 1280],
  [false, 390],
] as const) {
  test(`the demo's footer links to the control panel, where every button works (scripts ${javaScriptEnabled ? 'on' : 'off'}, ${width} px)`, {
    skip,
  }, async (t) => {
    const { url, simulator } = await startTurntable(t);
    const browser = await openBrowser(t, { javaScriptEnabled, viewport: { width, height: 800 } });
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByRole('link', { name: 'Simulator control panel' }).click();
    await page.waitForURL(`${simulator.origin}/`);

    const buttons = new Set(presses.map(([, button]) => button));
    for (const [box, button, shows] of presses) {
      await boxOf(page, box).getByRole('button', { name: button, exact: true }).click();
      await page.locator(`#${box}`).filter({ hasText: shows }).waitFor();
    }
    const labels = await page.locator('#mara button, #spotify button').allTextContents();
    assert.deepEqual(
      labels.filter((label) => !buttons.has(label) && label !== 'Apply'),
      [],
      'every button was pressed',
    );

    await page.getByRole('radio', { name: /^Legacy:/ }).check();
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.locator('input[value="legacy"][checked]').waitFor({ state: 'attached' });
    assert.equal(simulator.settings.apiVersion, 'legacy');
  });
}

test('the list of calls updates itself; without scripts it updates on reload', {
  skip,
}, async (t) => {
  const { simulator, browser: person } = await startTurntable(t);
  const mara = person();
  const [withScripts, withoutScripts] = [
    await openBrowser(t),
    await openBrowser(t, { javaScriptEnabled: false }),
  ];
  const [livePage, staticPage] = [await withScripts.newPage(), await withoutScripts.newPage()];
  for (const page of [livePage, staticPage]) await page.goto(simulator.origin);
  assert.ok(await livePage.getByText('No calls yet.').isVisible());

  await mara.signIn();
  await mara.get('/playlists').expect(200);

  await livePage
    .getByRole('row', { name: /\/v1\/me\/playlists.*200 Mara Lindqvist/ })
    .first()
    .waitFor();
  assert.ok(await staticPage.getByText('No calls yet.').isVisible());
  await staticPage.reload();
  assert.ok(
    await staticPage
      .getByRole('row', { name: /\/v1\/me\/playlists/ })
      .first()
      .isVisible(),
  );
});

test('updates of the panel keep the focus and a selection that isn’t submitted yet', {
  skip,
}, async (t) => {
  const { simulator } = await startTurntable(t);
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await page.goto(simulator.origin);
  await page.getByRole('radio', { name: /^Both:/ }).check();
  await page.locator('#mara').getByRole('button', { name: 'Pause' }).press('Enter');
  await page.locator('#mara').getByRole('button', { name: 'Resume' }).waitFor();

  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Resume');
  assert.ok(await page.getByRole('radio', { name: /^Both:/ }).isChecked());
});

for (const state of ['at first', 'with every fault'] as const) {
  test(`the panel ${state} passes axe and html-validate, with large enough targets and no horizontal scrolling`, {
    skip,
  }, async (t) => {
    const { simulator, browser: person } = await startTurntable(t);
    if (state === 'with every fault') {
      const mara = person();
      await mara.signIn();
      await mara.get('/playlists');
      simulator.settings.ownerHasPremium = false;
      simulator.settings.notInvited.add('jonas');
      simulator.rateLimit(3600);
      simulator.rateLimit(3600, { families: ['search', 'catalogue'], quota: true });
      simulator.settings.goneEndpoints.add('GET /me/top/artists');
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
        assert.deepEqual(await axeViolations(page), [], `${width} px, ${colorScheme}`);
      }
      assert.deepEqual(await smallTargets(page), [], `${width} px`);
      assert.deepEqual(await elementsBeyondWindow(page), [], `${width} px`);
    }
    assert.deepEqual(await htmlErrors(page), []);
    assert.equal((await headingLevels(page))[0], 1);
  });
}

test('in the demo, clearing a rate limit of six hours ends the app’s cooldown at once', {
  skip,
}, async (t) => {
  const port = await freePort();
  const demo = run(t, 'dev/demo.ts', { PORT: String(port) });
  await demo.waitForOutput(/stands in for Spotify/);
  const app = `http://127.0.0.1:${port}`;
  const page = await (await openBrowser(t)).newPage();
  await page.goto(`${app}/login?returnTo=/playlists`);
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/playlists');
  const press = async (name: string, status: string) => {
    await page.goto(app);
    await page.getByRole('link', { name: 'Simulator control panel' }).click();
    await page.getByRole('button', { name }).click();
    await page.locator('#status').getByText(status).waitFor();
  };

  // Two different pages, because responses are cached for a second.
  for (const [limit, path] of [
    ['Rate limit for 6 hours', '/playlists?page=2'],
    ['Exhaust the quota', '/library'],
  ] as const) {
    await press(limit, 'every call is refused');
    assert.equal((await page.goto(app + path))?.status(), 503);
    await press('Clear all faults', 'Everything works.');
    assert.equal((await page.goto(app + path))?.status(), 200, limit);
  }
});

for (const button of ['Expire sign-ins (six months)', 'Remove the app from all accounts']) {
  test(`after “${button}” the app's next page says that the sign-in has ended`, { skip }, async (t) => {
    const { url, simulator, browser: person } = await startTurntable(t);
    const mara = person();
    await mara.signIn();
    await mara.get('/playlists').expect(200);
    const page = await (await openBrowser(t)).newPage();
    await page.context().addCookies(mara.cookies().map((cookie) => ({ ...cookie, url })));
    await page.goto(simulator.origin);
    await page.getByRole('button', { name: button }).click();
    await page.locator('#status .message').waitFor();

    await page.goto(`${url}/library`);

    assert.ok(await page.getByRole('heading', { name: 'Your Spotify sign-in has expired' }).isVisible());
  });
}

/** The buttons that change the status aren't inside its box. */
function boxOf(page: Page, box: string) {
  return page.locator(box === 'status' ? '#spotify' : `#${box}`);
}
