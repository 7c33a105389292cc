import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTime } from '../../src/redis/clock.ts';
import { connectForCheck, connectRedis } from '../../src/redis/connect.ts';
import { visitEverything } from '../support/all-calls.ts';
import { openStream } from '../support/event-stream.ts';
import { until } from '../support/fleet.ts';
import { isNotReady, isReady, readyz } from '../support/recovery.ts';
import { skipWithoutProgram as skip } from '../support/redis.ts';
import { clusterUrl, type Node, startCluster } from '../support/redis-forms.ts';
import { allowLine, checkRedisAt } from '../support/redis-rights.ts';
import { clientId, startTurntable } from '../support/turntable.ts';

/** Returns which nodes have a subscriber of the channel. */
async function subscribed(nodes: readonly Node[]): Promise<Node[]> {
  const channel = `turntable:live:{${clientId}}`;
  const counts = await Promise.all(nodes.map(({ direct }) => direct.pubsub('NUMSUB', channel)));
  return nodes.filter((_, index) => Number(counts[index]?.[1]) > 0);
}

test('everything works in a cluster, with a user who has the documented rights only', { skip }, async (t) => {
  const nodes = await startCluster(t, { withReplicas: false });
  for (const { direct } of nodes) await direct.call(...allowLine());
  const redisUrl = clusterUrl(nodes).replace('//', '//turntable:PASSWORD@');
  const here = await startTurntable(t, { redisUrl, timing: { afterCommandMs: 0 } });
  for (const { id } of here.simulator.listeners) await visitEverything(here, id);

  const mara = here.browser();
  await mara.signIn();
  here.simulator.plays('mara', { kind: 'track', index: 0, progressMs: 0 });
  const there = await startTurntable(t, { sharedWith: here });
  await mara.get('/now-playing').expect(200);
  const stream = await openStream(t, there.url, mara);
  await stream.waitFor(({ event }) => event === 'card');
  await mara.post('/account/sign-out-everywhere').expect(303);
  await stream.waitForEnd();

  const sizes = await Promise.all(nodes.map(({ direct }) => direct.dbsize()));
  assert.ok(
    sizes.every((size) => size > 0),
    `the keys are spread over all nodes: ${sizes}`,
  );
  // Keys of the time before prefixes are refused, which is no harm.
  for (const { direct } of nodes)
    assert.doesNotMatch(JSON.stringify(await direct.call('ACL', 'LOG')), /"reason"\W+(command|channel)/);
  assert.doesNotMatch(here.logged.join(''), /"level":[45]0/);
  assert.deepEqual(await readyz(here.url), isReady);

  const checks = await checkRedisAt(redisUrl);
  assert.match(checks, /^ok Redis connection: connected to 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+, /m);
  assert.match(checks, /^ok Redis permissions/m);
  assert.match(checks, /^ok Redis messages/m);
  await nodes[1]?.direct.config('SET', 'maxmemory', '1gb');
  await nodes[1]?.direct.config('SET', 'maxmemory-policy', 'allkeys-lru');
  assert.match(
    await checkRedisAt(redisUrl),
    new RegExp(`^failed Redis eviction: 127\\.0\\.0\\.1:${nodes[1]?.port}: the policy is allkeys-lru`, 'm'),
  );
});

// fault: cluster-node-killed
test('when a node of a cluster is killed its replica takes over, and no one is signed out', {
  skip,
}, async (t) => {
  const nodes = await startCluster(t, { withReplicas: true });
  const { browser, logged, url, simulator } = await startTurntable(t, { redisUrl: clusterUrl(nodes) });
  const people = Array.from({ length: 16 }, () => browser());
  for (const person of people) {
    await person.signIn();
    await person.get('/playlists').expect(200);
  }
  for (const { direct } of nodes.slice(0, 3)) await direct.wait(1, 5_000);
  simulator.forgetCalls();

  await nodes[0]?.kill();
  const startedAt = performance.now();
  const statuses = new Map<number, number>();
  let slowestMs = 0;
  const visitAll = () =>
    Promise.all(
      people.map(async (person) => {
        const sentAt = performance.now();
        const { status } = await person.get('/playlists');
        slowestMs = Math.max(slowestMs, performance.now() - sentAt);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        return status;
      }),
    );
  // Until the replica has taken over, those whose records it has can't be served.
  assert.ok((await visitAll()).includes(503));
  await until(async () => (await visitAll()).every((status) => status === 200));

  const tookMs = Math.round(performance.now() - startedAt);
  t.diagnostic(
    `all served again after ${tookMs} ms; answers by status: ${JSON.stringify(Object.fromEntries(statuses))}; the slowest took ${Math.round(slowestMs)} ms`,
  );
  assert.deepEqual([...statuses.keys()].sort(), [200, 503], 'no one is signed out');
  assert.ok(slowestMs < 8_000, `${slowestMs} ms`);
  assert.match(
    logged.join(''),
    /Redis (has a node that doesn’t answer|is a cluster that doesn’t serve all keys now)\. Pages return 503/,
  );
  await until(() => /Redis is responding again/.test(logged.join('')));
  assert.deepEqual(await readyz(url), isReady);
});

// fault: cluster-subscriber-killed
test('a process gets messages again when the node of a cluster that sent them is killed', {
  skip,
}, async (t) => {
  const nodes = await startCluster(t, { withReplicas: true });
  const there = await startTurntable(t, { redisUrl: clusterUrl(nodes) });
  await until(async () => (await subscribed(nodes)).length === 1);

  const [sender] = await subscribed(nodes);
  await sender?.kill();
  const others = nodes.filter((node) => node !== sender);
  await until(async () => (await subscribed(others)).length === 1);

  await until(async () => (await readyz(there.url))[0] === 200);
});

// fault: cluster-node-missing
test('a cluster that goes on without some of its keys is not ready, and the log names the missing node', {
  skip,
}, async (t) => {
  const nodes = await startCluster(t, {
    withReplicas: false,
    args: ['--cluster-require-full-coverage', 'no'],
  });
  const { url, logged } = await startTurntable(t, { redisUrl: clusterUrl(nodes) });
  await until(async () => (await readyz(url))[0] === 200);

  await nodes[2]?.kill();
  await until(() => /Redis has a node that doesn’t answer\. Pages return 503/.test(logged.join('')));
  for (let times = 0; times < 6; times += 1)
    assert.deepEqual(await readyz(url), isNotReady('Redis has a node that doesn’t answer'));
});

test('all processes get their time from the same node of a cluster', { skip }, async (t) => {
  const nodes = await startCluster(t, { withReplicas: false });
  for (let times = 0; times < 12; times += 1) {
    const redis = connectForCheck({ url: clusterUrl(nodes), ca: null }, 'turntable:');
    await redis.connect();
    assert.ok(Math.abs((await readTime(redis)) - Date.now()) < 60_000);
    redis.disconnect();
  }
  const stats = await Promise.all(nodes.map(({ direct }) => direct.info('commandstats')));
  assert.equal(stats.filter((text) => text.includes('cmdstat_time:')).length, 1);
});

// fault: cluster-slot-moves
test('commands sent together all succeed, even if the cluster redirects one to another node', {
  skip,
}, async (t) => {
  const nodes = await startCluster(t, { withReplicas: false });
  const { redis } = connectRedis({
    server: { url: clusterUrl(nodes), ca: null },
    prefix: '',
    deadlineMs: 5_000,
    onDown: () => undefined,
    onUp: () => undefined,
    onCommandError: () => undefined,
    background: { run: (_name, work) => void work.catch(() => undefined) },
  });
  // Before the nodes end: the connection would go on looking for them.
  using _ = { [Symbol.dispose]: () => redis.disconnect() };
  const [first, second] = nodes;
  const ids = await Promise.all(nodes.map(({ direct }) => direct.cluster('MYID')));
  // All three are on the first node.
  const stays = { key: 'b', slot: 3_300 };
  const moved = { key: 'f', slot: 3_168 };
  const asked = { key: 'j', slot: 3_564 };
  await until(async () => (await redis.set(stays.key, '0').catch(() => null)) === 'OK');

  // While the keys of a slot move, its node says ASK for those that it doesn't have; afterward it says MOVED.
  for (const { direct } of [...nodes].reverse())
    await direct.call('CLUSTER', 'SETSLOT', moved.slot, 'NODE', String(ids[1]));
  await second?.direct.call('CLUSTER', 'SETSLOT', asked.slot, 'IMPORTING', String(ids[0]));
  await first?.direct.call('CLUSTER', 'SETSLOT', asked.slot, 'MIGRATING', String(ids[1]));

  const replies = await Promise.allSettled([
    redis.incr(stays.key),
    redis.incr(moved.key),
    redis.get(stays.key),
    redis.incr(asked.key),
    redis.incr(moved.key),
  ]);
  assert.deepEqual(
    replies.map((reply) => (reply.status === 'fulfilled' ? reply.value : String(reply.reason))),
    [1, 1, '1', 1, 2],
  );
});

// fault: cluster-url-mistaken
test('a cluster at a URL for a single Redis, and a single Redis at the URL of a cluster, are named', {
  skip,
}, async (t) => {
  const nodes = await startCluster(t, { withReplicas: false });
  const named = /failed Redis connection: .* is one node of a cluster.*cluster=true/;
  // The check writes a random key, which one time in three is one that this node has.
  for (const { port } of nodes)
    await until(async () => named.test(await checkRedisAt(`redis://127.0.0.1:${port}`)));
  const [node] = nodes;
  assert.match(await checkRedisAt(`redis://127.0.0.1:${node?.port}?cluster=true`), /^ok Redis connection/m);
});
