import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openBrowser, signOut, skipWithoutBrowser as skip } from '../support/chromium.ts';
import { countApiCalls, startTurntable } from '../support/turntable.ts';

/** A page on which the first track has ten seconds left. */
async function nearTheEnd(t: TestContext, options: Parameters<typeof openBrowser>[1] = {}) {
  const turntable = await startTurntable(t, { ticking: true });
  const { simulator, browser: someone } = turntable;
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = someone();
  await mara.signIn();
  const { body } = await mara.getJson('/now-playing');
  const leave = (ms: number) =>
    simulator.plays('mara', { kind: 'track', index: 0, progressMs: body.item.durationMs - ms });
  const browser = await openBrowser(t, options);
  const streams: string[] = [];
  browser.on('request', (request) => {
    if (request.url().includes('/now-playing/events')) streams.push(request.url());
  });
  const page = await browser.newPage();
  await startSignIn(turntable, page);
  leave(10_000);
  // The response to the visit above is cached for a second.
  await sleep(1_100);
  await agree(page);
  return { ...turntable, browser, page, streams, name: body.item.name as string, leave };
}

async function signIn(...how: Parameters<typeof startSignIn>): Promise<void> {
  await startSignIn(...how);
  await agree(how[1]);
}

/** Leads to the page on which the listener agrees. */
async function startSignIn(
  { url }: { url: string },
  page: Page,
  allow = '',
  name = 'Mara Lindqvist',
): Promise<void> {
  await page.goto(`${url}/login?returnTo=/now-playing${allow}`);
  await page.getByRole('radio', { name }).check();
}

async function agree(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Agree' }).click();
  await page.waitForURL('**/now-playing');
}

/** Makes the page hidden or visible, as the browser does. */
const hide = (page: Page, hidden: boolean) =>
  page.evaluate(
    `Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
     document.dispatchEvent(new Event('visibilitychange'));`,
  );

/** Something between browser and server that can stop forwarding without closing the connection. */
async function startRelay(t: TestContext) {
  let to = 0;
  const pairs: [Socket, Socket][] = [];
  const relay = createServer((from) => {
    const on = connect(to, '127.0.0.1');
    from.pipe(on).pipe(from);
    from.on('error', () => on.destroy());
    on.on('error', () => from.destroy());
    pairs.push([from, on]);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of pairs.flat()) socket.destroy();
    relay.close();
  });
  return {
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    leadTo(port: number): void {
      to = port;
    },
    freeze(): void {
      for (const [from, on] of pairs) {
        from.unpipe(on).pause();
        on.unpipe(from).pause();
      }
    },
  };
}

const heading = (page: Page) => page.getByRole('heading', { level: 1 });
const another = (page: Page, name: string) =>
  heading(page).filter({ hasNotText: name }).waitFor({ timeout: 25_000 });
/** The position of the bar, in milliseconds. */
const barAt = (page: Page) => page.evaluate<number>("Number(document.querySelector('#live-bar').value)");

// fault: full-bar
test('a full bar says that it is checking after ten seconds, and then what it found', { skip }, async (t) => {
  const turntable = await startTurntable(t);
  const { simulator, clock, browser: someone } = turntable;
  const mara = someone();
  await mara.signIn();
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  clock.advance({ seconds: 2 });
  const { body } = await mara.getJson('/now-playing');
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: body.item.durationMs - 5_000 });
  clock.advance({ seconds: 2 });
  const page = await (await openBrowser(t)).newPage();
  await page.clock.install();
  await signIn(turntable, page);
  const checking = page.getByText('Checking…');

  await page.clock.fastForward('00:10');
  assert.ok(await page.getByText('Playing on').isVisible(), 'the bar is full, but Spotify may be late');
  await page.clock.fastForward('00:05');
  await checking.waitFor();
  // A card that arrives late starts the ten seconds again.
  await page.getByText('Playing on').waitFor({ state: 'hidden' });

  clock.advance({ seconds: 15 });
  await heading(page).filter({ hasNotText: body.item.name }).waitFor();
  assert.ok(await checking.isHidden());
  assert.ok(await page.getByText('Playing on').isVisible());
});

test('the next track appears by itself: card, title and announcement; the progress bar moves in between', {
  skip,
}, async (t) => {
  const { page, name } = await nearTheEnd(t);
  assert.equal(await heading(page).textContent(), name);
  const first = await barAt(page);
  while ((await barAt(page)) < first + 500) await page.waitForTimeout(50);
  assert.equal(
    await page.locator('#live-announcement').textContent(),
    '',
    'nothing is announced while nothing begins',
  );

  await another(page, name);

  const next = (await heading(page).textContent()) ?? '';
  assert.match(await page.title(), new RegExp(`^${next.slice(0, 20)}`));
  assert.match(
    (await page.locator('#live-announcement').textContent()) ?? '',
    new RegExp(`^Now playing: ${next}, `),
  );
  assert.ok((await barAt(page)) < 10_000);
});

test('of the next track, the page also learns whether it is saved', { skip }, async (t) => {
  const { page, name } = await nearTheEnd(t);
  await another(page, name);
  await page.locator('#live-saved').waitFor();
});

test('tabs of one browser share one stream, and all of them are updated', { skip }, async (t) => {
  const { page, name, browser, url, simulator, streams } = await nearTheEnd(t);
  const second = await browser.newPage();
  await second.goto(`${url}/now-playing`);
  simulator.forgetCalls();

  await Promise.all([another(page, name), another(second, name)]);

  assert.equal(countApiCalls(simulator, '/v1/me/player'), 1);
  assert.equal(streams.length, 1, 'the second tab listens to the first');
});

test('a button keeps the focus when the card around it changes', { skip }, async (t) => {
  const turntable = await nearTheEnd(t);
  const { page, name } = turntable;
  await signIn(turntable, page, '&allow=user-modify-playback-state');
  await page.getByRole('button', { name: 'Next' }).focus();

  await another(page, name);

  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Next');
});

test('the page says so when its stream is lost, and reconnects', { skip }, async (t) => {
  const { page, name, browser } = await nearTheEnd(t);
  await heading(page).waitFor();
  const live = /\/now-playing\/(events|card)/;
  await browser.route(live, (route) => route.abort());
  await page.reload();
  await page.getByText('Connection lost, so this may be out of date. Reconnecting…').waitFor();

  await browser.unroute(live);
  await another(page, name);
  await page.locator('#live-status').waitFor({ state: 'hidden' });
});

test('a notice that appears live shows its time in the time zone of the browser', {
  skip,
}, async (t) => {
  const { page, simulator } = await nearTheEnd(t, { timezoneId: 'Asia/Tokyo', locale: 'en-GB' });
  await heading(page).waitFor();
  const until = Date.now() + 3_600_000;
  simulator.rateLimit(3_600);
  await page
    .getByText('Spotify limits how often this site may ask. Updates are paused until')
    .waitFor({ timeout: 25_000 });

  const moment = page.locator('.notice time').first();
  const there = await moment.getAttribute('datetime');
  assert.ok(Math.abs(Date.parse(there ?? '') - until) < 60_000, there ?? 'no moment');
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'Asia/Tokyo' });
  await moment.filter({ hasText: time.format(Date.parse(there ?? '')) }).waitFor();
  assert.doesNotMatch((await moment.textContent()) ?? '', /UTC/);
});

test('a connection that dies silently is noticed and replaced', { skip }, async (t) => {
  const relay = await startRelay(t);
  const turntable = await startTurntable(t, {
    ticking: true,
    env: { BASE_URL: relay.url },
    timing: { heartbeatMs: 500 },
  });
  relay.leadTo(Number(new URL(turntable.url).port));
  turntable.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const browser = await openBrowser(t);
  const page = await browser.newPage();
  await signIn({ url: relay.url }, page);
  const name = (await heading(page).textContent()) ?? '';
  await page.waitForTimeout(1_000);

  turntable.simulator.plays('mara', { kind: 'track', index: 5, progressMs: 0 });
  relay.freeze();
  await another(page, name);
  await page.locator('#live-status').waitFor({ state: 'hidden' });
});

test('a hidden tab that is shown after another listener has signed in shows theirs', { skip }, async (t) => {
  const { page, browser, url, simulator, name } = await nearTheEnd(t);
  const second = await browser.newPage();
  await hide(page, true);
  await second.goto(`${url}/playlists`);
  await signOut(second);
  simulator.plays('noor', { kind: 'track', index: 7, progressMs: 0 });
  await signIn({ url }, second, '', 'Noor Haddad');
  await hide(second, true);

  await hide(page, false);

  await page.getByRole('button', { name: 'Account: Noor Haddad' }).waitFor();
  await another(page, name);
});

test('the time keeps the format of the page’s locale', { skip }, async (t) => {
  const { page } = await nearTheEnd(t, { locale: 'da-DK' });
  const time = page.locator('#live-time');
  assert.match((await time.textContent()) ?? '', /^\d+\.\d\d$/);
  const first = await time.textContent();
  while ((await time.textContent()) === first) await page.waitForTimeout(50);
  assert.match((await time.textContent()) ?? '', /^\d+\.\d\d$/);
});

// fault: sign-out-in-all-tabs
test('signing out in one tab signs out the others', { skip }, async (t) => {
  const { page, browser, url } = await nearTheEnd(t);
  const second = await browser.newPage();
  await second.goto(`${url}/now-playing`);

  await signOut(second);

  await page.waitForURL(/\/login|\/authorize/);
});

test('a form that opened another tab does not keep this one signed in', { skip }, async (t) => {
  const { page, browser, url } = await nearTheEnd(t);
  await page.getByRole('banner').getByRole('searchbox').fill('night');
  await page.getByRole('button', { name: 'Search' }).click({ modifiers: ['ControlOrMeta'] });
  const second = await browser.newPage();
  await second.goto(`${url}/now-playing`);
  await page.bringToFront();

  await signOut(second);

  await page.waitForURL(/\/login|\/authorize/);
});

test('with reduced motion the progress bar moves in steps', { skip }, async (t) => {
  const { page } = await nearTheEnd(t, { reducedMotion: 'reduce' });
  const values = new Set<number>();
  const startedAt = performance.now();
  for (let looks = 0; looks < 10; looks += 1) {
    values.add(await barAt(page));
    await page.waitForTimeout(200);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(values.size <= 2 + seconds / 5, `${values.size} steps in ${seconds} seconds`);
});
