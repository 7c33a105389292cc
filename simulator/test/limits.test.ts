import assert from 'node:assert/strict';
import test from 'node:test';
import { visit } from './visit.ts';

const overQuota = '{"error":{"status":429,"message":"Too many requests","reason":"QUOTA_EXCEEDED"}}';
const hour = 3_600_000;

test('a quota over 24 hours, on which all tokens draw', async (t) => {
  const { simulator, signIn, token, get, send, clock } = await visit(t);
  simulator.settings.accessTokenSeconds = 100 * 3600;
  const { access } = await signIn('mara');
  const app = (await token({ grant_type: 'client_credentials' })).body.access_token ?? '';
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
  assert.equal((await signIn('mara')).access.length > 0, true, 'the token endpoint goes on');
  clock.ms += 22 * hour - 1;
  assert.equal((await get('/me', access)).retryAfter, '1');
  clock.ms += 1;
  assert.equal((await get('/me', access)).status, 200, 'the window has moved on');
  assert.equal((await get('/me', access)).retryAfter, String(3600), 'by one call');
  simulator.settings.callsPerDay = 2;
  assert.equal((await get('/me', access)).retryAfter, String(2 * 3600));
  simulator.settings.callsPerDay = null;
  assert.equal((await get('/me', access)).status, 200);
});

test('a rate limit for a while', async (t) => {
  const { simulator, signIn, get, refresh, clock } = await visit(t);
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
