import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { timing } from '../../src/access/timing.ts';
import { connectRedis } from '../../src/redis/connect.ts';
import { until } from '../support/fleet.ts';
import { connectDirectly, isNotReady, isReady, readyz, waitUntilServed } from '../support/recovery.ts';
import { skipWithoutProgram as skip, startOwnRedis, testRedisUrl } from '../support/redis.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { usualRedisDeadline } from '../support/timing.ts';
import { startTurntable } from '../support/turntable.ts';

// fault: dropped-packets
test('a connection whose packets are dropped is given up within a second, and a new one serves pages', async (t) => {
  const redis = await startRedisProxy(t);
  const { browser } = await startTurntable(t, { redisUrl: redis.url, timing: usualRedisDeadline });
  const mara = browser();
  await mara.signIn();

  redis.silence();

  const startedAt = performance.now();
  await mara.get('/playlists').expect(503);
  const tookMs = Math.round(performance.now() - startedAt);
  const backMs = await waitUntilServed(mara);
  t.diagnostic(`503 after ${tookMs} ms, served again ${backMs} ms later`);
  assert.ok(tookMs < 10_000, `503 after ${tookMs} ms`);
  assert.ok(backMs < 10_000, `served again after ${backMs} ms`);
});

// fault: reply-during-busy-loop
test('a pipeline, a script or a command whose reply waits while the event loop is busy for 800 ms is not given up', async (t) => {
  const downs: string[] = [];
  const { redis, firstReport } = connectRedis({
    prefix: '',
    server: { url: await testRedisUrl(), ca: null },
    deadlineMs: timing.redisDeadlineMs,
    onDown: ({ problem }) => downs.push(problem),
    onUp: () => undefined,
    onCommandError: () => undefined,
    background: { run: (_name, work) => work.catch(assert.fail) },
  });
  t.after(() => redis.disconnect());
  await firstReport;

  for (const work of [
    () => redis.set('busy', 'x', 'PX', 10_000),
    () => redis.pipeline().get('busy').set('busy', 'y', 'PX', 10_000).exec(),
    () => Promise.all([redis.get('busy'), redis.eval('return 1', 0)]),
  ]) {
    const answer = work();
    // Commands are sent together at the end of a turn of the event loop.
    await new Promise(setImmediate);
    beBusy(800);
    await answer;
  }
  assert.deepEqual(downs, []);
});

// fault: repeatedly-busy-loop
test('pages are served even if the event loop is busy for 800 ms again and again', async (t) => {
  const { browser } = await startTurntable(t, { timing: usualRedisDeadline });
  const mara = browser();
  await mara.signIn();

  const pages = ['/now-playing', '/playlists', '/account'].map((path) => mara.get(path).expect(200));
  const all = Promise.all(pages);
  for (let times = 0; times < 4; times += 1) {
    await sleep(5);
    beBusy(800);
  }
  await all;
});

function beBusy(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const replies = {
  READONLY: 'READONLY You can’t write against a read only replica.',
  'READONLY in a script':
    'ERR Error running script (call to f_0): @user_script:3: @user_script: 3: -READONLY You can’t write.',
  MASTERDOWN: 'MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to ’no’.',
  LOADING: 'LOADING Redis is loading the dataset in memory',
  NOREPLICAS: 'NOREPLICAS Not enough good replicas to write.',
  CLUSTERDOWN: 'CLUSTERDOWN The cluster is down',
};

for (const [name, reply] of Object.entries(replies)) {
  // fault: refused-by-former-primary
  test(`a page that a server refuses with ${name} is served over the next connection, since another server may be there now`, async (t) => {
    const line = await startRedisProxy(t);
    const { browser } = await startTurntable(t, { redisUrl: line.url, timing: usualRedisDeadline });
    const mara = browser();
    await mara.signIn();

    line.refuse(reply);
    await mara.get('/playlists').expect(200);
  });
}

test('a connection to a server that is out of memory stays open, since it is the right one', async (t) => {
  const line = await startRedisProxy(t);
  const { browser, url } = await startTurntable(t, { redisUrl: line.url });
  const mara = browser();
  await mara.signIn();

  line.refuse('OOM command not allowed when used memory > ’maxmemory’.');
  for (let times = 0; times < 5; times += 1) {
    assert.deepEqual(await readyz(url), isNotReady('Redis is out of memory'));
    await sleep(200);
  }
  line.refuse(null);
  await mara.get('/playlists').expect(200);
});

// fault: start-with-read-only-redis
test('a server that starts while Redis takes no writes says so, and says when that has changed', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const direct = connectDirectly(t, redis.url);
  await direct.config('SET', 'maxmemory', '1');

  const { logged } = await startTurntable(t, { redisUrl: redis.url });
  assert.match(logged.join(''), /Redis is out of memory\. Pages return 503/);

  await direct.config('SET', 'maxmemory', '0');
  await until(() => /Redis is responding again/.test(logged.join('')));
});

// fault: readiness-reason
test('/readyz says which it is: no memory, no permission, or no Redis', { skip }, async (t) => {
  const redis = await startOwnRedis(t);
  const direct = connectDirectly(t, redis.url);
  const permit = (...rules: string[]) => direct.call('ACL', 'SETUSER', 'turntable', ...rules);
  await permit('on', '>a-secret', '~*', '&*', '+@all');
  const { url } = await startTurntable(t, { redisUrl: redis.url.replace('//', '//turntable:a-secret@') });
  assert.deepEqual(await readyz(url), isReady);

  await direct.config('SET', 'maxmemory', '1');
  assert.deepEqual(await readyz(url), isNotReady('Redis is out of memory'));
  await direct.config('SET', 'maxmemory', '0');

  // Deleting happens in a script.
  for (const command of ['-set', '-evalsha', '-del']) {
    await permit(command);
    assert.deepEqual(
      await readyz(url),
      isNotReady('Redis does not give this user the permissions that pages need'),
      command,
    );
    await permit('+@all');
    assert.deepEqual(await readyz(url), isReady);
  }

  await redis.stop();
  assert.deepEqual(await readyz(url), isNotReady('Redis does not answer'));
  await redis.start();
});
