import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../src/redis/local-server.ts';
import { until } from '../support/fleet.ts';
import { metricOf } from '../support/metrics.ts';
import { run } from '../support/process.ts';
import { connectAsServer, skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';

// fault: metrics-from-other-machines
test('METRICS_PORT serves the metrics on this machine only, with the checks of Redis, and nothing else', {
  skip,
}, async (t) => {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const redis = await startOwnRedis(t);
  const settings = {
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    HOST: '0.0.0.0',
    REDIS_URL: redis.url,
    SPOTIFY_CLIENT_ID: 'an id',
    SPOTIFY_CLIENT_SECRET: 'a secret',
  };
  const server = run(t, 'src/main.ts', settings);
  await server.waitForOutput(/Turntable is at/);
  const at = `http://127.0.0.1:${metricsPort}`;

  const read = () => fetch(`${at}/metrics`).then((response) => response.text());
  assert.equal(metricOf(await read(), 'turntable_ready'), 1);
  // Redis is checked in the background.
  await until(async () => /^turntable_redis_check_failed\{check="Redis eviction"\} 0$/m.test(await read()));
  assert.equal((await fetch(`${at}/`)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 404);
  // Another address of this machine, where the main port answers.
  assert.equal((await fetch(`http://127.0.0.2:${port}/healthz`)).status, 200);
  await assert.rejects(fetch(`http://127.0.0.2:${metricsPort}/metrics`));

  const other = run(t, 'src/main.ts', { ...settings, PORT: String(await freePort()) });
  assert.equal(await other.ended, 1);
  assert.match(other.output(), /Port \d+ on 127\.0\.0\.1 is in use.* set a different METRICS_PORT\./);

  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});

// fault: redis-down-at-start-and-unsafe
test('a server that started without Redis checks its settings when it is there, and whenever it is back', {
  skip,
}, async (t) => {
  const metricsPort = await freePort();
  const redis = await startOwnRedis(t);
  await redis.stop();
  const server = run(t, 'src/main.ts', {
    PORT: String(await freePort()),
    METRICS_PORT: String(metricsPort),
    REDIS_URL: redis.url,
    SPOTIFY_CLIENT_ID: 'an id',
    SPOTIFY_CLIENT_SECRET: 'a secret',
  });
  await server.waitForOutput(/Turntable is at/);
  const read = () => fetch(`http://127.0.0.1:${metricsPort}/metrics`).then((response) => response.text());
  const eviction = async () => metricOf(await read(), 'turntable_redis_check_failed{check="Redis eviction"}');
  assert.doesNotMatch(await read(), /^turntable_redis_check_failed\{/m);

  await redis.start();
  await until(async () => (await eviction()) === 0);
  const client = connectAsServer(redis.url);
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await client.config('SET', 'maxmemory', '100mb');
  // A failover: the connection breaks, and Redis is another one.
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  client.disconnect();

  await until(async () => (await eviction()) === 1);
  assert.doesNotMatch(await read(), /Redis connection/);
  await server.waitForOutput(/Redis eviction: the policy is allkeys-lru/);
});
