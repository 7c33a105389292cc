import assert from 'node:assert/strict';
import { createServer, get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { Response } from 'express';
import { Redis } from 'ioredis';
import { startSimulator } from '../../simulator/simulator.ts';
import { createStreams, type Stream } from '../../src/live/sse.ts';
import { createBackgroundTasks } from '../../src/ops/background.ts';
import { freePort, startRedis } from '../../src/redis/local-server.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { run } from '../support/process.ts';
import { recordsIn, redisProgram, skipWithoutProgram as skip, testRedisUrl } from '../support/redis.ts';
import { createBrowser } from '../support/turntable.ts';

const background = createBackgroundTasks({ onFailure: (name, error) => assert.fail(`${name}: ${error}`) });

// fault: stream-client-reads-nothing
test('a client that does not read is disconnected, and its backlog freed', async (t) => {
  const redis = new Redis(await testRedisUrl());
  t.after(() => redis.disconnect());
  const streams = createStreams({ redis, records: recordsIn(redis), background, heartbeatMs: 1_000_000 });
  let stream: Stream | null = null;
  let closed = 0;
  const server = createServer(async (_req, res) => {
    res.once('close', () => (closed += 1));
    const begun = await streams.begin(res as Response, 'a session');
    if (typeof begun === 'object') stream = begun;
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

// fault: stream-slot-expires
test('a slot is taken for as long as its stream is open, and expires if its process dies', async (t) => {
  const redis = new Redis(await testRedisUrl());
  t.after(() => redis.disconnect());
  t.mock.timers.enable({ apis: ['setInterval'] });
  const streams = createStreams({ redis, records: recordsIn(redis), background, heartbeatMs: 1_000_000 });
  const results: unknown[] = [];
  const server = createServer(async (_req, res) => {
    results.push(await streams.begin(res as Response, 'a session'));
    if (results.at(-1) === 'too many') res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => streams.close());
  const { port } = server.address() as { port: number };
  const ask = () =>
    new Promise<IncomingMessage>((resolve) => get({ port, host: '127.0.0.1', agent: false }, resolve));
  const key = 'streams:{a session}';
  const slots = () => redis.zrange(key, '0', '-1');
  const expireIn = (ms: number) =>
    Promise.all([slots(), redis.time()]).then(([all, [seconds]]) =>
      redis.zadd(key, ...all.flatMap((one) => [Number(seconds) * 1000 + ms, one])),
    );

  await ask();
  assert.equal((await slots()).length, 1);
  await expireIn(1_000);
  const before = Number((await redis.zrange(key, '0', '-1', 'WITHSCORES'))[1]);
  t.mock.timers.tick(60_000);
  await until(async () => Number((await redis.zrange(key, '0', '-1', 'WITHSCORES'))[1]) > before + 100_000);

  const [[seconds]] = [await redis.time()];
  for (let dead = 0; dead < 9; dead += 1)
    await redis.zadd(key, Number(seconds) * 1000 + 5_000, `dead ${dead}`);
  await ask();
  assert.equal(results.at(-1), 'too many');
  for (let dead = 0; dead < 9; dead += 1)
    await redis.zadd(key, Number(seconds) * 1000 - 5_000, `dead ${dead}`);
  await ask();
  assert.equal(typeof results.at(-1), 'object');
  assert.equal((await slots()).length, 2);
});

test('when the server stops, clients get different times to reconnect, and it exits', {
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
  await server.waitForOutput(/Turntable is at/);
  const mara = createBrowser(url, simulator);
  await mara.signIn();
  const streams = await Promise.all(Array.from({ length: 8 }, () => openStream(t, url, mara)));
  await Promise.all(streams.map((stream) => stream.waitFor(({ event }) => event === 'card')));

  server.child.kill('SIGTERM');

  assert.equal(await server.ended, 0);
  await until(() => streams.every((stream) => stream.hasEnded()));
  const retries = streams.map((stream) => stream.retry() ?? 0);
  for (const retry of retries) assert.ok(retry >= 1_000 && retry <= 11_000, `${retry} ms`);
  assert.ok(new Set(retries).size > 4, 'spread over some seconds');
  for (const stream of streams) assert.doesNotMatch(JSON.stringify(stream.events), /"event":"end"/);
});
