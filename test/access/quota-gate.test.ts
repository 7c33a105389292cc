import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Cooldown } from '../../src/access/errors.ts';
import { createQuotaGate } from '../../src/access/quota-gate.ts';
import { createQuotaLedger } from '../../src/access/quota-ledger.ts';
import { callsIn } from '../../src/access/usage.ts';
import { ShuttingDown } from '../../src/ops/background.ts';
import { RedisUnavailable } from '../../src/redis/errors.ts';
import { startRedis } from '../../src/redis/local-server.ts';
import { NotFound, RateLimited, Refused, SpotifyUnavailable } from '../../src/spotify/errors.ts';
import { pathTo } from '../../src/spotify/uri.ts';
import { createClock } from '../support/clock.ts';
import { until } from '../support/fleet.ts';
import { recordsIn, redisProgram, skipWithoutProgram as skip, testRedisUrl } from '../support/redis.ts';

/** The quota gates of two processes, which share their state in Redis. */
async function createGates(t: TestContext, { redisUrl = '', now = Date.now } = {}) {
  const redis = new Redis(redisUrl || (await testRedisUrl()));
  t.after(() => redis.disconnect());
  const records = recordsIn(redis);
  const one = () => {
    const ledger = createQuotaLedger({ redis, records, name: 'an app', now });
    return { ...createQuotaGate({ records, ledger, clientId: 'an app', now }), ledger };
  };
  return { redis, quotaGate: one(), other: one() };
}

const player = { family: 'player-read', endpoint: 'GET /me/player' } as const;

/** The closure of all calls until this time, as it is stored. */
const closure = (until: number) => `${until} rate ${Date.now()}`;

const limited = (retryAfter: string | undefined) => new RateLimited('Too many requests', retryAfter);

async function cooldownOf(call: Promise<unknown>): Promise<Cooldown> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Cooldown, String(error));
  return error;
}

// fault: longer-cooldown-wins
test('a call that waits out a short cooldown is not made, and ends nothing, if a longer one has started by then', async (t) => {
  const { quotaGate, other } = await createGates(t);
  let asked = 0;
  const otherAsks = Promise.withResolvers<void>();
  const short = cooldownOf(
    quotaGate.run(player, async () => {
      asked += 1;
      await otherAsks.promise;
      throw limited('2');
    }),
  );
  // Already in flight when Spotify answers the first one.
  await cooldownOf(
    other.run(player, async () => {
      otherAsks.resolve();
      await until(async () => (await other.cooldown('player-read')) !== null);
      throw limited('3600');
    }),
  );

  assert.ok((await short).until > Date.now() + 3_000_000);
  assert.equal(asked, 1);
  assert.notEqual(await quotaGate.cooldown('player-read'), null);
});

test('a successful probe does not end a longer cooldown that has started by then', async (t) => {
  const { redis, quotaGate } = await createGates(t);
  await redis.hset('ledger:{an app}', 'closed all', closure(Date.now() - 1_000));
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const probe = quotaGate.run(player, () => {
    asked.resolve();
    return answer.promise;
  });
  await asked.promise;
  await redis.hset('ledger:{an app}', 'closed all', closure(Date.now() + 3_600_000));
  answer.resolve();
  await probe;

  assert.ok(((await quotaGate.cooldown('player-read'))?.until ?? 0) > Date.now() + 3_000_000);
});

test('only one of twenty calls with a cooldown of a second is made again after each cooldown', async (t) => {
  const { quotaGate, other } = await createGates(t);
  const asked: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      cooldownOf(
        (index % 2 ? quotaGate : other).run(player, async () => {
          asked.push(performance.now());
          await sleep(50);
          throw limited('1');
        }),
      ),
    ),
  );
  const again = asked.slice(20);
  assert.ok(again.length >= 1);
  for (const [index, at] of again.entries()) {
    const before = again[index - 1] ?? asked[19] ?? 0;
    assert.ok(at - before >= 950, `asked again after ${at - before} ms`);
  }
});

// fault: refresh-is-no-probe
test('after a cooldown a token refresh does not wait for a probe, and does not end the cooldown of the Web API', async (t) => {
  const { redis, quotaGate } = await createGates(t);
  await redis.hset('ledger:{an app}', 'closed all', closure(Date.now() - 1_000));
  const refreshes = await Promise.all(
    Array.from({ length: 8 }, () => quotaGate.runAccounts(async () => 'a token')),
  );
  assert.equal(refreshes.length, 8);

  let asked = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      cooldownOf(
        quotaGate.run(player, async () => {
          asked += 1;
          await sleep(200);
          throw limited('3600');
        }),
      ),
    ),
  );
  assert.equal(asked, 1, 'one call probes');
  assert.equal(
    callsIn((await quotaGate.ledger.read()).counts, Date.now()),
    1,
    'token requests are not counted',
  );
  assert.equal(
    await quotaGate.runAccounts(async () => 'a token'),
    'a token',
    'the accounts service was not refused',
  );
});

// fault: accounts-service-429
test('a 429 of the accounts service stops calls to it in every process, but none to the Web API', async (t) => {
  const { quotaGate, other } = await createGates(t);
  const refused = cooldownOf(
    quotaGate.runAccounts(async () => {
      throw limited('3600');
    }),
  );
  const { until } = await refused;

  assert.equal(await other.run(player, async () => 'an answer'), 'an answer');
  assert.equal(await quotaGate.cooldown('player-read'), null, 'and no other call waits');
  let asked = 0;
  for (const one of [quotaGate, other]) {
    const again = await cooldownOf(one.runAccounts(async () => (asked += 1)));
    assert.equal(again.until, until);
  }
  assert.equal(asked, 0);

  await quotaGate.reset();
  assert.equal(await other.runAccounts(async () => 'a token'), 'a token');
});

// fault: own-failure-ends-no-cooldown
test('a probe that ends with a failure of ours does not end the cooldown, and the next call probes', async (t) => {
  const { redis, quotaGate, other } = await createGates(t);
  const failures = [
    new RedisUnavailable('Redis: ETIMEDOUT'),
    new ShuttingDown('Not begun while stopping'),
    new TypeError('a bug'),
  ];
  const notAsked = [() => pathTo('playlists', '..'), ...failures.map((error) => () => Promise.reject(error))];
  const record = closure(Date.now() - 1_000);
  await redis.hset('ledger:{an app}', 'closed all', record);

  for (const fail of notAsked) {
    await assert.rejects(quotaGate.run(player, async () => fail()));
    assert.equal(
      await redis.hget('ledger:{an app}', 'closed all'),
      record,
      'the cooldown is still remembered',
    );
  }
  const startedAt = performance.now();
  assert.equal(await other.run(player, async () => 'a result'), 'a result', 'the next call probes');
  assert.ok(performance.now() - startedAt < 1_000, 'without waiting for the end of another probe');
  assert.equal(await redis.hget('ledger:{an app}', 'closed all'), null, 'and its result ends the cooldown');
});

test('a probe that Spotify answers with an error, or does not answer, ends the cooldown', async (t) => {
  const { redis, quotaGate } = await createGates(t);
  for (const error of [new Refused('403'), new NotFound('404'), new SpotifyUnavailable('502')]) {
    await redis.hset('ledger:{an app}', 'closed all', closure(Date.now() - 1_000));
    await assert.rejects(
      quotaGate.run(player, () => Promise.reject(error)),
      error,
    );
    assert.equal(await redis.hget('ledger:{an app}', 'closed all'), null, error.name);
  }
});

// fault: absurd-retry-after
test('Retry-After is accepted as seconds or as a date, up to a day, and nothing else is mistaken for one', async (t) => {
  const { now } = createClock();
  const { redis, quotaGate } = await createGates(t, { now });
  const inTenMinutes = new Date(now() + 600_000).toUTCString();
  const headers: [string | undefined, number][] = [
    ['10', 10],
    ['0.5', 1],
    ['0', 1],
    [inTenMinutes, 600],
    ['83276', 83_276],
    ['9999999999', 24 * 3600],
    ...[undefined, '', '-5', '60s', '3600;', '2100', 'soon', 'May 3', '30, 30', '1e3'].map(
      (garbage): [string | undefined, number] => [garbage, garbage === '2100' ? 2100 : 30],
    ),
  ];
  for (const [header, seconds] of headers) {
    const { until } = await cooldownOf(
      quotaGate.runAccounts(async () => {
        throw limited(header);
      }),
    );
    const waits = (until - now()) / 1000;
    assert.ok(Math.abs(waits - seconds) < 2, `${header}: ${waits} s`);
    await redis.del('cooldown-accounts:{an app}');
  }
});

// fault: cooldown-with-read-only-redis
test('if Redis refuses writes, the process that got a 429 respects it by itself, for each service', {
  skip,
}, async (t) => {
  const own = await startRedis({ program: redisProgram });
  t.after(own.stop);
  const { redis, quotaGate } = await createGates(t, { redisUrl: own.url });
  await redis.config('SET', 'min-replicas-to-write', '1');
  const services = {
    accounts: quotaGate.runAccounts,
    'web-api': (call: () => Promise<never>) => quotaGate.run(player, call),
  };
  for (const [service, run] of Object.entries(services)) {
    let asked = 0;
    for (let page = 0; page < 10; page += 1) {
      await cooldownOf(
        run(async () => {
          asked += 1;
          throw limited('3600');
        }),
      );
    }
    assert.equal(asked, 1, service);
  }
});
