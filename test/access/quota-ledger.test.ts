import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { Cooldown } from '../../src/access/errors.ts';
import { familyBudget, liveBudget, msUntilFit, quotaOf } from '../../src/access/quota-budget.ts';
import { type QuotaFamily, quotaFamilies } from '../../src/access/quota-families.ts';
import { createQuotaGate } from '../../src/access/quota-gate.ts';
import { createQuotaLedger } from '../../src/access/quota-ledger.ts';
import { quotaInUse } from '../../src/access/quota-summary.ts';
import { createRecords } from '../../src/redis/records.ts';
import { RateLimited, SpotifyUnavailable } from '../../src/spotify/errors.ts';
import { createClock } from '../support/clock.ts';
import { testRedisUrl } from '../support/redis.ts';

const hour = 3_600_000;

/** Processes of two apps that share a ledger, and a clock. */
async function createProcesses(t: TestContext) {
  const clock = createClock();
  const { now } = clock;
  const redis = new Redis(await testRedisUrl());
  t.after(() => redis.disconnect());
  const damaged: string[] = [];
  const onDamaged = (kind: string) => void damaged.push(kind);
  const records = createRecords({ redis, formerPrefix: '', onDamaged });
  const asked: string[] = [];
  const createProcess = (clientId: string) => {
    const ledger = createQuotaLedger({ redis, records, name: 'an account', now });
    const gate = createQuotaGate({ records, ledger, clientId, now });

    /** Makes a call that Spotify answers, or refuses. Returns "answered", or when and why it was refused. */
    async function call(
      family: QuotaFamily,
      refusal: RateLimited | null = null,
      endpoint = `GET /${family}`,
    ): Promise<string> {
      try {
        return await gate.run({ family, endpoint }, async () => {
          asked.push(family);
          if (refusal) throw refusal;
          return 'answered';
        });
      } catch (error) {
        if (!(error instanceof Cooldown)) throw error;
        const minutes = Math.round((error.until - now()) / 60_000);
        return `${error.quota ? 'quota' : 'rate'} of ${error.family ?? 'all'} for ${minutes} min`;
      }
    }
    return { call, ledger, gate };
  };
  return { redis, clock, asked, damaged, one: createProcess('an app'), other: createProcess('another app') };
}

const rate = (seconds: number | null) =>
  new RateLimited('429', seconds === null ? undefined : String(seconds));
const quota = (seconds: number | null) =>
  new RateLimited('429', seconds === null ? undefined : String(seconds), true);

// fault: family-quota-used-up
test('a family whose quota is used up is closed in every process, and the others go on', async (t) => {
  const { asked, one, other } = await createProcesses(t);

  assert.equal(await one.call('search', quota(7_200)), 'quota of search for 120 min');
  assert.equal(await other.call('search'), 'quota of search for 120 min');
  for (const family of quotaFamilies.filter((family) => family !== 'search'))
    assert.equal(await other.call(family), 'answered');

  assert.equal(asked.filter((family) => family === 'search').length, 1);
});

// fault: rate-closes-all-families
test('a 429 without a reason closes all families, for half a minute if it does not say how long', async (t) => {
  const { clock, one, other } = await createProcesses(t);

  assert.equal(await one.call('search', rate(600)), 'rate of all for 10 min');
  assert.equal(await other.call('me'), 'rate of all for 10 min');
  clock.advance({ minutes: 10, seconds: 1 });
  assert.equal(await other.call('me'), 'answered');

  assert.equal(await one.call('search', rate(null)), 'rate of all for 1 min');
  clock.advance({ seconds: 31 });
  assert.equal(await one.call('search'), 'answered');
});

// fault: suspect-families
test('after one family was refused, the next call of each other is a single probe', async (t) => {
  const { asked, one, other } = await createProcesses(t);
  await one.call('search', quota(7_200));

  const results = await Promise.all(
    Array.from({ length: 10 }, (_, index) => (index % 2 ? one : other).call('lists', quota(3_600))),
  );

  assert.deepEqual([...new Set(results)], ['quota of lists for 60 min']);
  assert.equal(asked.filter((family) => family === 'lists').length, 1);
});

// fault: shared-quota-remembered
test('two families refused together, with the same end time, are remembered for a month: their calls count together', async (t) => {
  const { clock, one, other } = await createProcesses(t);
  for (let nth = 0; nth < 150; nth += 1) await one.call('playlist-read');
  for (let nth = 0; nth < 49; nth += 1) await one.call('lists');
  await one.call('playlist-read', quota(7_200));
  clock.advance({ minutes: 2 });
  await other.call('lists', quota(7_080));
  assert.equal(await one.call('me'), 'answered');
  const budget = async () => {
    const { perDay, used } = familyBudget(await one.ledger.read(), 'lists', 700, clock.now());
    return [perDay, used];
  };
  assert.deepEqual(await budget(), [199, 201], 'both families’ calls, and both that were refused');

  clock.advance({ hours: 24 * 31 });
  assert.deepEqual(await budget(), [700, 0]);
  assert.deepEqual([...(await one.ledger.read()).shared], []);
});

// fault: limit-of-pair
test('the limit of two families that share a quota counts the calls of both', async (t) => {
  const { clock, redis, one } = await createProcesses(t);
  const bin = Math.floor(clock.now() / hour);
  await redis.hset('calls:{an account}', `player-read ${bin}`, 300, `lists ${bin}`, 400);
  await one.call('lists', quota(7_200));
  const { at } = (await one.ledger.read()).limitHits.get('lists') ?? {};
  clock.advance({ seconds: 30 });
  await one.call('player-read', quota(7_170));

  const ledger = await one.ledger.read();
  assert.deepEqual(ledger.limitHits.get('lists'), { calls: 701, at });
  for (const family of ['lists', 'player-read'] as const) {
    const { perDay, used } = familyBudget(ledger, family, 700, clock.now());
    assert.deepEqual([perDay, used], [700, 702]);
  }
  const warned = quotaInUse(ledger, 700, clock.now()).families.filter(({ isNearlyUsed }) => isNearlyUsed);
  assert.deepEqual(
    warned.map(({ family, sharing }) => [family, sharing]),
    [
      ['player-read', { with: 'lists', used: 702 }],
      ['lists', { with: 'player-read', used: 702 }],
    ],
  );
});

test('two families that are refused by calls under way at once share the limit of both as well', async (t) => {
  const { clock, redis, one } = await createProcesses(t);
  const bin = Math.floor(clock.now() / hour);
  await redis.hset('calls:{an account}', `player-read ${bin}`, 300, `lists ${bin}`, 400);
  const target = { family: 'player-read', endpoint: 'GET /me/player' } as const;
  const inFlight = one.gate.run(target, async () => {
    await one.call('lists', quota(7_200));
    clock.advance({ seconds: 1 });
    throw quota(7_199);
  });
  await assert.rejects(inFlight, Cooldown);

  const { perDay } = familyBudget(await one.ledger.read(), 'lists', 700, clock.now());
  assert.equal(perDay, 701);
});

// fault: call-not-made
test('a call that is given up before Spotify is asked does not count', async (t) => {
  const { clock, one } = await createProcesses(t);
  await one.call('search');
  const giveUp = () => Promise.reject(new Error('too many searches of visitors'));
  for (let nth = 0; nth < 5; nth += 1)
    await assert.rejects(one.gate.run({ family: 'search', endpoint: 'GET /search' }, giveUp), /too many/);
  assert.equal(quotaOf(await one.ledger.read(), 'search', clock.now()).usedIn24Hours, 1);
});

// fault: damaged-ledger
test('numbers that no process writes count as absent, in scripts as well, and are removed', async (t) => {
  const { clock, redis, asked, one, damaged } = await createProcesses(t);
  const bin = Math.floor(clock.now() / hour);
  const future = clock.now() + 24 * hour;
  const fields = {
    'closed all': `${clock.now() + hour} nonsense ${clock.now()}`,
    'closed search': `${clock.now() + hour} rate ${future}`,
    'refused search': `11 ${future}`,
    'refused lists': `99999999 ${clock.now()}`,
    'good lists': '99999999',
    'day search': '99999999',
    'same lists': `${future} search`,
    'answered GET /me': `${future} me`,
    'reserved lists an-id': `10 ${future}`,
    // Of a later version, which needs it.
    'same search': `${clock.now()} podcasts`,
  };
  await redis.hset('ledger:{an account}', fields);
  await redis.hset('calls:{an account}', `search ${bin - 1}`, '99999999');

  assert.equal(await one.call('search'), 'answered');
  assert.deepEqual(asked, ['search']);
  assert.deepEqual(await redis.hmget('ledger:{an account}', 'good search', 'day search'), [null, '1']);
  const { closures, limitHits, good, shared, reserved } = await one.ledger.read();
  assert.deepEqual(
    [closures, limitHits, good, shared, reserved].map(({ size }) => size),
    [0, 0, 0, 0, 0],
  );
  assert.equal(quotaOf(await one.ledger.read(), 'search', clock.now()).usedIn24Hours, 1);
  const left = Object.keys(await redis.hgetall('ledger:{an account}'));
  assert.deepEqual(
    left.filter((name) => name in fields),
    ['day search', 'same search'],
  );
  assert.deepEqual([...new Set(damaged)], ['calls', 'ledger']);
});

test('a closure that ends too late does not hide a real one', async (t) => {
  const { clock, redis, one, other } = await createProcesses(t);
  await redis.hset(
    'ledger:{an account}',
    'closed images',
    `${clock.now() + 720 * hour} quota ${clock.now()}`,
  );
  await one.call('images', quota(7_200));
  assert.equal(await other.call('images'), 'quota of images for 120 min');
});

// fault: irregular-use
test('a day is known to be good even if the next call comes long after it', async (t) => {
  const { clock, one } = await createProcesses(t);
  for (let nth = 0; nth < 50; nth += 1) await one.call('lists');
  clock.advance({ hours: 27 });
  await one.call('lists');
  assert.equal((await one.ledger.read()).good.get('lists'), 50);
});

// fault: probe-learns-nothing
test('a refused probe says nothing about the quota of its family', async (t) => {
  const { clock, one, other } = await createProcesses(t);
  await one.call('playlist-read', quota(7_200));
  await other.call('player-read', quota(3_600));

  const { callsAtRefusal } = quotaOf(await one.ledger.read(), 'player-read', clock.now());
  assert.equal(callsAtRefusal, null);
});

// fault: limit-is-forgotten
test('a learned limit is never tiny, becomes looser day by day, and is forgotten after a week', async (t) => {
  const { clock, redis, one } = await createProcesses(t);
  const perDay = async () => liveBudget(await one.ledger.read(), 700, clock.now()).perDay;
  await redis.hset('ledger:{an account}', 'refused player-read', `11 ${clock.now()}`);
  assert.equal(await perDay(), 70);
  await redis.hset('ledger:{an account}', 'refused player-read', `401 ${clock.now()}`);
  assert.equal(await perDay(), 400);
  clock.advance({ hours: 25 });
  assert.equal(await perDay(), 500);
  clock.advance({ hours: 24 * 6 });
  assert.equal(await perDay(), 700);
});

// fault: deadline-of-ours
test('families are not linked by an assumed end time', async (t) => {
  const { one } = await createProcesses(t);
  for (const family of ['lists', 'search', 'me'] as const)
    assert.equal(await one.call(family, quota(null)), `quota of ${family} for 60 min`);
  assert.equal(await one.call('player-read'), 'answered');
  assert.deepEqual([...(await one.ledger.read()).shared], []);
});

// fault: refused-probe-is-released
test('families that a refused probe says nothing about are probed by the next call at once', async (t) => {
  const { clock, one, other } = await createProcesses(t);
  await one.call('search', rate(60));
  clock.advance({ seconds: 61 });
  assert.equal(await one.call('search', quota(7_200)), 'quota of search for 120 min');
  assert.equal(await other.call('lists'), 'answered');
});

test('families refused at other times, or until other times, do not share a quota', async (t) => {
  const { clock, one } = await createProcesses(t);
  await one.call('lists', quota(7_200));
  await one.call('search', quota(9_000));
  clock.advance({ minutes: 6 });
  await one.call('playlist-read', quota(7_200 - 360));

  clock.advance({ hours: 4 });
  for (const family of ['lists', 'search', 'playlist-read'] as const) await one.call(family);
  await one.call('playlist-read', quota(3_600));
  assert.equal(await one.call('lists'), 'answered');
  assert.equal(await one.call('search'), 'answered');
});

// fault: three-families-share
test('three families refused together close all', async (t) => {
  const { asked, one, other } = await createProcesses(t);
  for (const family of ['lists', 'playlist-read', 'search'] as const) await one.call(family, quota(7_200));
  asked.length = 0;

  assert.equal(await other.call('player-read'), 'quota of all for 120 min');
  assert.deepEqual(asked, []);
});

// fault: endpoint-gone
test('an endpoint that never answered while others of its family do is probably gone, and closes only itself', async (t) => {
  const { clock, one, other } = await createProcesses(t);
  assert.equal(await one.call('catalogue', null, 'GET /tracks/{id}'), 'answered');

  const gone = 'GET /browse/new-releases';
  assert.match(await one.call('catalogue', rate(600), gone), /rate/);
  assert.equal(await other.call('catalogue', null, gone), 'rate of catalogue for 10 min');
  clock.advance({ minutes: 11 });
  assert.match(await one.call('catalogue', rate(30), gone), /rate/);
  assert.equal(
    await other.call('catalogue', null, gone),
    'rate of catalogue for 60 min',
    'tried rarely then',
  );
  assert.equal(await other.call('catalogue', null, 'GET /tracks/{id}'), 'answered');
  assert.equal(await other.call('search'), 'answered');

  assert.equal(await one.call('catalogue', rate(600), 'GET /tracks/{id}'), 'rate of all for 10 min');
  assert.equal(await other.call('me'), 'rate of all for 10 min');
});

test('an endpoint that only timed out has not answered', async (t) => {
  const { one, other } = await createProcesses(t);
  const gone = 'GET /browse/new-releases';
  const timeout = async () => {
    throw new SpotifyUnavailable('timed out');
  };
  await assert.rejects(one.gate.run({ family: 'catalogue', endpoint: gone }, timeout), SpotifyUnavailable);
  assert.equal(await one.call('catalogue', null, 'GET /tracks/{id}'), 'answered');

  await one.call('catalogue', rate(3_600), gone);
  assert.equal(await other.call('catalogue', null, 'GET /tracks/{id}'), 'answered');
});

// fault: quota-learned
test('the count at a refusal and the largest day without one are learned, and become the family’s budget', async (t) => {
  const { clock, one } = await createProcesses(t);
  const callMany = async (count: number) => {
    for (let nth = 0; nth < count; nth += 1) await one.call('search');
  };
  const found = async () => quotaOf(await one.ledger.read(), 'search', clock.now());
  const budget = async () => familyBudget(await one.ledger.read(), 'search', 100, clock.now());

  await callMany(12);
  assert.deepEqual(await found(), {
    usedIn24Hours: 12,
    knownGood: null,
    callsAtRefusal: null,
    closedUntil: null,
  });
  assert.equal((await budget()).perDay, 100);

  clock.advance({ hours: 2 });
  await callMany(8);
  clock.advance({ hours: 2 });
  await one.call('search');
  assert.equal((await found()).knownGood, 20);

  await one.call('search', quota(7_200));
  const { callsAtRefusal, closedUntil, usedIn24Hours } = await found();
  assert.deepEqual([callsAtRefusal, closedUntil, usedIn24Hours], [22, clock.now() + 2 * hour, 22]);
  assert.equal((await budget()).perDay, 21);

  clock.advance({ hours: 30 });
  await callMany(30);
  clock.advance({ hours: 1 });
  await one.call('search');
  assert.equal((await found()).knownGood, 30, 'more than were refused then');
  assert.equal((await budget()).perDay, 30);
});

// fault: live-updates-by-their-own-calls
test('other calls don’t count against the live-update budget', async (t) => {
  const { clock, redis, one } = await createProcesses(t);
  const bin = Math.floor(clock.now() / hour);
  const live = async () => {
    const { perDay, used } = liveBudget(await one.ledger.read(), 700, clock.now());
    return [perDay, used];
  };

  await redis.hset('calls:{an account}', `player-read ${bin}`, 100, `lists ${bin}`, 100);
  assert.deepEqual(await live(), [700, 100]);
  await redis.hset('calls:{an account}', `lists ${bin}`, 1_000);
  assert.deepEqual(await live(), [700, 100]);
  await redis.hset('ledger:{an account}', 'refused player-read', `501 ${clock.now()}`);
  assert.deepEqual(await live(), [500, 100]);
  // Families that share the quota count.
  await redis.hset('ledger:{an account}', 'same lists', `${clock.now()} player-read`);
  assert.deepEqual(await live(), [500, 1_100]);
});

test('only the part of the oldest hour that is in the last 24 hours counts', async (t) => {
  const { clock, redis, one } = await createProcesses(t);
  clock.advance({ seconds: (hour - (clock.now() % hour)) / 1000 });
  await redis.hset('calls:{an account}', `lists ${clock.now() / hour}`, 100);
  clock.advance({ hours: 24 });
  const used = async () => quotaOf(await one.ledger.read(), 'lists', clock.now()).usedIn24Hours;

  assert.equal(await used(), 100);
  clock.advance({ minutes: 45 });
  assert.equal(await used(), 25);
  await one.call('lists', quota(60));
  assert.equal((await one.ledger.read()).limitHits.get('lists')?.calls, 26, 'in scripts as well');
  clock.advance({ minutes: 14, seconds: 59 });
  assert.equal(await used(), 2);
});

test('calls count for a day', async (t) => {
  const { clock, one } = await createProcesses(t);
  await one.call('lists');
  const used = async () => quotaOf(await one.ledger.read(), 'lists', clock.now()).usedIn24Hours;

  clock.advance({ hours: 23 });
  assert.equal(await used(), 1);
  clock.advance({ hours: 2 });
  assert.equal(await used(), 0);
});

test('expensive work waits until it fits beside the reserve', () => {
  const expiries = [
    { inMs: hour, calls: 300 },
    { inMs: 5 * hour, calls: 200 },
  ];
  const budget = { perDay: 700, used: 500, expiries };

  assert.equal(msUntilFit(budget, 130), 0);
  assert.equal(msUntilFit(budget, 131), hour);
  assert.equal(msUntilFit(budget, 600), 5 * hour);
  assert.equal(msUntilFit(budget, 631), null, 'more than a day ever has');
});
