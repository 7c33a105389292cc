import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { axeViolations, elementsBeyondWindow, htmlErrors, smallTargets } from '../support/page-checks.ts';
import { app, startWithoutCredentials } from '../support/setup-site.ts';

async function fillIn(page: Page, code: string): Promise<void> {
  await page.getByLabel('Client ID', { exact: true }).fill(` ${app.clientId}`);
  await page.getByLabel('Client secret', { exact: true }).fill(app.clientSecret);
  await page.getByLabel('Code', { exact: true }).fill(code);
  await page.getByRole('button', { name: 'Connect' }).click();
}

for (const javaScriptEnabled of [true, false]) {
  test(`an owner connects the app on the setup page and signs in (scripts ${javaScriptEnabled ? 'on' : 'off'})`, {
    skip,
  }, async (t) => {
    const { url, code } = await startWithoutCredentials(t);
    const page = await (await openBrowser(t, { javaScriptEnabled, serviceWorkers: 'allow' })).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(url);

    await fillIn(page, 'WRONG');
    await page.getByRole('alert').getByText('That isn’t the code.').waitFor();
    assert.equal(await page.getByLabel('Client secret', { exact: true }).inputValue(), '');
    assert.ok(await isInView(page), 'the browser scrolls to the form');
    await fillIn(page, code);

    await page.getByText('Your Spotify app is connected. Now you can sign in.').waitFor();
    await page.getByRole('link', { name: 'Sign in with Spotify' }).click();
    await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
    await page.getByRole('button', { name: 'Agree' }).click();
    await page.waitForURL('**/now-playing');
    await page.getByText('Playing on Kitchen speaker').waitFor();
    assert.deepEqual(
      complaints.filter((text) => !/status of 403/.test(text)),
      [],
    );
  });
}

async function isInView(page: Page): Promise<boolean> {
  const box = await page.getByRole('alert').boundingBox();
  const { height = 0 } = page.viewportSize() ?? {};
  return box !== null && box.y >= 0 && box.y < height;
}

test('the form of the setup page: axe and html-validate find nothing, at any width', { skip }, async (t) => {
  const { url } = await startWithoutCredentials(t);
  const page = await (await openBrowser(t)).newPage();
  for (const width of [320, 390, 1280])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      for (const open of [() => page.goto(url), () => fillIn(page, 'WRONG')]) {
        await open();
        assert.deepEqual(await axeViolations(page), []);
        assert.deepEqual(await smallTargets(page), []);
        assert.deepEqual(await elementsBeyondWindow(page), []);
      }
    }
  assert.deepEqual(await htmlErrors(page), []);
});

test('the copy buttons shift nothing, neither when they appear nor when they say what they did', {
  skip,
}, async (t) => {
  const { url } = await startWithoutCredentials(t);
  const browser = await openBrowser(t, { permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await browser.newPage();
  await page.addInitScript(`
    globalThis.shifts = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (shifts += value)))
      .observe({ type: 'layout-shift', buffered: true });
  `);
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(url);
    const before = await page.getByRole('button', { name: 'Copy: App name' }).boundingBox();
    await page.getByRole('button', { name: 'Copy: App name' }).click();
    const copied = page.getByRole('button', { name: 'Copied: App name' });
    await copied.waitFor();
    assert.deepEqual(await copied.boundingBox(), before);
    assert.equal(await page.evaluate('shifts'), 0);
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'Turntable');
  }
});
