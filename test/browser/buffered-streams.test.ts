import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { becomesTrue, openBrowser, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { until } from '../support/fleet.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

/** A proxy that forwards an event stream only after it has ended, for as long as buffering is on. */
async function bufferingProxy(t: TestContext) {
  const proxy = { url: '', to: '', isBuffering: true };
  const server = createServer((req, res) => {
    const onward = request(proxy.to + req.url, { method: req.method, headers: req.headers }, (answer) => {
      const isHeld = proxy.isBuffering && /event-stream/.test(answer.headers['content-type'] ?? '');
      const held: Buffer[] = [];
      if (!isHeld) {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
        return;
      }
      answer.on('data', (piece: Buffer) => held.push(piece));
      answer.once('end', () =>
        res.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(held)),
      );
    });
    onward.on('error', () => res.destroy());
    res.once('close', () => onward.destroy());
    req.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

/** A listener on the now-playing page behind such a proxy; every connection message that the page shows is recorded. */
async function behindProxy(t: TestContext) {
  const proxy = await bufferingProxy(t);
  const turntable = await startTurntable(t, {
    ticking: true,
    env: { BASE_URL: proxy.url },
    timing: { heartbeatMs: 500 },
  });
  proxy.to = turntable.url;
  const { simulator } = turntable;
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const browser = await openBrowser(t);
  const fetched: string[] = [];
  browser.on('request', (sent) => {
    if (sent.url().includes('/now-playing/card')) fetched.push(sent.url());
  });
  const page = await browser.newPage();
  const said: string[] = [];
  await page.exposeFunction('writeDown', (words: string) => said.push(words));
  await page.addInitScript(`addEventListener('DOMContentLoaded', () => {
    const state = document.getElementById('live-status');
    if (state) new MutationObserver(() => state.textContent && writeDown(state.textContent)).observe(state, { childList: true });
  });`);
  await page.goto(`${proxy.url}/login?returnTo=/now-playing`);
  await page.getByRole('radio', { name: 'Mara Lindqvist' }).check();
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
  return { ...turntable, proxy, page, fetched, said };
}

const heading = (page: Page) => page.getByRole('heading', { level: 1 });
const isAnother = (page: Page, name: string, timeout: number) =>
  heading(page).filter({ hasNotText: name }).waitFor({ timeout });

// fault: proxy-buffers-streams
test('behind a proxy that buffers streams the next track appears by itself, with one poll and no message', {
  skip,
}, async (t) => {
  const { page, fetched, said, simulator } = await behindProxy(t);
  const name = (await heading(page).textContent()) ?? '';
  await until(() => fetched.length > 0);
  assert.equal(countApiCalls(simulator, '/v1/me/player'), 1, 'the page’s own');

  const { item } = await page.evaluate<{ item: { durationMs: number } }>(
    "fetch('/now-playing', { headers: { Accept: 'application/json' } }).then((answer) => answer.json())",
  );
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: item.durationMs - 12_000 });
  // The last answer is cached for two seconds; the page after that polls, so the end of the track is known.
  await page.waitForTimeout(2_100);
  await page.goto(page.url());
  await until(() => fetched.length > 1);
  simulator.forgetCalls();
  fetched.length = 0;

  await isAnother(page, name, 60_000);

  assert.match((await page.locator('#live-announcement').textContent()) ?? '', /^Now playing: /);
  assert.equal(countApiCalls(simulator, '/v1/me/player'), 1, 'as many as with a stream');
  assert.ok(fetched.length <= 3, `${fetched.length} fetches`);
  assert.deepEqual(said, []);
});

// fault: proxy-stops-buffering
test('when the proxy stops buffering, the page goes back to streams', { skip }, async (t) => {
  const { page, fetched, said, simulator, proxy } = await behindProxy(t);
  const name = (await heading(page).textContent()) ?? '';
  await until(() => fetched.length > 0);
  const streams: string[] = [];
  page.on('request', (sent) => {
    if (sent.url().includes('/now-playing/events')) streams.push(sent.url());
  });

  proxy.isBuffering = false;
  await until(() => streams.length > 0);
  // The page no longer fetches, and a change made on another page arrives in a moment.
  await becomesTrue(page, "sessionStorage.getItem('failed streams') === '0'");
  const before = fetched.length;
  simulator.plays('mara', { kind: 'track', index: 5, progressMs: 0 });
  await page.evaluate("fetch('/now-playing/poll', { method: 'POST' })");
  await isAnother(page, name, 15_000);

  assert.equal(fetched.length, before);
  assert.deepEqual(said, []);
});
