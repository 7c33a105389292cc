import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Cooldown } from '../../src/access/errors.ts';
import { createQuotaGate } from '../../src/access/quota-gate.ts';
import { startRedis } from '../../src/redis/local-server.ts';
import { RateLimited } from '../../src/spotify/errors.ts';
import { createClock } from '../support/clock.ts';
import { until } from '../support/fleet.ts';
import { recordsIn, redisProgram, skipWithoutProgram as skip, testRedisUrl } from '../support/redis.ts';

/** The doors of two processes: one in Redis. */
async function doors(t: TestContext, { redisUrl = '', now = Date.now } = {}) {
  const redis = new Redis(redisUrl || (await testRedisUrl()));
  t.after(() => redis.disconnect());
  const records = recordsIn(redis);
  const one = () => createQuotaGate({ redis, records, clientId: 'an app', now, dailyCalls: 700 });
  return { redis, quotaGate: one(), other: one() };
}

const limited = (retryAfter: string | undefined) => new RateLimited('Too many requests', retryAfter);

async function coolDownOf(call: Promise<unknown>): Promise<Cooldown> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Cooldown, String(error));
  return error;
}

// fault: longer-cooldown-wins
test('who sits out a short wait does not go on when a longer one was asked for meanwhile, and does not end that', async (t) => {
  const { quotaGate, other } = await doors(t);
  let asked = 0;
  const otherAsks = Promise.withResolvers<void>();
  const short = coolDownOf(
    quotaGate.through(async () => {
      asked += 1;
      await otherAsks.promise;
      throw limited('2');
    }),
  );
  // Under way already when the first one is told to wait.
  await coolDownOf(
    other.through(async () => {
      otherAsks.resolve();
      await until(async () => (await other.closed()) !== null);
      throw limited('3600');
    }),
  );

  assert.ok((await short).until > Date.now() + 3_000_000);
  assert.equal(asked, 1);
  assert.notEqual(await quotaGate.closed(), null);
});

test('an answer to who tried does not open a door that was closed for longer meanwhile', async (t) => {
  const { redis, quotaGate } = await doors(t);
  await redis.set('cooldown:{an app}', String(Date.now() - 1_000));
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const trying = quotaGate.through(() => {
    asked.resolve();
    return answer.promise;
  });
  await asked.promise;
  await redis.set('cooldown:{an app}', String(Date.now() + 3_600_000));
  answer.resolve();
  await trying;

  assert.ok(((await quotaGate.closed())?.until ?? 0) > Date.now() + 3_000_000);
});

test('twenty calls that are told to wait a second do not all come again: one does, for each time they are told', async (t) => {
  const { quotaGate, other } = await doors(t);
  const asked: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      coolDownOf(
        (index % 2 ? quotaGate : other).through(async () => {
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
test('a renewal waits for nobody when the time is over, and is no proof that the Web API answers again', async (t) => {
  const { redis, quotaGate } = await doors(t);
  await redis.set('cooldown:{an app}', String(Date.now() - 1_000));
  const renewals = await Promise.all(
    Array.from({ length: 8 }, () => quotaGate.through(async () => 'a token', 'accounts')),
  );
  assert.equal(renewals.length, 8);

  let asked = 0;
  await Promise.all(
    Array.from({ length: 8 }, () =>
      coolDownOf(
        quotaGate.through(async () => {
          asked += 1;
          await sleep(200);
          throw limited('3600');
        }),
      ),
    ),
  );
  assert.equal(asked, 1, 'one tries');
  assert.equal((await quotaGate.budget()).used, 1, 'renewals are not counted');
  await coolDownOf(quotaGate.through(async () => 'a token', 'accounts'));
});

// fault: accounts-service-429
test('a 429 of the accounts service stops calls to that service, in every process, and none to the Web API', async (t) => {
  const { quotaGate, other } = await doors(t);
  const refused = coolDownOf(
    quotaGate.through(async () => {
      throw limited('3600');
    }, 'accounts'),
  );
  const { until } = await refused;

  assert.equal(await other.through(async () => 'an answer'), 'an answer');
  assert.equal(await quotaGate.closed(), null, 'nothing else needs to wait');
  let asked = 0;
  for (const one of [quotaGate, other]) {
    const again = await coolDownOf(one.through(async () => (asked += 1), 'accounts'));
    assert.equal(again.until, until);
  }
  assert.equal(asked, 0);

  await quotaGate.reopen();
  assert.equal(await other.through(async () => 'a token', 'accounts'), 'a token');
});

test('what Spotify asks for is read with care: seconds or a date, and not what merely looks like one', async (t) => {
  const { now } = createClock();
  const { redis, quotaGate } = await doors(t, { now });
  const inTenMinutes = new Date(now() + 600_000).toUTCString();
  const told: [string | undefined, number][] = [
    ['10', 10],
    ['0.5', 1],
    ['0', 1],
    [inTenMinutes, 600],
    ['9999999999', 48 * 3600],
    ...[undefined, '', '-5', '60s', '3600;', '2100', 'soon', 'May 3', '30, 30', '1e3'].map(
      (garbage): [string | undefined, number] => [garbage, garbage === '2100' ? 2100 : 30],
    ),
  ];
  for (const [header, seconds] of told) {
    const { until } = await coolDownOf(
      quotaGate.through(async () => {
        throw limited(header);
      }, 'accounts'),
    );
    const waits = (until - now()) / 1000;
    assert.ok(Math.abs(waits - seconds) < 2, `${header}: ${waits} s`);
    await redis.del('cooldown-accounts:{an app}');
  }
});

// fault: cooldown-with-read-only-redis
test('where Redis takes no writes, this process at least stays away, from each service by itself', {
  skip,
}, async (t) => {
  const own = await startRedis({ program: redisProgram });
  t.after(own.stop);
  const { redis, quotaGate } = await doors(t, { redisUrl: own.url });
  await redis.config('SET', 'min-replicas-to-write', '1');
  for (const service of ['accounts', 'web-api'] as const) {
    let asked = 0;
    for (let page = 0; page < 10; page += 1) {
      await coolDownOf(
        quotaGate.through(async () => {
          asked += 1;
          throw limited('3600');
        }, service),
      );
    }
    assert.equal(asked, 1, service);
  }
});
