import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { startSimulator } from '../simulator.ts';
import { client, startTestSimulator } from './start-test-simulator.ts';

test('a fault affects the given number of matching requests', async (t) => {
  const { simulator, signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const body = '{"error":{"status":429,"message":"Too many requests","reason":"QUOTA_EXCEEDED"}}';
  simulator.fault({
    on: /^\/v1\/me\/player/g,
    times: 2,
    answer: { status: 429, headers: { 'Retry-After': '9' }, body },
  });
  assert.equal((await get('/me', access)).status, 200, 'another path');
  assert.equal((await get('/me/player', access)).text, body);
  assert.equal((await get('/me/player', access)).status, 429);
  assert.equal((await get('/me/player', access)).status, 200);

  simulator.fault({ on: 'api', answer: { status: 503 } });
  simulator.fault({ on: 'token', answer: { status: 502, body: '<h1>Bad gateway</h1>' } });
  simulator.clearFaults();
  assert.equal((await get('/me', access)).status, 200);
});

test('a response can be delayed', async (t) => {
  const { simulator, signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  simulator.fault({ on: 'api', delayMs: 80 });
  const began = performance.now();
  assert.equal((await get('/me', access)).status, 200);
  assert.ok(performance.now() - began >= 75);
});

test('responses can be reset, truncated, silent, dripping or huge', async (t) => {
  const { simulator, signIn, get } = await startTestSimulator(t);
  const { access } = await signIn('mara');
  const headers = { authorization: `Bearer ${access}` };
  const fetchMe = (signal: AbortSignal | null = null) => fetch(`${simulator.apiUrl}/me`, { headers, signal });

  simulator.fault({ on: 'api', how: 'reset' });
  await assert.rejects(fetchMe());
  simulator.fault({ on: 'api', how: 'truncate' });
  await assert.rejects(get('/me', access));
  simulator.fault({ on: 'api', how: 'silence' });
  await assert.rejects(fetchMe(AbortSignal.timeout(100)), { name: 'TimeoutError' });
  simulator.fault({ on: 'api', how: 'drip' });
  const reading = new AbortController();
  const dripping = await fetchMe(reading.signal);
  assert.equal(dripping.status, 200);
  setTimeout(() => reading.abort(), 300);
  await assert.rejects(dripping.text(), { name: 'AbortError' });
  simulator.fault({ on: 'api', how: 'huge' });
  assert.ok((await (await fetchMe()).arrayBuffer()).byteLength >= 60 * 1024 * 1024);
  assert.equal((await get('/me', access)).status, 200);
});

test('if the response to a refresh is lost, the refresh token has been rotated', async (t) => {
  const { simulator, signIn, refresh } = await startTestSimulator(t);
  simulator.settings.rotation = 'strict';
  const tokens = await signIn('mara');
  simulator.fault({ on: 'token', how: 'reset-after' });
  await assert.rejects(refresh(tokens.refresh));
  assert.equal((await refresh(tokens.refresh)).body.error_description, 'Refresh token revoked');
  assert.deepEqual(
    simulator.calls.map(({ status }) => status),
    [200, 0, 400],
  );
});

test('closing the simulator closes all connections', async () => {
  const simulator = await startSimulator(client);
  simulator.fault({ on: 'api', how: 'silence' });
  simulator.fault({ on: 'api', how: 'drip' });
  simulator.fault({ on: 'api', delayMs: 60_000 });
  const idle = connect(Number(new URL(simulator.origin).port), '127.0.0.1').on('error', () => {});
  const requests = [1, 2, 3].map(async () => (await fetch(`${simulator.apiUrl}/me`)).text());
  const settled = Promise.allSettled(requests);
  while (simulator.calls.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await simulator.close();
  for (const { status } of await settled) assert.equal(status, 'rejected');
  idle.destroy();
});

test('starting on a port in use fails with EADDRINUSE', async (t) => {
  const { simulator } = await startTestSimulator(t);
  const port = Number(new URL(simulator.origin).port);
  await assert.rejects(startSimulator({ ...client, port }), { code: 'EADDRINUSE' });
});
