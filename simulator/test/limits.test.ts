import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { Family, LimitOptions } from '../simulator.ts';
import { type Paging, startTestSimulator } from './start-test-simulator.ts';

const overQuota = '{"error":{"status":429,"message":"Too many requests","reason":"QUOTA_EXCEEDED"}}';
const hour = 3_600_000;

test('all tokens share a quota for any 24 hours', async (t) => {
  const { simulator, signIn, requestToken, get, send, clock } = await startTestSimulator(t);
  simulator.settings.accessTokenSeconds = 100 * 3600;
  const { access } = await signIn('mara');
  const app = (await requestToken({ grant_type: 'client_credentials' })).body.access_token ?? '';
  simulator.settings.callsPerDay = 3;
  assert.equal((await get('/me', access)).status, 200);
  clock.ms += hour;
  assert.equal((await get('/search?q=a&type=track', app)).status, 200);
  clock.ms += hour;
  assert.equal((await send('PUT', '/me/player/pause', access)).status, 204);

  for (const one of [access, app]) {
    const refused = await get('/search?q=a&type=track', one);
    assert.deepEqual([refused.status, refused.text, refused.retryAfter], [429, overQuota, String(22 * 3600)]);
  }
  assert.equal((await signIn('mara')).access.length > 0, true, 'the token endpoint isn’t affected');
  clock.ms += 22 * hour - 1;
  assert.equal((await get('/me', access)).retryAfter, '1');
  clock.ms += 1;
  assert.equal((await get('/me', access)).status, 200, 'the oldest call is more than 24 hours ago');
  assert.equal((await get('/me', access)).retryAfter, String(3600), 'which makes room for one call');
  simulator.settings.callsPerDay = 2;
  assert.equal((await get('/me', access)).retryAfter, String(2 * 3600));
  simulator.settings.callsPerDay = null;
  assert.equal((await get('/me', access)).status, 200);
});

test('a rate limit answers 429 in plain text, a quota in JSON', async (t) => {
  const { simulator, signIn, get, refresh, clock } = await startTestSimulator(t);
  const tokens = await signIn('mara');
  simulator.rateLimit(10);
  const plain = await get('/me', tokens.access);
  assert.deepEqual([plain.status, plain.text, plain.retryAfter], [429, 'Too many requests', '10']);
  assert.equal(plain.body, null, 'no JSON');
  assert.equal((await refresh(tokens.refresh)).status, 200);
  clock.ms += 9_001;
  assert.equal((await get('/me', tokens.access)).retryAfter, '1');
  clock.ms += 999;
  assert.equal((await get('/me', tokens.access)).status, 200);

  simulator.rateLimit(6 * 3600, { quota: true });
  const quota = await get('/me', tokens.access);
  assert.deepEqual([quota.status, quota.text, quota.retryAfter], [429, overQuota, String(6 * 3600)]);
  simulator.clearFaults();
  assert.equal((await get('/me', tokens.access)).status, 200);
  assert.deepEqual(
    simulator.calls.filter(({ service }) => service === 'api').map(({ status }) => status),
    [429, 429, 200, 429, 200],
  );
});

test('every endpoint belongs to a family', async (t) => {
  const { simulator } = await startTestSimulator(t);
  const endpointsOf = (family: Family) =>
    simulator.endpoints.filter((one) => one.family === family).map(({ endpoint }) => endpoint);
  assert.deepEqual(endpointsOf('me'), ['GET /me']);
  assert.deepEqual(endpointsOf('search'), ['GET /search']);
  for (const { endpoint, family } of simulator.endpoints) {
    assert.equal(family, expectedFamily(endpoint), endpoint);
  }
});

function expectedFamily(endpoint: string): Family {
  const [method = '', path = ''] = endpoint.split(' ');
  const isRead = method === 'GET';
  if (path === '/me') return 'me';
  if (path === '/search') return 'search';
  if (path === '/me/player/recently-played') return 'lists';
  if (path.startsWith('/me/player')) return isRead ? 'player-read' : 'player-write';
  if (path.endsWith('/images')) return 'images';
  if (path.endsWith('/followers')) return 'library-write';
  if (!isRead && path.includes('/playlists')) return 'playlist-write';
  if (path.startsWith('/playlists/')) return 'playlist-read';
  if (path.startsWith('/me/')) return isRead ? 'lists' : 'library-write';
  return 'catalogue';
}

/** The paths of calls of some families. */
const paths = {
  me: '/me',
  player: '/me/player',
  saved: '/me/tracks',
  top: '/me/top/tracks',
  search: '/search?q=a&type=track',
} as const;

/** Signs mara in, for longer than any quota lasts. */
async function startSignedIn(t: TestContext) {
  const started = await startTestSimulator(t);
  started.simulator.settings.accessTokenSeconds = 100 * 3600;
  const { access } = await started.signIn('mara');
  const playlists = await started.get<Paging>('/me/playlists', access);
  const playlist = `/playlists/${playlists.body.items.find((one) => one !== null)?.id}`;
  started.simulator.resetLimits();
  const call = (path: string) => started.get(path, access);
  return {
    ...started,
    call,
    playlist,
    status: async (path: string) => (await call(path)).status,
    /** The Retry-After, and the body. */
    refusal: async (path: string) => {
      const { status, retryAfter, text } = await call(path);
      assert.equal(status, 429, path);
      return [retryAfter, text];
    },
  };
}

test('each bucket has its own quota, which its families share', async (t) => {
  const { simulator, clock, status, refusal, playlist } = await startSignedIn(t);
  simulator.settings.buckets = [
    { families: ['search'], callsPerDay: 2 },
    { families: ['lists', 'playlist-read'], callsPerDay: 3 },
  ];
  assert.equal(await status(paths.search), 200);
  clock.ms += hour;
  for (const path of [paths.search, paths.saved, playlist, paths.top]) assert.equal(await status(path), 200);
  clock.ms += hour;

  assert.deepEqual(await refusal(paths.search), [String(22 * 3600), overQuota]);
  for (const path of [paths.saved, playlist, paths.top]) {
    assert.deepEqual(await refusal(path), [String(23 * 3600), overQuota]);
  }
  for (const path of [paths.me, paths.player, '/nonsense']) assert.notEqual(await status(path), 429, path);

  clock.ms += 22 * hour;
  assert.equal(await status(paths.search), 200, 'refused calls don’t count');
  assert.equal(await status(paths.search), 429, 'there was room for one call only');
  assert.equal(await status(playlist), 429);
  clock.ms += hour;
  for (const path of [paths.search, paths.saved, playlist, paths.top]) assert.equal(await status(path), 200);
});

test('only the calls of its families count for a bucket, including those before it was set', async (t) => {
  const { simulator, status } = await startSignedIn(t);
  for (const path of [paths.me, paths.player, paths.search]) assert.equal(await status(path), 200);
  simulator.settings.buckets = [
    { families: ['search'], callsPerDay: 1 },
    { families: ['lists'], callsPerDay: 1 },
  ];
  assert.equal(await status(paths.search), 429);
  assert.equal(await status(paths.saved), 200);
  assert.equal(await status(paths.top), 429);
  simulator.settings.buckets = [{ families: ['me', 'images'], callsPerDay: 0 }];
  assert.equal(await status(paths.me), 429);
  assert.equal(await status(paths.search), 200);

  simulator.settings.buckets = [{ families: ['search'], callsPerDay: 10 }];
  simulator.settings.callsPerDay = 5;
  assert.equal(await status(paths.search), 429, 'the quota for all calls applies as well');
});

test('a refusal has a reason or none, a Retry-After or none, and a body in JSON or text', async (t) => {
  const { simulator, refusal } = await startSignedIn(t);
  const noReason = '{"error":{"status":429,"message":"Too many requests"}}';
  const shapes: [options: LimitOptions, withRetryAfter: boolean, text: string][] = [
    [{}, true, 'Too many requests'],
    [{ retryAfter: false }, false, 'Too many requests'],
    [{ body: 'json' }, true, noReason],
    [{ body: 'json', retryAfter: false }, false, noReason],
    [{ quota: true }, true, overQuota],
    [{ quota: true, retryAfter: false }, false, overQuota],
    [{ quota: true, body: 'text' }, true, 'Too many requests'],
  ];
  for (const [options, withRetryAfter, text] of shapes) {
    simulator.rateLimit(60, { families: ['search'], ...options });
    assert.deepEqual(
      await refusal(paths.search),
      [withRetryAfter ? '60' : null, text],
      JSON.stringify(options),
    );
  }
  simulator.resetLimits();
  simulator.settings.buckets = [
    { families: ['search'], callsPerDay: 0, quota: false, retryAfter: false },
    { families: ['lists'], callsPerDay: 0, body: 'text' },
  ];
  assert.deepEqual(await refusal(paths.search), [null, 'Too many requests']);
  assert.deepEqual(await refusal(paths.saved), ['86400', 'Too many requests']);
});

test('families can be exhausted one at a time, each with those that share its bucket', async (t) => {
  const { simulator, clock, status, refusal, playlist } = await startSignedIn(t);
  simulator.rateLimit(600, { families: ['search'], quota: true });
  assert.deepEqual(await refusal(paths.search), ['600', overQuota]);
  for (const path of [paths.me, paths.saved, playlist]) assert.equal(await status(path), 200);

  simulator.settings.buckets = [{ families: ['lists', 'playlist-read'], callsPerDay: 100 }];
  simulator.rateLimit(60, { families: ['lists'], quota: true });
  for (const path of [paths.saved, playlist]) assert.deepEqual(await refusal(path), ['60', overQuota]);
  assert.deepEqual(await refusal(paths.search), ['600', overQuota], 'still exhausted');
  assert.equal(await status(paths.me), 200);

  simulator.rateLimit(10);
  assert.deepEqual(await refusal(paths.me), ['10', 'Too many requests']);
  assert.deepEqual(await refusal(paths.search), ['600', overQuota], 'the limit that ends last');
  clock.ms += 10_000;
  assert.equal(await status(paths.me), 200);
  simulator.rateLimit(5, { families: ['search'] });
  assert.deepEqual(await refusal(paths.search), ['5', 'Too many requests'], 'a new limit replaces the old');
  clock.ms += 50_000;
  for (const path of Object.values(paths)) assert.equal(await status(path), 200);
});

test('an endpoint that is gone answers every call with 429, without a reason or Retry-After', async (t) => {
  const { simulator, refusal, status, call, playlist } = await startSignedIn(t);
  simulator.settings.goneEndpoints.add('GET /playlists/:id').add('GET /browse/new-releases');
  for (const path of [playlist, '/playlists/nonsense', '/browse/new-releases']) {
    assert.deepEqual(await refusal(path), [null, 'Too many requests']);
  }
  assert.equal(await status(`${playlist}/items`), 200);
  assert.equal((await call('/browse/categories')).status, 403);
  simulator.clearFaults();
  assert.equal(await status(playlist), 429, 'a setting, not a fault');
  simulator.resetLimits();
  assert.equal(await status(playlist), 200);
});

test('a reset ends every limit, and forgets the calls that were counted', async (t) => {
  const { simulator, status } = await startSignedIn(t);
  simulator.settings.callsPerDay = 4;
  simulator.settings.buckets = [{ families: ['search'], callsPerDay: 1 }];
  assert.equal(await status(paths.search), 200);
  simulator.rateLimit(600);
  simulator.rateLimit(600, { families: ['lists'], quota: true });
  for (const path of Object.values(paths)) assert.equal(await status(path), 429);
  simulator.resetLimits();
  for (const path of [paths.search, paths.saved, paths.me, paths.player])
    assert.equal(await status(path), 200);
  assert.equal(await status(paths.search), 429, 'the quotas themselves remain');
  assert.equal(await status(paths.me), 429);
});
