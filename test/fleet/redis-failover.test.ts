import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { connectDirectly, isNotReady, isReady, readyz, waitUntilServed } from '../support/recovery.ts';
import { redisProgram, skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { usualRedisDeadline } from '../support/timing.ts';
import { clientId, startTurntable } from '../support/turntable.ts';

// fault: redis-frozen
test('a frozen Redis is a 503 within about a second, and pages are served again once it continues', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const { browser, url } = await startTurntable(t, { redisUrl: redis.url, timing: usualRedisDeadline });
  const mara = browser();
  await mara.signIn();
  const [, found] = /process_id:(\d+)/.exec(await connectDirectly(t, redis.url).info('server')) ?? [];
  const pid = Number(found);

  process.kill(pid, 'SIGSTOP');
  try {
    const startedAt = performance.now();
    await mara.get('/playlists').expect(503);
    const tookMs = Math.round(performance.now() - startedAt);
    t.diagnostic(`503 after ${tookMs} ms`);
    assert.ok(tookMs < 5_000, `503 after ${tookMs} ms`);
    assert.deepEqual(await readyz(url), isNotReady('Redis does not answer'));
    // Connections are opened and given up during this time.
    await sleep(3_000);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const backMs = await waitUntilServed(mara);
  t.diagnostic(`served again ${backMs} ms after it went on`);
  assert.ok(backMs < 5_000, `served again after ${backMs} ms`);
});

// fault: primary-became-replica
test('a primary that became a replica is given up for the new primary, and the log says what it is until then', {
  skip,
}, async (t) => {
  const [old, next] = [await startOwnRedis(t), await startOwnRedis(t)];
  const line = await startRedisProxy(t, old.url);
  const here = await startTurntable(t, { redisUrl: line.url });
  const { browser, url, logged } = here;
  const mara = browser();
  await mara.signIn();
  const [oldPrimary, newPrimary] = [connectDirectly(t, old.url), connectDirectly(t, next.url)];
  await oldPrimary.config('SET', 'repl-diskless-sync-delay', '0');
  await newPrimary.replicaof('127.0.0.1', new URL(old.url).port);
  await until(async () => /master_link_status:up/.test(await newPrimary.info('replication')));
  assert.deepEqual(await readyz(url), isReady);

  here.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const stream = await openStream(t, url, mara);
  await stream.waitFor(({ event }) => event === 'card');

  await newPrimary.call('REPLICAOF', 'NO', 'ONE');
  // It doesn't get the messages of the new one.
  await oldPrimary.replicaof('127.0.0.1', '1');
  assert.deepEqual(await readyz(url), isNotReady('Redis is a read-only replica'));
  await until(() => /Redis is a read-only replica\. Pages return 503/.test(logged.join('')));

  line.forwardTo(next.url);
  const startedAt = performance.now();
  // Even without requests.
  await until(() => /Redis is responding again/.test(logged.join('')));
  t.diagnostic(`${Math.round(performance.now() - startedAt)} ms after the address led to the new primary`);
  await mara.get('/playlists').expect(200);
  assert.deepEqual(await readyz(url), isReady);
  assert.equal(
    logged.filter((line) => /"Redis (is responding again|is a |does not answer)/.test(line)).length,
    2,
  );

  // Its messages come from there as well.
  const there = await startTurntable(t, { sharedWith: { ...here, redisUrl: next.url } });
  await waitUntilServed(mara);
  const elsewhere = there.browser();
  await elsewhere.signIn();
  const signedOutAt = performance.now();
  await elsewhere.post('/account/sign-out-everywhere').expect(303);
  await stream.waitForEnd();
  assert.ok(performance.now() - signedOutAt < 30_000);
});

// fault: redis-loading-data
test('while Redis loads its data pages return 503, and they work once it has loaded', { skip }, async (t) => {
  // Redis replies after every 1024 keys.
  const folder = mkdtempSync(join(tmpdir(), 'turntable-loading-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'redis-server');
  writeFileSync(program, `#!/bin/sh\nexec ${redisProgram} "$@" --key-load-delay 100\n`);
  chmodSync(program, 0o755);
  const redis = await startOwnRedis(t, program);
  const { browser, url, logged } = await startTurntable(t, { redisUrl: redis.url });
  const mara = browser();
  await mara.signIn();
  const direct = connectDirectly(t, redis.url);
  await Promise.all(Array.from({ length: 20_000 }, (_, key) => direct.set(`filler-${key}`, 'x')));

  await redis.stop();
  const started = redis.start();
  const tookMs = await waitUntilServed(mara);
  await started;

  t.diagnostic(`${tookMs} ms`);
  assert.match(logged.join(''), /Redis is still loading its data\. Pages return 503/);
  assert.deepEqual(await readyz(url), isReady);
});

/** Two servers with a Redis user who may do everything except use channels, and a subscriber at one of them. */
async function withoutChannels(t: TestContext) {
  const redis = await startOwnRedis(t);
  const direct = connectDirectly(t, redis.url);
  await direct.call('ACL', 'SETUSER', 'turntable', 'on', '>a-secret', '~*', 'resetchannels', '+@all');
  const here = await startTurntable(t, { redisUrl: redis.url.replace('//', '//turntable:a-secret@') });
  const there = await startTurntable(t, { sharedWith: here });
  here.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = here.browser();

  return {
    here,
    direct,
    /** How long a stream at one server stays open after signing out everywhere at the other, in milliseconds. */
    async signOutElsewhere(): Promise<number> {
      await mara.signIn();
      await mara.get('/now-playing').expect(200);
      const stream = await openStream(t, there.url, mara);
      await stream.waitFor(({ event }) => event === 'card');
      const startedAt = performance.now();
      await mara.post('/account/sign-out-everywhere').expect(303);
      await stream.waitForEnd();
      return Math.round(performance.now() - startedAt);
    },
  };
}

// fault: redis-user-without-channels
test('with a Redis user who has no right to channels, the log says so, and signing out everywhere still ends streams at other servers', {
  skip,
}, async (t) => {
  const { here, signOutElsewhere } = await withoutChannels(t);

  const tookMs = await signOutElsewhere();

  t.diagnostic(`${tookMs} ms`);
  assert.ok(tookMs < 15_000, `${tookMs} ms`);
  const warning =
    /Redis does not permit this user to use the channel for live updates: .*ACL SETUSER with your user and &turntable:live:/;
  assert.equal(here.logged.filter((line) => warning.test(line)).length, 1);
  // Polls and pages worked: only their messages could not be published.
  assert.doesNotMatch(here.logged.join(''), /a-secret|Live updates failed|background task failed/);
});

// fault: channels-granted-later
test('a Redis user who is given the right to channels uses them without a restart', { skip }, async (t) => {
  const { direct, signOutElsewhere } = await withoutChannels(t);

  await direct.call('ACL', 'SETUSER', 'turntable', '&*');
  await until(async () => (await direct.pubsub('NUMSUB', `turntable:live:{${clientId}}`))[1] === 2);

  t.diagnostic(`${await signOutElsewhere()} ms`);
});

// fault: silent-subscriber
test('a subscriber connection that goes silent is noticed, and gets messages again', async (t) => {
  const line = await startRedisProxy(t);
  const here = await startTurntable(t, { redisUrl: line.direct });
  const there = await startTurntable(t, {
    sharedWith: { ...here, redisUrl: line.url },
    timing: usualRedisDeadline,
  });
  here.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const mara = here.browser();
  await mara.signIn();
  const stream = await openStream(t, there.url, mara);
  await stream.waitFor(({ event }) => event === 'card');

  line.silence('listening');
  const startedAt = performance.now();
  await mara.post('/account/sign-out-everywhere').expect(303);
  await stream.waitForEnd();
  const tookMs = Math.round(performance.now() - startedAt);
  t.diagnostic(`${tookMs} ms`);
  assert.ok(tookMs < 30_000, `${tookMs} ms`);
});
