import assert from 'node:assert/strict';
import { createServer, get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { Response } from 'express';
import { createStreams, type Stream } from '../src/live/stream.ts';
import { freePort, startRedis } from '../src/ops/redis-server.ts';
import { startSimulator } from '../src/simulator/simulator.ts';
import { listen } from './support/events.ts';
import { until } from './support/fleet.ts';
import { run } from './support/process.ts';
import { redisProgram, skipWithoutProgram as skip } from './support/redis.ts';
import { createBrowser } from './support/turntable.ts';

test('a client that does not read is let go, and what piled up for it with it', async (t) => {
  const streams = createStreams({ heartbeatMs: 1_000_000 });
  let stream: Stream | null = null;
  let closed = 0;
  const server = createServer((_req, res) => {
    stream = streams.begin(res as Response, 'a session', () => (closed += 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const answer = await new Promise<IncomingMessage>((resolve) => get({ port, host: '127.0.0.1' }, resolve));
  answer.on('error', () => undefined).pause();

  const before = process.memoryUsage().external;
  for (let sent = 0; sent < 20_000 && closed === 0; sent += 1) {
    (stream as Stream | null)?.send('card', { html: 'x'.repeat(10_000) });
    if (sent % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  assert.equal(closed, 1);
  assert.equal(streams.count(), 0);
  assert.ok(process.memoryUsage().external - before < 20_000_000);
  streams.close();
});

test('asked to stop, the server tells its streams to come back in a while, not all at once, and exits', {
  skip,
}, async (t) => {
  const redis = await startRedis({ program: redisProgram });
  t.after(redis.stop);
  const credentials = { SPOTIFY_CLIENT_ID: 'an id', SPOTIFY_CLIENT_SECRET: 'a secret' };
  const simulator = await startSimulator({ clientId: 'an id', clientSecret: 'a secret' });
  t.after(simulator.close);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  simulator.registerRedirectUri(`${url}/callback`);
  const server = run(t, 'src/main.ts', {
    ...credentials,
    PORT: String(port),
    REDIS_URL: redis.url,
    SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
    SPOTIFY_API_URL: simulator.apiUrl,
  });
  await server.says(/Turntable is at/);
  const mara = createBrowser(url, simulator);
  await mara.signIn();
  const streams = await Promise.all(Array.from({ length: 8 }, () => listen(t, url, mara)));
  await Promise.all(streams.map((stream) => stream.until(({ event }) => event === 'card')));

  server.child.kill('SIGTERM');

  assert.equal(await server.ended, 0);
  await until(() => streams.every((stream) => stream.isOver()));
  const retries = streams.map((stream) => stream.retry() ?? 0);
  for (const retry of retries) assert.ok(retry >= 1_000 && retry <= 11_000, `${retry} ms`);
  assert.ok(new Set(retries).size > 4, 'spread over some seconds');
  for (const stream of streams) assert.doesNotMatch(JSON.stringify(stream.events), /"event":"end"/);
});
