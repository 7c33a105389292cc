import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/fleet.ts';
import { startLiveListener } from '../support/live-listener.ts';
import { allowAll, apiRequests, formFields } from '../support/pages.ts';
import { type Browser, startTurntable } from '../support/turntable.ts';

/* The bar at the bottom of pages without scripts: another page, in a frame. */

/** Returns the address of the frame of a page, as a browser without scripts loads it. */
function frameOf(html: string): string {
  const [, src] = /<noscript><iframe [^>]*src="([^"]+)"><\/iframe><\/noscript>/.exec(html) ?? [];
  assert.ok(src, 'the page has the bar');
  return src.replaceAll('&amp;', '&');
}

async function barOf(person: Browser, path: string): Promise<string> {
  const page = await person.get(path).expect(200);
  return (await person.get(frameOf(page.text)).expect(200)).text;
}

async function start(t: Parameters<typeof startLiveListener>[0]) {
  const turntable = await startLiveListener(t);
  const mara = turntable.browser();
  await mara.signIn('mara', allowAll);
  turntable.simulator.forgetCalls();
  return { ...turntable, mara };
}

test('without scripts a page has a bar with what is playing and its controls, without a call', async (t) => {
  const { mara, name, simulator } = await start(t);
  const bar = await barOf(mara, '/account');
  assert.ok(bar.includes(name));
  for (const label of ['Previous', 'Pause', 'Next', 'Save to library', 'Volume', 'Devices'])
    assert.match(bar, new RegExp(`title="(${label}|Save current track|Remove from library)"`), label);
  assert.deepEqual(
    apiRequests(simulator).filter((one) => one.includes('/player')),
    [],
  );
});

test('its buttons lead back to the page around it, whose bar then shows the effect by one call', async (t) => {
  const { mara, name, simulator, clock } = await start(t);
  const here = '/library/top?of=tracks';
  const fields = formFields(await barOf(mara, here), '/player/next');
  assert.equal(fields.returnTo, here);
  simulator.forgetCalls();

  const answer = await mara.post('/player/next').type('form').send(fields).expect(303);
  clock.advance({ seconds: 3 });
  assert.equal(answer.headers.location, `${here}&notice=skipped`);
  const page = await mara.get(String(answer.headers.location)).expect(200);
  assert.match(page.text, /role="status">Skipped\.</);
  const after = (await mara.get(frameOf(page.text)).expect(200)).text;

  assert.ok(!after.includes(name), 'another track plays');
  const calls = apiRequests(simulator).filter((one) => one.includes('/player'));
  assert.deepEqual(calls, ['POST /me/player/next', 'GET /me/player']);
  assert.equal(formFields(after, '/player/pause').returnTo, here);
});

test('a pause from the bar shows as a pause', async (t) => {
  const { mara, clock } = await start(t);
  const fields = formFields(await barOf(mara, '/account'), '/player/pause');
  const answer = await mara.post('/player/pause').type('form').send(fields).expect(303);
  clock.advance({ seconds: 3 });
  const bar = await barOf(mara, String(answer.headers.location));
  assert.match(bar, /Paused · /);
  assert.match(bar, /action="\/player\/play"/);
  assert.doesNotMatch(bar, /action="\/player\/pause"/);
});

test('its heart saves the track, and then shows it', async (t) => {
  const { mara, simulator } = await start(t);
  const { body } = await mara.getJson('/now-playing').expect(200);
  const [before, after] = body.saved ? ['remove', 'save'] : ['save', 'remove'];
  const bar = await barOf(mara, '/account');
  const fields = { ...formFields(bar, `/library/${before}`), uri: body.item.uri };
  simulator.forgetCalls();
  const answer = await mara.post(`/library/${before}`).type('form').send(fields).expect(303);
  assert.match(String(answer.headers.location), /^\/account\?notice=track-/);
  await until(async () => (await barOf(mara, '/account')).includes(`action="/library/${after}"`));
});

test('the bar claims nothing that it can’t know: after the end of a track, or long after a pause', async (t) => {
  const { mara, name, clock, durationMs, simulator } = await start(t);
  clock.advance({ seconds: durationMs / 1000 + 59 });
  assert.ok((await barOf(mara, '/account')).includes(name));
  clock.advance({ seconds: 2 });
  const bar = await barOf(mara, '/account');
  assert.ok(!bar.includes(name));
  assert.match(bar, />Now playing</);
  assert.doesNotMatch(bar, /<form/);

  simulator.plays('mara', { kind: 'nothing' });
  await mara.get('/now-playing').expect(200);
  await until(async () => (await barOf(mara, '/account')).includes('Nothing is playing'));
  clock.advance({ minutes: 11 });
  assert.match(await barOf(mara, '/account'), />Now playing</);
});

test('if Spotify can’t say what a command did, the bar claims nothing', async (t) => {
  const busy = { status: 429, headers: { 'Retry-After': '60' }, body: '' };
  for (const answer of [{ status: 500, body: '' }, busy]) {
    const { mara, name, simulator } = await start(t);
    simulator.fault({ on: /\/me\/player$/, answer, times: 9 });
    const bar = await barOf(mara, '/account?notice=skipped');
    assert.ok(!bar.includes(name), String(answer.status));
    assert.match(bar, />Now playing</);
  }
});

test('a player that is stuck at the end of a track isn’t shown as playing for long', async (t) => {
  const { mara, name, clock, durationMs, simulator } = await start(t);
  for (let polls = 0; polls < 3; polls += 1) {
    simulator.plays('mara', { kind: 'track', index: 0, progressMs: durationMs });
    clock.advance({ seconds: 5 });
    await mara.get('/now-playing').expect(200);
  }
  clock.advance({ minutes: 11 });
  assert.ok(!(await barOf(mara, '/account')).includes(name));
});

test('only pages of this site may show the bar in a frame, and only the bar', async (t) => {
  const { mara } = await start(t);
  const { headers } = await mara.get('/now-playing/bar').expect(200);
  assert.match(headers['content-security-policy'] ?? '', /frame-ancestors 'self'$/);
  assert.equal(headers['x-frame-options'], 'SAMEORIGIN');
  const page = await mara.get('/account').expect(200);
  assert.match(page.headers['content-security-policy'] ?? '', /frame-ancestors 'none'$/);
  assert.equal(page.headers['x-frame-options'], 'DENY');
  await mara
    .get('/now-playing/bar')
    .set({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'iframe' })
    .expect(403);
});

test('the bar leads back to this site only, and offers what the listener may do', async (t) => {
  const { mara, browser, simulator } = await start(t);
  const { text } = await mara.get('/now-playing/bar?returnTo=https://evil.example/').expect(200);
  assert.equal(formFields(text, '/player/next').returnTo, '/');
  const reader = browser();
  await reader.signIn('mara');
  const limited = (await reader.get('/now-playing/bar').expect(200)).text;
  assert.doesNotMatch(limited, /<form/);
  simulator.settings.grantedScope = 'playlist-read-private';
  const other = browser();
  await other.signIn('mara');
  await other.get('/now-playing/bar').expect(403);
});

test('pages of visitors have no frame', async (t) => {
  const { browser } = await startTurntable(t);
  const page = await browser().get('/').expect(200);
  assert.doesNotMatch(page.text, /iframe/);
});
