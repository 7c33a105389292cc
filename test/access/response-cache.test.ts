import assert from 'node:assert/strict';
import { test as testOnce } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createResponseCache } from '../../src/access/response-cache.ts';
import { testInEachApiVersion as test } from '../support/api-versions.ts';
import { createClock } from '../support/clock.ts';
import { allowAll, apiRequests } from '../support/pages.ts';
import { holdResponse, startTurntable } from '../support/turntable.ts';

function newCache(t: { after(end: () => void): void }, maxCharacters?: number) {
  const clock = createClock();
  const cache = createResponseCache({ now: clock.now, ...(maxCharacters && { maxCharacters }) });
  t.after(cache.close);
  return { cache, clock };
}

test('one response serves all simultaneous requests for it', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  await mara.get('/now-playing').expect(200); // detects the API version
  simulator.fault({ on: /\/me\//, times: 100, delayMs: 30 });

  for (const path of ['/playlists', '/library', '/library/recent', '/library/top', '/devices']) {
    simulator.forgetCalls();
    const pages = await Promise.all(Array.from({ length: 20 }, () => mara.get(path).expect(200)));
    assert.equal(apiRequests(simulator).length, 1, path);
    // The color of a cover comes later than the first pages, in their first tag.
    const bodies = pages.map(({ text }) =>
      text.replaceAll(/name="idempotencyKey" value="[^"]+"|<html[^>]*>/g, ''),
    );
    assert.equal(new Set(bodies).size, 1, path);
  }
});

test('a response is cached for about a second, and no longer', async (t) => {
  const { browser, simulator, clock } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();

  for (const path of ['/playlists', '/library', '/library/recent', '/devices']) {
    simulator.forgetCalls();
    await mara.get(path).expect(200);
    clock.advance({ seconds: 0.9 });
    await mara.get(path).expect(200);
    assert.equal(apiRequests(simulator).length, 1, path);
    clock.advance({ seconds: 0.2 });
    await mara.get(path).expect(200);
    assert.equal(apiRequests(simulator).length, 2, path);
  }
});

test('a cached response is shared by the browsers of one listener, and never by two listeners', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const [mara, marasToo, noor] = [browser(), browser(), browser()];
  await mara.signIn();
  await marasToo.signIn();
  await noor.signIn('noor');
  simulator.fault({ on: /\/me\//, times: 100, delayMs: 30 });

  for (const path of ['/playlists', '/library', '/library/recent', '/library/top', '/devices']) {
    simulator.forgetCalls();
    const [one, two, other] = await Promise.all([mara, marasToo, noor].map((person) => person.getJson(path)));
    assert.deepEqual(one?.body, two?.body, path);
    assert.notDeepEqual(one?.body, other?.body, path);
    assert.deepEqual(simulator.calls.map(({ listenerId }) => listenerId).sort(), ['mara', 'noor'], path);
  }
});

testOnce('a browser with fewer permissions gets no response meant for another browser', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.settings.grantedScope = 'playlist-read-private playlist-read-collaborative';
  const less = browser();
  await less.signIn();

  simulator.fault({ on: /\/me\/tracks$/, delayMs: 50 });
  const [whole, refused] = await Promise.all([mara.get('/library'), less.get('/library')]);

  assert.equal(whole.status, 200);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /This needs more permission/);
  assert.match(refused.text, /allow=user-library-read"/);
  assert.equal((await less.get('/library')).status, 403, 'nor from the cache');
});

test('a response that was requested before a change and arrives after it is not cached', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn('mara', allowAll);
  const { body } = await mara.getJson('/library').expect(200);
  const { uri } = body.tracks[0].item;
  await mara.post('/library/save').send({ uri }).expect(303); // detects the API version, and empties the cache

  // The simulator computes its answer now and delays sending it.
  simulator.forgetCalls();
  const held = holdResponse(simulator, /\/me\/tracks$/);
  const before = mara
    .getJson('/library')
    .expect(200)
    .then((answer) => answer.body);
  await held.reached;
  await mara.post('/library/remove').send({ uri }).expect(303);
  const after = (await mara.getJson('/library').expect(200)).body;

  assert.equal(after.total, body.total - 1, 'a request after the change does not wait for the old answer');
  held.release();
  assert.equal((await before).total, body.total, 'the old answer is for who asked before');
  assert.equal((await mara.getJson('/library').expect(200)).body.total, body.total - 1, 'and is not cached');
});

testOnce('a failure reaches everyone who is waiting for it, and no one after that', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  simulator.forgetCalls();
  const held = holdResponse(simulator, 'api', { status: 502, body: '' });

  const all = Promise.all([1, 2, 3].map(() => mara.get('/playlists')));
  await held.reached;
  await sleep(500); // until all of them wait
  held.release();
  const pages = await all;
  assert.deepEqual(
    pages.map(({ status }) => status),
    [502, 502, 502],
  );
  assert.equal(simulator.calls.length, 1);
  await mara.get('/playlists').expect(200);
});

testOnce('signing out leaves nothing behind for the next person who signs in', async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  await mara.get('/playlists').expect(200);
  await mara.post('/logout').expect(303);
  await mara.signIn();
  simulator.forgetCalls();

  await mara.get('/playlists').expect(200);

  assert.deepEqual(apiRequests(simulator), ['GET /me/playlists']);
});

testOnce('the size of the cache is bounded, and the entries used longest ago are evicted', async (t) => {
  const { cache, clock } = newCache(t, 1_000);
  const loads: string[] = [];
  const get = (what: string, size = 200) =>
    cache.get('mara', what, 60_000, async () => {
      loads.push(what);
      return 'x'.repeat(size);
    });

  for (const what of ['a', 'b', 'c', 'd']) await get(what);
  await get('a');
  assert.deepEqual(loads, ['a', 'b', 'c', 'd']);
  await get('e'); // for which b is evicted
  await get('a');
  assert.deepEqual(loads, ['a', 'b', 'c', 'd', 'e']);
  await get('b');
  assert.deepEqual(loads, ['a', 'b', 'c', 'd', 'e', 'b']);
  await get('too large', 2_000);
  assert.equal(cache.peek('mara', 'too large', 60_000), undefined, 'and drives nothing out');
  assert.notEqual(cache.peek('mara', 'e', 60_000), undefined);
  // Nothing is cached for more than ten minutes, whatever TTL is asked for.
  clock.advance({ minutes: 11 });
  await get('f');
  assert.equal(cache.peek('mara', 'e', 60 * 60_000), undefined);
});

testOnce('keys never collide, whatever characters they contain', async (t) => {
  const { cache } = newCache(t);
  const load = (value: string) => async () => value;
  const names = [
    ['a', 'b'],
    ['a","b', ''],
    ['a', 'b"'],
    ['a', 'b\\'],
    ['', 'a","b'],
    ['everyone', 'b'],
  ] as const;

  for (const [whose, what] of names) await cache.get(whose, what, 1_000, load(`${whose}|${what}`));
  for (const [whose, what] of names) {
    assert.equal(await cache.get(whose, what, 1_000, load('loaded again')), `${whose}|${what}`);
  }
  cache.invalidate('a', 'b');
  assert.equal(cache.peek('a', 'b', 1_000), undefined);
  assert.equal(cache.peek('a', 'b"', 1_000), undefined, 'it begins like that');
  assert.equal(cache.peek('a","b', '', 1_000), 'a","b|');
  assert.equal(cache.peek('everyone', 'b', 1_000), 'everyone|b');
});

testOnce('entries can be invalidated after others were replaced, evicted, or too large', async (t) => {
  const { cache, clock } = newCache(t, 400);
  const value = 'x'.repeat(100);

  cache.set('mara', 'replaced', 'old');
  cache.set('mara', 'replaced', 'new');
  cache.set('mara', 'huge', 'x'.repeat(1_000));
  cache.invalidate('mara', 'replaced');
  assert.equal(cache.has('mara', 'replaced', 1_000), false);
  assert.equal(cache.has('mara', 'huge', 1_000), false);

  // Each evicts the one before the last.
  for (const key of ['a', 'b', 'c', 'd', 'e']) cache.set('noor', key, value);
  cache.invalidate('mara');
  assert.equal(cache.has('noor', 'e', 1_000), true);
  cache.invalidate('noor');
  assert.equal(cache.has('noor', 'e', 1_000), false);

  cache.set('noor', 'expired', value);
  clock.advance({ minutes: 11 });
  cache.set('noor', 'expired', 'again');
  cache.invalidate('noor', 'exp');
  assert.equal(cache.has('noor', 'expired', 1_000), false);
});
