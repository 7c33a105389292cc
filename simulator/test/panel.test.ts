import assert from 'node:assert/strict';
import { request } from 'node:http';
import test, { type TestContext } from 'node:test';
import { startTestSimulator } from './start-test-simulator.ts';

const both = '/me/player?additional_types=track,episode';

/** Signs a listener in to the app. Also returns functions for the panel and for the listener's player. */
async function openPanel(t: TestContext, listener = 'mara', onClear = () => {}) {
  const started = await startTestSimulator(t, { onClear });
  const { simulator, signIn, get } = started;
  const { access, refresh: refreshToken } = await signIn(listener);
  const page = async () => (await fetch(simulator.origin)).text();
  return {
    ...started,
    access,
    refreshToken,
    page,
    statusText: async () =>
      (/id="status" data-live>(.*?)<\/div>/s.exec(await page())?.[1] ?? '')
        .replace(/<[^>]+>|\n/g, ' ')
        .trim(),
    press: async (path: string, form: Record<string, string> = { listener }) => {
      const response = await fetch(`${simulator.origin}${path}`, {
        method: 'POST',
        headers: { 'sec-fetch-site': 'same-origin' },
        body: new URLSearchParams(form),
        redirect: 'manual',
      });
      assert.equal(response.status, 303, path);
      return response.headers.get('location');
    },
    player: async () => (await get(both, access)).body,
    status: async (path = '/me') => (await get(path, access)).status,
  };
}

test('every button on the panel works', async (t) => {
  const { simulator, page, press } = await openPanel(t);
  const paths = new Set<string>();
  const pressAll = async () => {
    for (const [, path = ''] of (await page()).matchAll(/formaction="([^"]+)"/g)) {
      if (paths.has(path)) continue;
      paths.add(path);
      await press(path, { listener: 'mara', endpoint: 'GET /me' });
    }
  };
  await pressAll();
  simulator.plays('mara', { kind: 'music', paused: true });
  simulator.settings.ownerHasPremium = false;
  simulator.settings.notInvited.add('mara');
  await pressAll();
  assert.equal(paths.size, 26);
});

test('the panel changes what one listener plays', async (t) => {
  const { press, player, page, get, signIn, access, simulator } = await openPanel(t, 'jonas');
  assert.match(await page(), /Nothing is playing/);
  assert.equal(await press('/panel/play-music'), '/#jonas');
  const music = await player();
  assert.deepEqual([music.currently_playing_type, music.is_playing], ['track', true]);
  assert.ok((await page()).includes(`<strong dir="auto">${music.item?.name}</strong>`));

  await press('/panel/play-episode');
  assert.equal((await player()).currently_playing_type, 'episode');
  await press('/panel/play-ad');
  assert.deepEqual([(await player()).currently_playing_type, (await player()).item], ['ad', null]);
  await press('/panel/play-local');
  assert.equal((await player()).item?.is_local, true);
  await press('/panel/play-private');
  assert.equal((await player()).device?.is_private_session, true);
  assert.match(await page(), /private session/);
  await press('/panel/play-nothing');
  assert.equal((await get('/me/player', access)).status, 204);
  const noor = (await get(both, (await signIn('noor')).access)).body;
  assert.equal(noor.currently_playing_type, 'episode', 'another listener isn’t affected');
  simulator.plays('jonas', { kind: 'unknown' });
  assert.match(await page(), /Unknown item/);
});

test('the panel pauses, resumes and skips if the player allows it', async (t) => {
  const { press, player, page, simulator, clock } = await openPanel(t);
  simulator.plays('mara', { kind: 'track', index: 0, progressMs: 5_000 });
  const { item } = await player();
  await press('/panel/pause');
  clock.ms += 10_000;
  assert.deepEqual([(await player()).is_playing, (await player()).progress_ms], [false, 5_000]);
  assert.match(await page(), /paused on Kitchen speaker/);
  await press('/panel/pause');
  await press('/panel/resume');
  assert.equal((await player()).is_playing, true);
  await press('/panel/skip');
  const next = await player();
  assert.notEqual(next.item?.id, item?.id);
  assert.equal(next.progress_ms, 0);

  await press('/panel/play-ad');
  assert.match(await page(), /id="mara-skip" formaction="\/panel\/skip" disabled/);
  await press('/panel/skip');
  assert.equal((await player()).currently_playing_type, 'ad');
  simulator.setProduct('mara', 'free');
  await press('/panel/play-music');
  await press('/panel/pause');
  assert.equal((await player()).is_playing, false, 'Free accounts can pause on the device');
});

test('the panel switches between Free and Premium', async (t) => {
  const { press, access, send, page } = await openPanel(t);
  const pause = async () => (await send('PUT', '/me/player/pause', access)).status;
  await press('/panel/switch-to-free');
  assert.equal(await pause(), 403);
  assert.match(await page(), /Free account, invited to the app/);
  await press('/panel/switch-to-premium');
  assert.equal(await pause(), 204);
});

test('the panel withdraws an invitation and invites again', async (t) => {
  const { press, status, statusText } = await openPanel(t);
  await press('/panel/uninvite');
  assert.equal(await status(), 403);
  assert.match(await statusText(), /Mara Lindqvist isn’t invited to the app/);
  await press('/panel/invite');
  assert.equal(await status(), 200);
});

test('the panel switches the API version', async (t) => {
  const { press, status, page } = await openPanel(t);
  assert.equal(await status('/me/tracks/contains?ids='), 403);
  assert.equal(await press('/api-version', { apiVersion: 'legacy' }), '/#spotify');
  assert.equal(await status('/me/library/contains?uris='), 404);
  assert.match(await page(), /value="legacy" checked/);
});

test('the panel expires access tokens, expires sign-ins and removes the app', async (t) => {
  const { press, status, refresh, refreshToken, signIn, statusText, clock } = await openPanel(t);
  await press('/panel/expire-access-tokens', {});
  assert.equal(await status(), 401);
  assert.equal((await refresh(refreshToken)).status, 200);
  assert.match(await statusText(), /All access tokens have expired\. +Everything works\./);
  clock.ms += 10_000;
  assert.equal(await statusText(), 'Everything works.');

  const later = await signIn('mara');
  await press('/panel/expire-consents', {});
  assert.equal((await refresh(later.refresh)).body.error_description, 'Refresh token expired');
  const last = await signIn('mara');
  await press('/panel/revoke-grants', {});
  assert.equal((await refresh(last.refresh)).body.error_description, 'Refresh token revoked');
});

test('the panel sets rate limits and exhausts the quota', async (t) => {
  const { press, access, get, statusText, status, clock } = await openPanel(t);
  const refusal = async () => {
    const { retryAfter, body } = await get('/me', access);
    return [retryAfter, body?.error?.reason];
  };
  await press('/panel/rate-limit-10s', {});
  assert.deepEqual(await refusal(), ['10', undefined]);
  assert.match(await statusText(), /Rate limit: every call is refused \(429\) for another 10 s/);
  clock.ms += 10_000;
  assert.equal(await status(), 200);
  await press('/panel/rate-limit-6h', {});
  assert.deepEqual(await refusal(), ['21600', undefined]);
  await press('/panel/exhaust-quota', {});
  clock.ms += 60_000;
  assert.deepEqual(await refusal(), ['21540', 'QUOTA_EXCEEDED']);
  assert.match(await statusText(), /Quota exhausted: every call is refused \(429\) for another 5 h 59 min/);
});

test('the panel limits the calls of one family, with the response that is chosen', async (t) => {
  const { press, access, get, statusText, status } = await openPanel(t);
  const search = '/search?q=a&type=track';
  await press('/panel/exhaust-quota', { family: 'search', body: '' });
  const { retryAfter, body } = await get(search, access);
  assert.deepEqual([retryAfter, body?.error?.reason], ['21600', 'QUOTA_EXCEEDED']);
  assert.equal(await status(), 200);
  assert.equal(
    await statusText(),
    'Quota exhausted for search: these calls are refused (429) for another 6 h.',
  );

  await press('/panel/rate-limit-10s', { family: 'lists', body: 'json', 'without-retry-after': 'on' });
  const limited = await get('/me/tracks', access);
  assert.deepEqual([limited.status, limited.retryAfter], [429, null]);
  assert.deepEqual(limited.body.error, { status: 429, message: 'Too many requests' });
  assert.match(await statusText(), /Rate limit for lists: these calls are refused \(429\) for another 10 s/);
  await press('/panel/exhaust-quota', { family: 'search', body: 'text' });
  assert.equal((await get(search, access)).text, 'Too many requests');
});

test('the panel exhausts a whole bucket', async (t) => {
  const { press, statusText, status, simulator } = await openPanel(t);
  simulator.settings.buckets = [{ families: ['search', 'catalogue'], callsPerDay: 50 }];
  await press('/panel/exhaust-quota', { family: 'catalogue' });
  assert.equal(await status('/search?q=a&type=track'), 429);
  assert.match(await statusText(), /Quota exhausted for catalogue, search: these calls are refused/);
});

test('the panel removes an endpoint, and resets all limits', async (t) => {
  let clears = 0;
  const { press, status, statusText, simulator } = await openPanel(t, 'mara', () => {
    clears += 1;
  });
  simulator.settings.callsPerDay = 1;
  await press('/panel/remove-endpoint', { endpoint: 'GET /me/player' });
  assert.equal(await status('/me/player'), 429);
  assert.equal(await status(), 200);
  assert.equal(await status(), 429);
  assert.match(await statusText(), /Quota exhausted: every call is refused \(429\) for another 24 h\./);
  assert.match(await statusText(), /GET \/me\/player is gone: every call to it is refused \(429\)\./);
  await press('/panel/exhaust-quota', { family: 'search' });
  assert.equal(clears, 0);
  await press('/panel/reset-limits', {});
  assert.equal(clears, 1, 'the app can end its cooldown');
  assert.match(await statusText(), /^All limits are reset\. *Everything works\.$/);
  assert.equal(await status('/me/player'), 200);
  assert.equal(await status(), 429, 'the quota itself remains');
  await press('/panel/clear-faults', {});
  assert.equal(clears, 2);
});

test('the panel delays calls and makes them fail', async (t) => {
  const { press, status, statusText, simulator } = await openPanel(t);
  await press('/panel/fail-calls', {});
  assert.match(await statusText(), /Next 3 calls will fail with 502/);
  assert.deepEqual([await status(), await status(), await status(), await status()], [502, 502, 502, 200]);

  await press('/panel/delay-calls', {});
  assert.match(await statusText(), /Next 5 calls will be delayed by 2 s/);
  const began = performance.now();
  const statuses = await Promise.all(Array.from({ length: 5 }, () => status()));
  assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
  assert.ok(performance.now() - began > 1_900);
  const then = performance.now();
  assert.equal(await status(), 200);
  assert.ok(performance.now() - then < 1_900);
  simulator.fault({ on: 'api', how: 'reset' });
  assert.match(await statusText(), /Next call will get a broken response \(reset\)/);
});

test('the panel removes the owner’s Premium and clears all faults', async (t) => {
  const { press, status, statusText, simulator } = await openPanel(t);
  await press('/panel/remove-owner-premium', {});
  assert.equal(await status(), 403);
  assert.match(await statusText(), /app’s owner doesn’t have Premium/);
  await press('/panel/restore-owner-premium', {});
  assert.equal(await status(), 200);

  for (const action of ['remove-owner-premium', 'fail-calls', 'delay-calls', 'exhaust-quota'])
    await press(`/panel/${action}`, {});
  await press('/panel/uninvite');
  simulator.settings.callsPerDay = 1;
  simulator.settings.buckets = [{ families: ['me'], callsPerDay: 1 }];
  await press('/panel/clear-faults', {});
  assert.equal(await statusText(), 'Everything works.');
  const began = performance.now();
  assert.equal(await status(), 200);
  assert.equal(await status(), 200);
  assert.ok(performance.now() - began < 1_900);
});

test('the panel lists the calls, newest first, escaped and without secrets', async (t) => {
  const { page, get, send, requestToken, access, simulator } = await openPanel(t);
  simulator.forgetCalls();
  assert.match(await page(), /No calls yet/);
  await requestToken({ grant_type: 'client_credentials' });
  await get('/me/playlists?limit=3', access);
  await send('PUT', '/me/player/pause?device_id=<b>none</b>', access);
  const rows = [...(await page()).matchAll(/<tr>(<td.*?)<\/tr>/gs)].map(([, row = '']) => row);
  const texts = rows.map((row) =>
    row
      .replace(/<\/td>|<span class="query"/g, ' $&')
      .replace(/<[^>]+>/g, '')
      .trim(),
  );
  assert.deepEqual(texts, [
    '12:00:00 api PUT /v1/me/player/pause ?device_id=&lt;b&gt;none&lt;/b&gt; 404 Mara Lindqvist',
    '12:00:00 api GET /v1/me/playlists ?limit=3 200 Mara Lindqvist',
    '12:00:00 accounts POST /api/token  client_credentials 200 –',
  ]);
  for (let more = 0; more < 110; more += 1) await get('/me', access);
  assert.equal((await page()).match(/<tr><td/g)?.length, 100);
  assert.ok(!(await page()).includes(access));
});

test('only the panel itself can post its actions', async (t) => {
  const { simulator, status, get, access } = await openPanel(t);
  const { host, port } = new URL(simulator.origin);
  const statusOf = async (headers: Record<string, string>, path = '/panel/remove-owner-premium') => {
    const status = await post(Number(port), path, { host, ...headers });
    simulator.settings.ownerHasPremium = true;
    return status;
  };
  assert.equal(await statusOf({ 'sec-fetch-site': 'same-origin' }), 303);
  assert.equal(await statusOf({ origin: simulator.origin }), 303, 'an older browser');
  assert.equal(await statusOf({ 'sec-fetch-site': 'same-origin', host: `127.0.0.1:${port}` }), 303);
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
    assert.equal(await statusOf(headers), 404, JSON.stringify(headers));
  }
  await post(Number(port), '/panel/uninvite', { host, 'sec-fetch-site': 'cross-site' }, 'listener=mara');
  assert.equal(await status(), 200);

  const sameOrigin = { 'sec-fetch-site': 'same-origin' };
  assert.equal(await statusOf(sameOrigin, '/panel/nonsense'), 404);
  assert.equal(await statusOf(sameOrigin, '/panel/constructor'), 404);
  assert.equal(await statusOf(sameOrigin, '/panel/play-ad'), 404, 'no listener');
  assert.equal(await statusOf(sameOrigin, '/api-version'), 404, 'no version');
  assert.equal(await statusOf(sameOrigin, '/panel/remove-endpoint'), 404, 'no endpoint');
  const unknownFamily = await post(Number(port), '/panel/exhaust-quota', { host, ...sameOrigin }, 'family=x');
  assert.equal(unknownFamily, 404);
  assert.equal((await get(both, access)).body.currently_playing_type, 'track');
  assert.equal((await fetch(`${simulator.origin}/panel/remove-owner-premium`)).status, 404, 'GET');
});

test('the panel loads one script, one style sheet and one typeface, and its policy forbids others', async (t) => {
  const { simulator, page } = await openPanel(t);
  const response = await fetch(simulator.origin);
  const policy = response.headers.get('content-security-policy') ?? '';
  assert.match(
    policy,
    /default-src 'none'; .*script-src 'self'; connect-src 'self'; .*frame-ancestors 'none'/,
  );
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const html = await page();
  assert.deepEqual(html.match(/<script[^>]*>/g), ['<script src="/panel.js" defer>']);
  assert.doesNotMatch(html, /\sstyle=|\son\w+=|<style/);
  for (const [path, type] of [
    ['/panel.js', 'text/javascript; charset=utf-8'],
    ['/simulator.css', 'text/css; charset=utf-8'],
    ['/bricolage.woff2', 'font/woff2'],
  ]) {
    assert.equal((await fetch(simulator.origin + path)).headers.get('content-type'), type);
  }
});

/** Posts with headers that fetch() doesn't allow to set. Returns the status. */
function post(port: number, path: string, headers: Record<string, string>, body = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    request(
      { host: '127.0.0.1', port, path, method: 'POST', headers: { ...type, ...headers } },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    )
      .on('error', reject)
      .end(body);
  });
}
