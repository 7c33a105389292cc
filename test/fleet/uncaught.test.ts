import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startSimulator } from '../../simulator/simulator.ts';
import { freePort } from '../../src/redis/local-server.ts';
import { until } from '../support/fleet.ts';
import { root, run } from '../support/process.ts';
import { testRedisUrl } from '../support/redis.ts';

/** The server as it is started, with a way to trigger this kind of fault. */
async function serverWith(t: TestContext, FAULT: 'rejection' | 'exception') {
  const client = { clientId: 'an id', clientSecret: 'a secret' };
  const simulator = await startSimulator(client);
  t.after(simulator.close);
  const port = await freePort();
  const server = run(t, 'src/main.ts', {
    FAULT,
    NODE_OPTIONS: `--import=${join(root, 'test/support/fail-on-signal.ts')}`,
    SPOTIFY_CLIENT_ID: client.clientId,
    SPOTIFY_CLIENT_SECRET: client.clientSecret,
    SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
    SPOTIFY_API_URL: simulator.apiUrl,
    PORT: String(port),
    REDIS_URL: await testRedisUrl(),
  });
  await server.waitForOutput(/Turntable is at/);
  return { ...server, simulator, url: `http://127.0.0.1:${port}` };
}

// fault: unhandled-rejection
test('an unhandled rejection is logged without its message, and the process keeps running', async (t) => {
  const { child, waitForOutput, output, url } = await serverWith(t, 'rejection');

  child.kill('SIGUSR2');
  await waitForOutput(/Unhandled promise rejection/);

  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.equal(child.exitCode, null);
  assert.doesNotMatch(output(), /no one may see/);
});

// fault: log-pipe-closed
test('the server and the demo keep running when their output is no longer read', async (t) => {
  for (const entry of ['src/main.ts', 'dev/demo.ts']) {
    const port = await freePort();
    const server = run(t, entry, { PORT: String(port), REDIS_URL: await testRedisUrl(), LOG_LEVEL: 'info' });
    await server.waitForOutput(/is at/);
    server.child.stdout?.destroy();
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(server.output())?.[0];
    // Each is logged, and a failure to write that is noticed a little later.
    for (let count = 0; count < 10; count += 1) assert.ok((await fetch(`${url}/privacy`)).ok, entry);
    assert.equal((await fetch(`${url}/readyz`)).status, 200, `${entry} is stopping`);
  }
});

// fault: uncaught-exception
test('after an uncaught exception the requests in progress are finished, and then the process exits with 1', async (t) => {
  const { child, ended, output, simulator, url } = await serverWith(t, 'exception');
  simulator.fault({ on: /search/, delayMs: 1_000 });
  const search = fetch(`${url}/search?q=a`);
  await until(() => simulator.calls.some(({ path }) => path.endsWith('/search')));

  child.kill('SIGUSR2');

  assert.equal((await search).status, 200);
  assert.equal(await ended, 1);
  assert.match(output(), /Stopping after an uncaught exception/);
  assert.doesNotMatch(output(), /no one may see/);
});
