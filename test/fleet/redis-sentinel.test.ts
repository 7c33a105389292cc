import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { isReady, readyz, waitUntilServed } from '../support/recovery.ts';
import { skipWithoutProgram as skip } from '../support/redis.ts';
import { primaryName, startNode, startSentinels } from '../support/redis-forms.ts';
import { checkRedisAt } from '../support/redis-rights.ts';
import { startPausableSentinel } from '../support/sentinel.ts';
import { startTurntable } from '../support/turntable.ts';

const primaryOf = (sentinel: Redis) => sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primaryName);

for (const [what, lose] of [
  ['is killed', async ({ primary }) => primary.kill()],
  [
    'is replaced while it runs',
    async ({ sentinels }) => void (await sentinels[0]?.direct.call('SENTINEL', 'FAILOVER', primaryName)),
  ],
] satisfies [string, (servers: Awaited<ReturnType<typeof startSentinels>>) => Promise<void>][]) {
  // fault: sentinel-failover
  test(`when the primary that Sentinels watch ${what}, its replica takes over, and no one is signed out`, {
    skip,
  }, async (t) => {
    const servers = await startSentinels(t);
    const { primary, replica, sentinels, url: redisUrl } = servers;
    const here = await startTurntable(t, { redisUrl });
    const mara = here.browser();
    await mara.signIn();
    here.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
    const stream = await openStream(t, here.url, mara);
    await stream.waitFor(({ event }) => event === 'card');
    assert.match(
      await checkRedisAt(redisUrl),
      /^ok Redis connection: connected to music \(127\.0\.0\.1:\d+, /m,
    );
    await primary.direct.wait(1, 5_000);

    await lose(servers);
    for (const { direct } of sentinels)
      await until(async () => String(await primaryOf(direct)).endsWith(`,${replica.port}`));
    t.diagnostic(`served ${await waitUntilServed(mara)} ms after the Sentinels named the replica`);
    await until(async () => (await readyz(here.url))[0] === isReady[0]);

    // Messages come from the new primary as well.
    const there = await startTurntable(t, { sharedWith: { ...here, redisUrl } });
    await waitUntilServed(mara);
    const elsewhere = there.browser();
    await elsewhere.signIn();
    assert.ok((await replica.direct.keys('turntable:session:*')).length >= 2);
    await elsewhere.post('/account/sign-out-everywhere').expect(303);
    await stream.waitForEnd();
  });
}

// fault: sentinel-failover-while-connecting
test('a failover that is announced while a server asks the Sentinels for the primary does not end its connections', {
  skip,
}, async (t) => {
  const primary = await startNode(t, []);
  const sentinel = await startPausableSentinel(t, primary.port);
  const here = await startTurntable(t, { redisUrl: sentinel.url });
  const mara = here.browser();
  await mara.signIn();
  here.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const stream = await openStream(t, here.url, mara);
  await stream.waitFor(({ event }) => event === 'card');
  await until(async () => sentinel.subscribers() === 2);

  // Commands and messages have a connection each.
  sentinel.pause();
  await primary.direct.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await primary.direct.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until(async () => sentinel.waiting() === 2);
  sentinel.announceFailover();
  sentinel.resume();

  await waitUntilServed(mara);
  const subscribers = async () => String(await primary.direct.call('CLIENT', 'LIST', 'TYPE', 'PUBSUB'));
  await until(async () => (await subscribers()) !== '');
});

// fault: sentinel-without-primary
test('Sentinels that do not answer, or do not know the name, are reported at startup', {
  skip,
}, async (t) => {
  const { url } = await startSentinels(t);
  for (const redisUrl of [url.replace(/\/\w+$/, '/other'), 'redis+sentinel://127.0.0.1:1/music']) {
    const { logged, url: site } = await startTurntable(t, { redisUrl });
    assert.match(
      logged.join(''),
      /Redis can’t be found, because no Sentinel names a primary\. Pages return 503/,
    );
    assert.equal((await readyz(site))[0], 503);
    assert.match(
      await checkRedisAt(redisUrl),
      /^failed Redis connection: .*no Sentinel names a primary.*sentinelPassword/m,
    );
  }
});
