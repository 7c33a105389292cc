import assert from 'node:assert/strict';
import test from 'node:test';
import { startTestSimulator } from './start-test-simulator.ts';

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
