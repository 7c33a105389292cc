import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPoller } from '../../src/live/poller.ts';
import { RedisUnavailable } from '../../src/redis/errors.ts';
import { createClock } from '../support/clock.ts';

/** A poller, as far as pages use it: to say when the next poll is due. */
function createBudgetReader() {
  const clock = createClock(Date.now());
  const redis = { isUp: true, asked: 0 };
  const countPolled = async () => {
    redis.asked += 1;
    if (!redis.isUp) throw new RedisUnavailable('Redis: no reply');
    return 1;
  };
  const liveBudget = async () => ({ perDay: 700, used: 0, expiries: [] });
  const deps = { countPolled, liveBudget, now: clock.now } as unknown as Parameters<typeof createPoller>[0];
  const poller = createPoller(deps);
  return { clock, redis, next: () => poller.nextPollFor(null, 'everything') };
}

test('pages share what is known about the budget for two seconds', async () => {
  const { clock, redis, next } = createBudgetReader();

  await Promise.all([next(), next()]);
  clock.advance({ seconds: 1 });
  await next();
  assert.equal(redis.asked, 1);

  clock.advance({ seconds: 1 });
  await next();
  assert.equal(redis.asked, 2);
});

test('a budget that could not be read is read again by the next page', async () => {
  const { redis, next } = createBudgetReader();

  redis.isUp = false;
  await assert.rejects(next(), RedisUnavailable);
  redis.isUp = true;

  await next();
  assert.equal(redis.asked, 2);
});
