import assert from 'node:assert/strict';
import { request } from 'node:http';
import test, { type TestContext } from 'node:test';
import { visit } from './visit.ts';

const both = '/me/player?additional_types=track,episode';

/** The panel as a visitor has it, and the API as the app has it. */
async function atThePanel(t: TestContext, listener = 'mara') {
  const visited = await visit(t);
  const { simulator, signIn, get } = visited;
  const { access, refresh: refreshToken } = await signIn(listener);
  const page = async () => (await fetch(simulator.origin)).text();
  return {
    ...visited,
    access,
    refreshToken,
    page,
    /** What the page says is wrong. */
    trouble: async () =>
      (/id="trouble" data-live>(.*?)<\/div>/s.exec(await page())?.[1] ?? '')
        .replace(/<[^>]+>|\n/g, ' ')
        .trim(),
    press: async (act: string, form: Record<string, string> = { listener }) => {
      const answer = await fetch(`${simulator.origin}${act}`, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin' },
        body: new URLSearchParams(form),
        redirect: 'manual',
      });
      assert.equal(answer.status, 303, act);
      return answer.headers.get('location');
    },
    look: async () => (await get(both, access)).body,
    status: async (path = '/me') => (await get(path, access)).status,
  };
}

test('every button on the page does something', async (t) => {
  const { simulator, page, press } = await atThePanel(t);
  const acts = new Set<string>();
  const pressAll = async () => {
    for (const [, act = ''] of (await page()).matchAll(/formaction="([^"]+)"/g)) {
      if (acts.has(act)) continue;
      acts.add(act);
      await press(act);
    }
  };
  await pressAll();
  simulator.plays('mara', { kind: 'music', paused: true });
  simulator.settings.ownerHasPremium = false;
  simulator.settings.notInvited.add('mara');
  await pressAll();
  assert.equal(acts.size, 24);
});

test('what plays is changed for one listener', async (t) => {
  const { press, look, page, get, signIn, access, simulator } = await atThePanel(t, 'jonas');
  assert.match(await page(), /Nothing is playing/);
  assert.equal(await press('/panel/play-music'), '/#jonas');
  const music = await look();
  assert.deepEqual([music.currently_playing_type, music.is_playing], ['track', true]);
  assert.ok((await page()).includes(`<strong dir="auto">${music.item?.name}</strong>`));

  await press('/panel/play-episode');
  assert.equal((await look()).currently_playing_type, 'episode');
  await press('/panel/play-ad');
  assert.deepEqual([(await look()).currently_playing_type, (await look()).item], ['ad', null]);
  await press('/panel/play-local');
  assert.equal((await look()).item?.is_local, true);
  await press('/panel/play-private');
  assert.equal((await look()).device?.is_private_session, true);
  assert.match(await page(), /in private/);
  await press('/panel/play-nothing');
  assert.equal((await get('/me/player', access)).status, 204);
  const noor = (await get(both, (await signIn('noor')).access)).body;
  assert.equal(noor.currently_playing_type, 'episode', 'another listener goes on');
  simulator.plays('jonas', { kind: 'unknown' });
  assert.match(await page(), /Something unknown/);
});

test('pausing, going on and skipping, as far as it is allowed', async (t) => {
  const { press, look, page, simulator, clock } = await atThePanel(t);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 5_000 });
  const { item } = await look();
  await press('/panel/pause');
  clock.ms += 10_000;
  assert.deepEqual([(await look()).is_playing, (await look()).progress_ms], [false, 5_000]);
  assert.match(await page(), /paused on Kitchen speaker/);
  await press('/panel/pause');
  await press('/panel/resume');
  assert.equal((await look()).is_playing, true);
  await press('/panel/skip');
  const next = await look();
  assert.notEqual(next.item?.id, item?.id);
  assert.equal(next.progress_ms, 0);

  await press('/panel/play-ad');
  assert.match(await page(), /id="mara-skip" formaction="\/panel\/skip" disabled/);
  await press('/panel/skip');
  assert.equal((await look()).currently_playing_type, 'ad');
  simulator.setProduct('mara', 'free');
  await press('/panel/play-music');
  await press('/panel/pause');
  assert.equal((await look()).is_playing, false, 'at the device, Free accounts can pause');
});

test('Free and Premium', async (t) => {
  const { press, access, send, page } = await atThePanel(t);
  const pause = async () => (await send('PUT', '/me/player/pause', access)).status;
  await press('/panel/go-free');
  assert.equal(await pause(), 403);
  assert.match(await page(), /Free account, on the app’s list/);
  await press('/panel/go-premium');
  assert.equal(await pause(), 204);
});

test('on the app’s list, and off it', async (t) => {
  const { press, status, trouble } = await atThePanel(t);
  await press('/panel/disinvite');
  assert.equal(await status(), 403);
  assert.match(await trouble(), /Mara Lindqvist is not on the app’s list/);
  await press('/panel/invite');
  assert.equal(await status(), 200);
});

test('the API version', async (t) => {
  const { press, status, page } = await atThePanel(t);
  assert.equal(await status('/me/tracks/contains?ids='), 403);
  assert.equal(await press('/api-version', { apiVersion: 'legacy' }), '/#spotify');
  assert.equal(await status('/me/library/contains?uris='), 404);
  assert.match(await page(), /value="legacy" checked/);
});

test('tokens that expire, an app that is removed, and six months', async (t) => {
  const { press, status, refresh, refreshToken, signIn, trouble, clock } = await atThePanel(t);
  await press('/panel/expire-tokens', {});
  assert.equal(await status(), 401);
  assert.equal((await refresh(refreshToken)).status, 200);
  assert.match(await trouble(), /All access tokens have expired\. +Everything works\./);
  clock.ms += 10_000;
  assert.equal(await trouble(), 'Everything works.');

  const later = await signIn('mara');
  await press('/panel/end-six-months', {});
  assert.equal((await refresh(later.refresh)).body.error_description, 'Refresh token expired');
  const last = await signIn('mara');
  await press('/panel/revoke-grants', {});
  assert.equal((await refresh(last.refresh)).body.error_description, 'Refresh token revoked');
});

test('limits of two kinds and three lengths', async (t) => {
  const { press, access, get, trouble, status, clock } = await atThePanel(t);
  const refused = async () => {
    const { retryAfter, body } = await get('/me', access);
    return [retryAfter, body?.error?.reason];
  };
  await press('/panel/limit-briefly', {});
  assert.deepEqual(await refused(), ['10', undefined]);
  assert.match(await trouble(), /rate limit is reached: every call is turned away for another 10 s/);
  clock.ms += 10_000;
  assert.equal(await status(), 200);
  await press('/panel/limit-for-hours', {});
  assert.deepEqual(await refused(), ['21600', undefined]);
  await press('/panel/exceed-quota', {});
  clock.ms += 60_000;
  assert.deepEqual(await refused(), ['21540', 'QUOTA_EXCEEDED']);
  assert.match(await trouble(), /quota is used up: every call is turned away for another 5 h 59 min/);
});

test('slow answers and failing ones', async (t) => {
  const { press, status, trouble, simulator } = await atThePanel(t);
  await press('/panel/fail', {});
  assert.match(await trouble(), /The next 3 calls: answered with 502/);
  assert.deepEqual([await status(), await status(), await status(), await status()], [502, 502, 502, 200]);

  await press('/panel/answer-slowly', {});
  assert.match(await trouble(), /The next 5 calls: answered after 2 s/);
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 5 }, () => status()));
  assert.deepEqual(answers, [200, 200, 200, 200, 200]);
  assert.ok(performance.now() - began > 1_900);
  const then = performance.now();
  assert.equal(await status(), 200);
  assert.ok(performance.now() - then < 1_900);
  simulator.fault({ on: 'api', how: 'reset' });
  assert.match(await trouble(), /The next call: a broken answer \(reset\)/);
});

test('the owner’s Premium, and the end of all faults', async (t) => {
  const { press, status, trouble, simulator } = await atThePanel(t);
  await press('/panel/take-premium', {});
  assert.equal(await status(), 403);
  assert.match(await trouble(), /owner of the app has no Premium/);
  await press('/panel/give-premium', {});
  assert.equal(await status(), 200);

  for (const act of ['take-premium', 'fail', 'answer-slowly', 'exceed-quota'])
    await press(`/panel/${act}`, {});
  await press('/panel/disinvite');
  simulator.settings.callsPerDay = 1;
  await press('/panel/clear-faults', {});
  assert.equal(await trouble(), 'Everything works.');
  const began = performance.now();
  assert.equal(await status(), 200);
  assert.equal(await status(), 200);
  assert.ok(performance.now() - began < 1_900);
});

test('the calls are listed, newest first, with nothing secret and nothing believed', async (t) => {
  const { page, get, send, token, access, simulator } = await atThePanel(t);
  simulator.forgetCalls();
  assert.match(await page(), /Nothing yet/);
  await token({ grant_type: 'client_credentials' });
  await get('/me/playlists?limit=3', access);
  await send('PUT', '/me/player/pause?device_id=<b>none</b>', access);
  const rows = [...(await page()).matchAll(/<tr>(<td.*?)<\/tr>/gs)].map(([, row = '']) => row);
  const words = rows.map((row) =>
    row
      .replace(/<\/td>|<wbr>/g, ' ')
      .replace(/<[^>]+>/g, '')
      .trim(),
  );
  assert.deepEqual(words, [
    '12:00:00 api PUT /v1/me/player/pause ?device_id=&lt;b&gt;none&lt;/b&gt; 404 Mara Lindqvist',
    '12:00:00 api GET /v1/me/playlists ?limit=3 200 Mara Lindqvist',
    '12:00:00 accounts POST /api/token  client_credentials 200 –',
  ]);
  for (let more = 0; more < 110; more += 1) await get('/me', access);
  assert.equal((await page()).match(/<tr><td/g)?.length, 100);
  assert.ok(!(await page()).includes(access));
});

test('only the page itself may press its buttons', async (t) => {
  const { simulator, status, get, access } = await atThePanel(t);
  const { host, port } = new URL(simulator.origin);
  const pressed = async (headers: Record<string, string>, path = '/panel/take-premium') => {
    const answer = await raw(Number(port), path, { host, ...headers });
    simulator.settings.ownerHasPremium = true;
    return answer;
  };
  assert.equal(await pressed({ 'sec-fetch-site': 'same-origin' }), 303);
  assert.equal(await pressed({ origin: simulator.origin }), 303, 'an older browser');
  assert.equal(await pressed({ 'sec-fetch-site': 'same-origin', host: `127.0.0.1:${port}` }), 303);
  for (const headers of [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: simulator.origin },
    { origin: 'http://127.0.0.1:3000' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-origin', host: `rebound.example:${port}` },
    { origin: `http://rebound.example:${port}`, host: `rebound.example:${port}` },
  ]) {
    assert.equal(await pressed(headers), 404, JSON.stringify(headers));
  }
  await raw(Number(port), '/panel/disinvite', { host, 'sec-fetch-site': 'cross-site' }, 'listener=mara');
  assert.equal(await status(), 200);

  const ours = { 'sec-fetch-site': 'same-origin' };
  assert.equal(await pressed(ours, '/panel/nonsense'), 404);
  assert.equal(await pressed(ours, '/panel/constructor'), 404);
  assert.equal(await pressed(ours, '/panel/play-ad'), 404, 'for nobody');
  assert.equal(await pressed(ours, '/api-version'), 404, 'none');
  assert.equal((await get(both, access)).body.currently_playing_type, 'track');
  assert.equal((await fetch(`${simulator.origin}/panel/take-premium`)).status, 404, 'by its address alone');
});

test('the page brings one script and one sheet, and lets nothing else in', async (t) => {
  const { simulator, page } = await atThePanel(t);
  const answer = await fetch(simulator.origin);
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.match(
    policy,
    /default-src 'none'; .*script-src 'self'; connect-src 'self'; .*frame-ancestors 'none'/,
  );
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const html = await page();
  assert.deepEqual(html.match(/<script[^>]*>/g), ['<script src="/panel.js" defer>']);
  assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style/);
  for (const [path, type] of [
    ['/panel.js', 'text/javascript; charset=utf-8'],
    ['/simulator.css', 'text/css; charset=utf-8'],
  ]) {
    assert.equal((await fetch(simulator.origin + path)).headers.get('content-type'), type);
  }
});

/** A POST with headers that fetch does not let one choose; gives the status. */
function raw(port: number, path: string, headers: Record<string, string>, body = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    request({ host: '127.0.0.1', port, path, method: 'POST', headers: { ...type, ...headers } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end(body);
  });
}
