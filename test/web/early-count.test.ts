import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Request } from 'express';
import { limits } from '../../src/access/rate-limiter.ts';
import { createEarlyCounts } from '../../src/web/early-count.ts';
import { startTurntable } from '../support/turntable.ts';

/** A request for now playing, as far as early counts look at it. */
const request = (sessionId: string) =>
  ({ method: 'GET', path: '/now-playing', session: { id: sessionId } }) as unknown as Request;

/** A limit that notes whose requests were counted. */
function createLimit() {
  const counted: string[] = [];
  const consume = async (accountId: string) => {
    counted.push(accountId);
    return { exceeded: false, remaining: counted.length, resetMs: 1_000 };
  };
  return { counted, consume };
}

test('each page counts once against the limit of its listener', async (t) => {
  const { browser } = await startTurntable(t, { limits });
  const mara = browser();
  await mara.signIn();
  const left = async (path: string) => {
    const { headers } = await mara.get(path).expect(200);
    return Number(/"read";r=(\d+)/.exec(headers.ratelimit ?? '')?.[1]);
  };

  const first = await left('/playlists');
  for (let page = 1; page <= 5; page += 1) assert.equal(await left('/playlists'), first - page);
  // Searches have another limit.
  await mara.get('/search?q=love').expect(200);
  await mara.get('/search?q=love').expect(200);
  assert.equal(await left('/playlists'), first - 6);
});

test('the cookie of a session that has ended does not use up the limit of its listener', async (t) => {
  const { browser } = await startTurntable(t, { limits });
  const [mara, stranger] = [browser(), browser()];
  await mara.signIn();
  await mara.get('/playlists').expect(200);
  const old = mara.cookieHeader();
  await mara.post('/logout').expect(303);
  for (let page = 0; page < 130; page += 1) await stranger.get('/playlists').set('Cookie', old).expect(303);

  await mara.signIn();
  const { headers } = await mara.get('/playlists').expect(200);

  // Three: her first page, the first one with the old cookie, and this one.
  assert.match(headers.ratelimit ?? '', new RegExp(`"read";r=${limits.read.requests - 3};`));
});

test('a request of another listener than expected is counted as theirs', async () => {
  const limit = createLimit();
  const counts = createEarlyCounts(limit);
  await counts.count(request('session'), limit, 'mara');
  const next = request('session');

  counts.begin(next, 'session');
  const { remaining } = await counts.count(next, limit, 'noor');

  assert.deepEqual(limit.counted, ['mara', 'mara', 'noor']);
  assert.equal(remaining, 3);
});

test('a request that is counted twice has two counts', async () => {
  const limit = createLimit();
  const counts = createEarlyCounts(limit);
  await counts.count(request('session'), limit, 'mara');
  const next = request('session');

  counts.begin(next, 'session');
  await counts.count(next, limit, 'mara');
  await counts.count(next, limit, 'mara');

  assert.deepEqual(limit.counted, ['mara', 'mara', 'mara']);
});

test('a count that fails is an error of its page only', async () => {
  let works = true;
  const limit = {
    async consume() {
      if (!works) throw new Error('No count');
      return { exceeded: false, remaining: 1, resetMs: 1_000 };
    },
  };
  const counts = createEarlyCounts(limit);
  await counts.count(request('session'), limit, 'mara');
  works = false;
  const [ended, next] = [request('session'), request('session')];

  counts.begin(ended, 'session');
  counts.begin(next, 'session');
  // Without anyone who awaits it, a rejection would end the process.
  await turn();

  await assert.rejects(counts.count(next, limit, 'mara'), /No count/);
});
