import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { type Limits, limits } from '../../src/access/rate-limiter.ts';
import { openStream } from '../support/event-stream.ts';
import { apiRequests } from '../support/pages.ts';
import {
  type Browser,
  countApiCalls,
  countTokenRequests,
  createBrowser,
  endRateLimitWindow,
  keyNames,
  pathOf,
  startTurntable,
  type Turntable,
} from '../support/turntable.ts';

/** The usual limits with some smaller ones, so that a test reaches those soon. */
function limited(t: TestContext, requests: Partial<Record<keyof Limits, number>>, env = {}) {
  const smaller = Object.entries(requests).map(([name, most]) => [
    name,
    { ...limits[name as keyof Limits], requests: most },
  ]);
  return startTurntable(t, { limits: { ...limits, ...Object.fromEntries(smaller) }, env });
}

async function signedIn({ browser }: Turntable, listener = 'mara'): Promise<Browser> {
  const person = browser();
  await person.signIn(listener);
  return person;
}

/** The headers of a visitor at `address`, as a proxy forwards them. */
const from = (address: string) => ({ 'X-Forwarded-For': address });

/** Starts a sign-in in a new browser and returns with a made-up code; returns the status of the resulting page. */
async function junkSignIn({ browser }: Turntable, headers: Record<string, string> = {}): Promise<number> {
  const visitor = browser();
  const left = await visitor.get('/login').set(headers);
  if (left.status !== 303) return left.status;
  const state = new URL(left.headers.location ?? '').searchParams.get('state');
  const back = await visitor.get(`/callback?code=junk&state=${state}`).set(headers).expect(303);
  return (await visitor.get(back.headers.location ?? '').set(headers)).status;
}

// fault: sign-in-flood
test('500 sign-ins with made-up codes from one address make thirty token requests, and other addresses can still sign in', async (t) => {
  const turntable = await limited(t, {}, { TRUST_PROXY: '1' });
  const { simulator, browser } = turntable;
  const statuses = new Map<number, number>();

  for (let round = 0; round < 20; round += 1) {
    const some = await Promise.all(
      Array.from({ length: 25 }, () => junkSignIn(turntable, from('192.0.2.1'))),
    );
    for (const status of some) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }

  assert.deepEqual([...statuses.keys()].sort(), [400, 429]);
  assert.ok(countTokenRequests(simulator, 'authorization_code') <= 30, 'going and coming back count');
  const page = await browser().get('/login').set(from('192.0.2.1')).expect(429);
  assert.match(page.text, /<h1>Slow down a little<\/h1>/);
  const mara = browser();
  const left = await mara.get('/login').set(from('192.0.2.2')).expect(303);
  const way = pathOf(await simulator.agree(left.headers.location ?? '', 'mara'));
  assert.equal((await mara.get(way).set(from('192.0.2.2')).expect(303)).headers.location, '/');
});

// fault: sign-in-limit-overall
test('sign-ins from all addresses together have a limit, and a refused one does not count toward it', async (t) => {
  const turntable = await limited(t, { signIn: 4, tokenExchange: 3 }, { TRUST_PROXY: '1' });
  const { simulator, redisUrl } = turntable;

  // Two of these reach Spotify; the others are refused because of their address.
  const greedy = [];
  for (let nth = 0; nth < 6; nth += 1) greedy.push(await junkSignIn(turntable, from('192.0.2.1')));
  assert.deepEqual(greedy, [400, 400, 429, 429, 429, 429]);
  assert.equal(await junkSignIn(turntable, from('192.0.2.2')), 400);
  assert.equal(await junkSignIn(turntable, from('192.0.2.3')), 429);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), 3);

  await endRateLimitWindow(redisUrl, 'limit:tokenExchange:{everyone}');
  assert.equal(await junkSignIn(turntable, from('192.0.2.3')), 400);
});

// fault: page-load-flood
test('300 loads of the account page by one session take one call, and those beyond the limit get a time to retry', async (t) => {
  const turntable = await limited(t, {});
  const { simulator, redisUrl } = turntable;
  const [mara, noor] = [await signedIn(turntable), await signedIn(turntable, 'noor')];
  simulator.forgetCalls();

  const pages = await Promise.all(Array.from({ length: 300 }, () => mara.get('/account')));

  const good = pages.filter(({ status }) => status === 200);
  assert.equal(good.length, limits.read.requests);
  assert.equal(countApiCalls(simulator, '/v1/me'), 1);
  assert.match(good[0]?.headers.ratelimit ?? '', /^"read";r=\d+;t=\d+$/);
  assert.equal(good[0]?.headers['ratelimit-policy'], '"read";q=120;w=60');
  const refused = pages.find(({ status }) => status === 429);
  const wait = Number(refused?.headers['retry-after']);
  assert.ok(wait > 0 && wait <= 60, `${wait} s`);
  assert.equal(refused?.headers.ratelimit, `"read";r=0;t=${wait}`);
  assert.match(refused?.text ?? '', /Nothing is lost\. Try again in \d+ seconds?\./);
  const answer = await mara.getJson('/account').expect(429);
  assert.equal(answer.type, 'application/problem+json');
  assert.equal(JSON.parse(answer.text).reason, 'too-many-requests');

  await noor.get('/account').expect(200);
  await mara.post('/logout').expect(303);
  await mara.signIn();
  await mara.get('/account').expect(429);
  await endReads(redisUrl);
  await mara.get('/account').expect(200);
});

// fault: reads-are-limited
test('each page that calls Spotify counts as a read of its listener, on all servers together', async (t) => {
  const turntable = await limited(t, { read: 2 });
  const other = await startTurntable(t, {
    sharedWith: turntable,
    limits: { ...limits, read: { requests: 2, windowSeconds: 60 } },
  });
  const { simulator, redisUrl } = turntable;
  const mara = await signedIn(turntable);
  const elsewhere = createBrowser(other.url, simulator, other.baseUrl);
  await elsewhere.signIn('mara');
  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;

  for (const path of [
    '/now-playing',
    '/devices',
    '/playlists',
    `/playlists/${playlists[0].id}`,
    `/playlists/${playlists[0].id}/export.csv`,
    '/playlists/export.json',
    '/playlists/add?uri=spotify:track:7jpPBHKBvSWDtyhy8zkwLt',
    '/library',
    '/library/recent',
    '/library/top',
    '/library/albums',
    '/library/artists',
    '/tracks/7jpPBHKBvSWDtyhy8zkwLt',
    '/albums/7jpPBHKBvSWDtyhy8zkwLt',
    '/account',
  ]) {
    await endReads(redisUrl);
    await mara.get('/account').expect(200);
    await elsewhere.get('/account').expect(200);
    simulator.forgetCalls();
    await mara.get(path).expect(429);
    await elsewhere.get(path).expect(429);
    assert.deepEqual(apiRequests(simulator), [], path);
  }
});

async function endReads(redisUrl: string): Promise<void> {
  for (const key of await keyNames(redisUrl))
    if (key.startsWith('limit:read:')) await endRateLimitWindow(redisUrl, key);
}

// fault: writes-are-limited
test('changes have a limit for each listener, and a form that exceeded it can be resubmitted unchanged', async (t) => {
  const turntable = await limited(t, { write: 3 });
  const { simulator } = turntable;
  const mara = turntable.browser();
  await mara.signIn('mara', '?allow=user-modify-playback-state+user-library-modify');
  const press = (path: string, fields = {}) =>
    mara
      .post(path)
      .type('form')
      .send({ ...fields, returnTo: '/library' });
  const { uri } = (await mara.getJson('/now-playing').expect(200)).body.item;

  await press('/library/save', { uri }).expect(303);
  await press('/library/remove', { uri }).expect(303);
  await press('/now-playing/poll').expect(204);
  simulator.forgetCalls();
  for (const path of ['/library/save', '/player/pause', '/player/device', '/playlists', '/now-playing/poll'])
    await press(path, { uri }).expect(429);
  assert.deepEqual(apiRequests(simulator), []);
  const page = await press('/library/save', { uri }).expect(429);
  assert.match(page.text, new RegExp(`name="uri" value="${uri}"`));
  assert.match(page.text, /<button class="secondary" data-retry type="submit">Send it again<\/button>/);

  // Signing out makes no call to Spotify, and must always work.
  await mara.post('/logout').expect(303);
});

// fault: live-updates-are-limited
test('live updates have their own limit, so a page that reconnects does not use up the limit for pages', async (t) => {
  const turntable = await limited(t, { update: 3, read: 3 });
  const mara = await signedIn(turntable);
  for (let nth = 0; nth < 3; nth += 1) (await openStream(t, turntable.url, mara)).close();

  assert.equal((await openStream(t, turntable.url, mara)).status, 429);
  await mara.getJson('/now-playing/card').expect(429);
  await mara.get('/now-playing').expect(200);
});

// fault: exports-are-limited
test('exports have a limit for each listener, and one for all of them that a refused export does not count toward', async (t) => {
  const turntable = await limited(t, { exportOne: 1, exportAll: 1, exports: 3 });
  const [mara, noor] = [await signedIn(turntable), await signedIn(turntable, 'noor')];
  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;
  const one = `/playlists/${playlists[0].id}/export.csv`;

  await mara.get(one).expect(200);
  await mara.get('/playlists/export.csv?page=3').expect(200);
  for (let nth = 0; nth < 4; nth += 1) {
    await mara.get(one).expect(429);
    await mara.get('/playlists/export.csv').expect(429);
  }
  await noor.get('/playlists/export.csv').expect(200);
  const page = await noor.get(one).expect(429);
  assert.match(page.text, /Try again in/);
  assert.match(page.text, /class="countdown" data-countdown=/);
  assert.match(page.text, /class="button secondary"[^>]*>Try again</);
});

test('searches of a listener, and setup checks from an address, have limits', async (t) => {
  const turntable = await limited(t, { search: 2, setupCheck: 2 });
  const { browser, simulator } = turntable;
  const mara = await signedIn(turntable);
  for (const query of ['one', 'two']) await mara.get(`/search?q=${query}`).expect(200);
  simulator.forgetCalls();
  await mara.get('/search?q=three').expect(429);
  await mara.get('/search').expect(200);
  assert.deepEqual(apiRequests(simulator), []);

  const visitor = browser();
  await visitor.get('/setup/check').expect(303);
  await visitor.get('/setup/check?cookie=set').expect(200);
  await visitor.get('/setup/check').expect(429);
});

// fault: normal-use-stays-within-limits
test('a person in a hurry stays within the limits', async (t) => {
  const turntable = await limited(t, {});
  const mara = turntable.browser();
  for (let nth = 0; nth < 8; nth += 1) await mara.signIn('mara', '?allow=user-library-modify');
  const { uri } = (await mara.getJson('/now-playing').expect(200)).body.item;
  const { playlists } = (await mara.getJson('/playlists').expect(200)).body;

  for (let nth = 0; nth < 20; nth += 1) {
    for (const path of ['/now-playing', '/playlists', '/library', `/search?q=song+${nth}`])
      await mara.get(path).expect(200);
    for (const path of ['/library/save', '/library/remove'])
      await mara.post(path).type('form').send({ uri }).expect(303);
    await mara.get(`/playlists/${playlists[nth].id}/export.csv`).expect(200);
  }
});

// fault: damaged-rate-limit-count
test('a key of a foreign type is treated as absent: the process counts by itself, and nothing fails', async (t) => {
  const turntable = await limited(t, { read: 5 });
  const { redisUrl } = turntable;
  const redis = new Redis(redisUrl);
  t.after(() => redis.disconnect());
  const mara = await signedIn(turntable);
  await mara.get('/account').expect(200);
  const key = (await keyNames(redisUrl)).find((one) => one.startsWith('limit:read:')) ?? '';

  for (const write of [
    () => redis.lpush(key, 'a list'),
    () => redis.hset(key, 'a', 'hash'),
    () => redis.set(key, 'no number'),
    () => redis.set(key, '1e400'),
  ]) {
    await redis.del(key);
    await write();
    await mara.get('/account').expect(200);
  }
  await mara.get('/account').expect(200);
  await mara.get('/account').expect(429);

  await redis.set(key, '0');
  await mara.get('/account').expect(200);
  assert.ok((await redis.pttl(key)) > 0, 'one without an end gets one');
});

// fault: endless-rate-limit-count
test('a counter whose TTL exceeds its window locks no one out', async (t) => {
  const turntable = await limited(t, { read: 5 });
  const redis = new Redis(turntable.redisUrl);
  t.after(() => redis.disconnect());
  const mara = await signedIn(turntable);
  await mara.get('/account').expect(200);
  const key = (await keyNames(turntable.redisUrl)).find((one) => one.startsWith('limit:read:')) ?? '';

  await redis.set(key, '500', 'PX', 360_000_000);
  await mara.get('/account').expect(200);

  assert.ok((await redis.pttl(key)) <= 60_000);
});
