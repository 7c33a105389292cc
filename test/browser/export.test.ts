import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import {
  delayPages,
  lengthenPlaylist,
  longPlaylistName,
  playlistNamed,
  readTable,
  signInToExport,
} from '../support/exports.ts';
import { startTurntable, type Turntable } from '../support/turntable.ts';

const limited = { status: 429, headers: { 'Retry-After': '40' }, body: 'Too many requests' };

/** A browser of Mara's on one of her pages, and the text that the page shows about an export. */
async function opened(
  t: TestContext,
  turntable: Turntable,
  path: string,
  javaScriptEnabled = true,
): Promise<Page> {
  const browser = await openBrowser(t, { javaScriptEnabled, acceptDownloads: true });
  const page = await browser.newPage();
  await page.goto(`${turntable.url}/login?returnTo=${path}`);
  await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL(`**${path}`);
  return page;
}

test('the page that started an export shows its pause and its end, and stays open', {
  skip,
}, async (t) => {
  const turntable = await startTurntable(t, { timing: { firstByteMs: 8_000 } });
  const { simulator, clock, logged } = turntable;
  const path = await playlistNamed(await signInToExport(turntable), longPlaylistName);
  const page = await opened(t, turntable, `${path}/export`);
  delayPages(turntable, 0, 6);
  simulator.fault({ on: /\/items$/, answer: limited });

  const downloaded = page.waitForEvent('download', { timeout: 60_000 });
  // A click would wait for the download to begin.
  await page.getByRole('link', { name: 'Download CSV' }).dispatchEvent('click');
  // The page polls while its browser waits for the file, so this test has to wait as well.
  while (!/"path":"\/playlists\/export\/progress"/.test(logged.join(''))) await sleep(100);
  assert.doesNotMatch(logged.join(''), /"path":"[^"]*export\.csv"/, 'the file has not come');
  const text = (selector: string) =>
    page.evaluate<string>(`document.querySelector('${selector}')?.innerText ?? ''`);
  while (!/^Paused/.test(await text('#export-state'))) await sleep(100);
  assert.match(await text('#export-state'), /^Paused until .*, with \d+ of 1,200 rows read/);
  assert.match(await text('#export-announcement'), /^Paused until/);
  while (/UTC/.test(await text('#export-state'))) await sleep(100); // until the script has replaced UTC with the reader's local time
  clock.advance({ seconds: 40 });
  const file = await downloaded;

  assert.equal(file.suggestedFilename(), `${longPlaylistName}.csv`);
  assert.equal(await file.failure(), null);
  assert.equal(readTable(await readFile(await file.path(), 'utf8')).at(-1)?.Position, '1200');
  await page.locator('#export-state [data-state="complete"]').waitFor();
  assert.equal(await page.locator('#export-state').innerText(), 'Finished: 1,200 rows.');
  assert.equal(new URL(page.url()).pathname, `${path}/export`);
});

// fault: failed-download-in-browser
test('a long download that cannot go on fails in the browser, and the page says why', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const path = await playlistNamed(await signInToExport(turntable), longPlaylistName);
  const page = await opened(t, turntable, `${path}/export`);
  lengthenPlaylist(turntable, 0, 20);
  turntable.simulator.fault({ on: /\/items$/, times: 100, answer: { status: 502, body: '' } });

  const downloaded = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download CSV' }).click();
  const file = await downloaded;

  assert.notEqual(await file.failure(), null);
  await page.locator('#export-state [data-state="stopped"]').waitFor();
  assert.match(
    await page.locator('#export-state').innerText(),
    /^Stopped after 1,000 of 3,000 rows: Spotify didn’t respond\. If your browser saved a file, it’s incomplete\./,
  );
});

// fault: export-pause-without-scripts
test('without scripts, the page of an export shows its pause', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock } = turntable;
  const path = await playlistNamed(await signInToExport(turntable), longPlaylistName);
  const page = await opened(t, turntable, `${path}/export`, false);
  lengthenPlaylist(turntable, 0, 20);
  simulator.fault({ on: /\/items$/, answer: limited });
  lengthenPlaylist(turntable, 0, 40);

  const downloaded = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download JSON' }).click();
  const file = await downloaded;
  await page.getByRole('link', { name: 'Show progress' }).click();
  const shown = page.locator('#export-state [data-state]');
  // It reloads itself until it shows the pause, and then until it shows the end.
  await shown.filter({ hasText: /^\s*Paused until .*, with [\d,]+ of 3,000 rows read/ }).waitFor();
  clock.advance({ seconds: 40 });
  await page.locator('#export-state [data-state="complete"]').waitFor();
  assert.equal(await shown.innerText(), 'Finished: 3,000 rows.');

  assert.equal(await file.failure(), null);
});

test('a download that cannot begin yet begins by itself', { skip }, async (t) => {
  const turntable = await startTurntable(t, { timing: { firstByteMs: 0 } });
  const { simulator, clock } = turntable;
  const path = await playlistNamed(await signInToExport(turntable), longPlaylistName);
  const page = await opened(t, turntable, `${path}/export`);
  const answer = { status: 429, headers: { 'Retry-After': '3' }, body: '' };
  simulator.fault({ on: /\/playlists\/\w+$/, answer });

  await page.getByRole('link', { name: 'Download CSV' }).click();
  await page.getByRole('heading', { name: /^Paused until/ }).waitFor();
  const downloaded = page.waitForEvent('download');
  clock.advance({ seconds: 3 });

  assert.equal((await downloaded).suggestedFilename(), `${longPlaylistName}.csv`);
  await page.locator('#export-state [data-state="complete"]').waitFor();
});
