import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { longPlaylistName, playlistNamed, readTable, signInToExport } from '../support/exports.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

const limited = { status: 429, headers: { 'Retry-After': '7200' }, body: 'Too many requests' };

/** The page of an export of the long playlist, which will have to wait in its middle. */
async function opened(
  t: TestContext,
  javaScriptEnabled: boolean,
): Promise<{ turntable: Turntable; page: Page }> {
  const turntable = await startTurntable(t);
  const path = await playlistNamed(await signInToExport(turntable), longPlaylistName);
  turntable.simulator.fault({ on: /\/items$/, minOffset: 600, answer: limited });
  const browser = await openBrowser(t, { javaScriptEnabled, acceptDownloads: true });
  const page = await browser.newPage();
  await page.goto(`${turntable.url}/login?returnTo=${path}/export`);
  await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL(`**${path}/export`);
  await page.getByRole('button', { name: 'Start export' }).click();
  await page.waitForURL('**/export');
  return { turntable, page };
}

async function fetchTable(page: Page) {
  const downloaded = page.waitForEvent('download');
  await page.getByRole('link', { name: 'CSV', exact: true }).click();
  const file = await downloaded;
  assert.equal(await file.failure(), null);
  return { name: file.suggestedFilename(), rows: readTable(await readFile(await file.path(), 'utf8')) };
}

// fault: page-of-job
test('the page of an export in the background follows it without a reload; it is canceled, resumed and fetched', {
  skip,
}, async (t) => {
  const { turntable, page } = await opened(t, true);
  await page.evaluate('window.isSamePage = true');

  await page.locator('#job[data-state="paused"]').waitFor();
  assert.match(
    await page.locator('#job .lead').innerText(),
    /^Paused until .*, with [\d,]+ of 1,200 rows read/,
  );
  assert.equal(await page.evaluate('window.isSamePage'), true, 'without a reload');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('#job[data-state="canceled"]').waitFor();
  const part = await fetchTable(page);
  assert.match(part.name, / \(rows 1-\d+ of 1,200\)\.csv$/);
  turntable.clock.advance({ hours: 2, seconds: 1 });
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('#job[data-state="done"]').waitFor();

  assert.equal(await page.locator('#job .lead').innerText(), 'Finished: 1,200 rows.');
  const whole = await fetchTable(page);
  assert.equal(whole.name, `${longPlaylistName}.csv`);
  assert.equal(whole.rows.at(-1)?.Position, '1200');
  assert.ok(part.rows.length < whole.rows.length);
});

// fault: page-of-job-without-scripts
test('without scripts, the page of an export in the background reloads by itself, and its buttons work', {
  skip,
}, async (t) => {
  const { turntable, page } = await opened(t, false);

  await page.locator('#job[data-state="paused"]').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.match(await page.locator('#job .lead').innerText(), /^Canceled after [\d,]+ of 1,200 rows/);
  turntable.clock.advance({ hours: 2, seconds: 1 });
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('#job[data-state="done"]').waitFor();

  assert.equal((await fetchTable(page)).rows.at(-1)?.Position, '1200');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'No export' }).waitFor();
});
